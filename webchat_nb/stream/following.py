"""What other processes commit to a shared store, brought into the sessions that are in memory here.

The events are projected as if they were ours, without a commit: projections are pure, so the outcome is the one that the
other process stored. Where that is not possible (an entity is needed as it was, and the store has it only as it became
since) the session is loaded anew, and its subscribers get what changed in one delivery.

Rule: OR4, FR3, FR16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import msgspec

from webchat_nb.errors import WebchatError
from webchat_nb.stream.delivery import Delivery
from webchat_nb.stream.failures import FailingError
from webchat_nb.stream.hydration import Hydrator
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader, OutrunError
from webchat_nb.stream.model import Cursor, LogEntry, LoggedEvent, Ordinal, Session
from webchat_nb.stream.observers import Observers
from webchat_nb.stream.projecting import Projected, Projector
from webchat_nb.stream.projections import merged_attributes
from webchat_nb.stream.store import Store
from webchat_nb.stream.timeline import NotLoadedError

MAX_FOLLOWED = 2048
"""Events that are projected one by one; of more than that only the outcome is read."""


@final
class Follower:
    """Moves live sessions to where the store stands; called by the pump, one session at a time."""

    def __init__(
        self, *, store: Store, loader: Loader, projector: Projector, hydrator: Hydrator, observers: Observers
    ) -> None:
        self._store = store
        self._loader = loader
        self._projector = projector
        self._hydrator = hydrator
        self._observers = observers
        loader.moved = self._moved

    async def follow(self, live: LiveSession) -> None:
        """Bring the session to where the store stands.

        Raises:
            StoreError: The store cannot be read; the session stands where it stood, or is not loaded.
        """
        if live.is_loaded:
            live.is_in_flight = True  # nobody may look while it moves
            try:
                if await self._follow_events(live):
                    return
            finally:
                live.land()
            live.is_loaded = False
        await self._loader.ensure(live)

    async def _follow_events(self, live: LiveSession) -> bool:
        """Project what is missing; False when that cannot be done, whatever was done of it."""
        session = live.session
        stored = await self._store.session(live.session_id)
        if stored is None:
            return not session.exists
        missing_count = stored.head - session.head
        if stored.epoch != session.epoch or not 0 <= missing_count <= MAX_FOLLOWED:
            return False
        if not missing_count:
            return True
        entries = await self._store.events(live.session_id, session.head, missing_count)
        if [entry.ordinal for entry in entries] != list(range(session.head + 1, stored.head + 1)):
            return False
        try:
            events, deliveries = await self._project(live, entries)
        except (OutrunError, FailingError, WebchatError):
            return False
        live.timeline.take_as_stored()
        live.session = stored
        live.foreign_count += 1
        live.fanout.publish(deliveries)
        self._observers.tell(stored, events, is_own=False)
        return True

    async def _project(
        self, live: LiveSession, entries: Sequence[LogEntry]
    ) -> tuple[list[LoggedEvent], list[Delivery]]:
        so_far = live.session
        events: list[LoggedEvent] = []
        deliveries: list[Delivery] = []
        for entry in entries:
            event = self._loader.to_event(live.session_id, entry)
            projected = await self._project_one(live, event, so_far)
            live.timeline.keep()
            events.append(event)
            deliveries += self._projector.deliveries(live, event, projected)
            so_far = _after(so_far, event.ordinal, projected.attributes)
        return events, deliveries

    async def _project_one(self, live: LiveSession, event: LoggedEvent, session: Session) -> Projected:
        while True:
            try:
                return self._projector.project(event, session, live.timeline)
            except NotLoadedError as missing:
                live.timeline.rollback()
                await self._loader.load_missing(live, missing)

    async def _moved(self, live: LiveSession, before: Session) -> None:
        """The session was loaded anew and is elsewhere: tell what it means for those who hold its past.

        Raises:
            OutrunError: It is further already; nobody was told of anything.
        """
        live.foreign_count += 1
        session = live.session
        if session.epoch != before.epoch or session.head < before.head:
            live.fanout.lag_all()
            return
        try:
            deliveries = await self._hydrator.missed(live, Cursor(before.epoch, before.head))
        except WebchatError:
            deliveries = None
        if deliveries is None:
            live.fanout.lag_all()
        else:
            live.fanout.publish(deliveries)
        await self._tell_observers(live, before)

    async def _tell_observers(self, live: LiveSession, before: Session) -> None:
        if not self._observers or live.session.head - before.head > MAX_FOLLOWED:
            return
        try:
            entries = await self._store.events(live.session_id, before.head, live.session.head - before.head)
            events = [self._loader.to_event(live.session_id, entry) for entry in entries]
        except WebchatError:
            return  # the log was pruned, or they are of a plugin that this process does not have
        self._observers.tell(live.session, events, is_own=False)


def _after(session: Session, ordinal: Ordinal, changes: Mapping[str, str]) -> Session:
    attributes = merged_attributes(session.attributes, changes) if changes else session.attributes
    return msgspec.structs.replace(session, head=ordinal, attributes=attributes)
