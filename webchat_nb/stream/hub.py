"""The one object a host holds: commands in, events out, subscriptions, sessions.

Rule: OR1-OR3, FR2-FR6, HT3, HT6, EV1. Source: seed 001 (``Hub``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, final

import msgspec

from webchat_nb.errors import (
    DuplicateNameError,
    IdempotencyConflictError,
    ShuttingDownError,
    UnknownNameError,
    WebchatError,
)
from webchat_nb.stream.clock import Clock, SystemClock
from webchat_nb.stream.commands import CommandTurn, Handler
from webchat_nb.stream.fanout import FanoutSettings, SessionFanout, Subscription
from webchat_nb.stream.hydration import Hydrator
from webchat_nb.stream.live import LiveSession, Unit
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import (
    Command,
    Cursor,
    Entity,
    EntityRow,
    Event,
    LoggedEvent,
    Ordinal,
    Receipt,
    Session,
    SessionId,
    Snapshot,
    SnapshotReason,
)
from webchat_nb.stream.pipeline import Pipeline
from webchat_nb.stream.projections import Projections
from webchat_nb.stream.publisher import Publisher
from webchat_nb.stream.rebuild import Rebuilder, Rebuilt
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import Store

DEFAULT_WINDOW = 200
"""Newest entities in a snapshot, unless asked otherwise (FR13)."""


@final
class Hub:
    """Commands in, events out; sessions by id.

    Args:
        registry: Every name and its message type; complete before ``start``.
        store: Opened by ``start`` and closed by ``shutdown``.
        projections: What events mean.
        clock: Time.
        fanout: How deliveries are paced and bounded.
    """

    def __init__(
        self,
        *,
        registry: SchemaRegistry,
        store: Store,
        projections: Projections,
        clock: Clock | None = None,
        fanout: FanoutSettings | None = None,
    ) -> None:
        self.registry = registry
        self.store = store
        self.clock = clock or SystemClock()
        self._fanout_settings = fanout or FanoutSettings()
        self._loader = Loader(registry=registry, store=store, projections=projections)
        self._hydrator = Hydrator(registry=registry, store=store, loader=self._loader)
        self._rebuilder = Rebuilder(store=store, projections=projections, loader=self._loader)
        self._pipeline = Pipeline(
            registry=registry, store=store, projections=projections, loader=self._loader, clock=self.clock
        )
        self._handlers: dict[str, Handler] = {}
        self._live: dict[SessionId, LiveSession] = {}
        self._is_open = False

    def on_command(self, name: str, handler: Handler) -> None:
        """Give a command its one handler.

        Raises:
            UnknownNameError: The name is not registered.
            DuplicateNameError: It has a handler already.
        """
        self.registry.message_type("command", name)
        if name in self._handlers:
            raise DuplicateNameError(f"command {name!r} has a handler already")
        self._handlers[name] = handler

    async def start(self) -> None:
        """Open the store and begin.

        Raises:
            StoreError: The store cannot be opened; the hub stays closed.
        """
        await self.store.open()
        self._pipeline.start()
        self._is_open = True

    async def shutdown(self) -> None:
        """Commit what waits, end all subscriptions, close the store. Harmless when called twice."""
        if self._is_open:
            self._is_open = False
            await self._pipeline.stop()
            for live in self._live.values():
                live.fanout.flush()
        await self.store.close()

    async def submit(self, command: Command) -> Receipt:
        """Carry out a command, or answer its repetition as the first time.

        Commands of one session are carried out one at a time. The receipt is given after the events are committed.

        Raises:
            UnknownNameError: No handler for the name.
            IdempotencyConflictError: The key was used with another fingerprint. Nothing is done.
            WebchatError: What the handler raised, or the store. Nothing is stored.
        """
        self._check_open()
        handler = self._handlers.get(command.name)
        if handler is None:
            raise UnknownNameError(f"command {command.name!r} has no handler")
        self.registry.check("command", command.name, command.payload)
        live = self._session(command.session_id)
        async with live.command_lock:
            if command.key and (kept := await self._repetition(command)):
                return kept
            await self._loader.ensure(live)
            turn = CommandTurn(command, live.session)
            try:
                answer = await handler(turn)
                receipt = await self._commit_turn(live, turn, answer)
            except BaseException:
                turn.end(is_committed=False)
                raise
            turn.end(is_committed=True)
            return receipt

    async def _repetition(self, command: Command) -> Receipt | None:
        kept = await self.store.receipt(command.session_id, command.actor, command.key)
        if kept is None:
            return None
        if kept.fingerprint != command.fingerprint:
            raise IdempotencyConflictError("the idempotency key was used before with another request")
        return msgspec.structs.replace(kept, deduplicated=True)

    async def _commit_turn(self, live: LiveSession, turn: CommandTurn, answer: dict[str, Any]) -> Receipt:
        command = turn.command

        def make_receipt(ordinal: Ordinal, at_ms: int) -> Receipt:
            return Receipt(
                session_id=command.session_id,
                actor=command.actor,
                key=command.key,
                fingerprint=command.fingerprint,
                answer=answer,
                ordinal=ordinal,
                at_ms=at_ms,
            )

        if not turn.events:  # nothing happened, so there is nothing to remember
            return make_receipt(live.session.head, self.clock.now_ms())
        made: list[Receipt] = []

        def make_and_keep(ordinal: Ordinal, at_ms: int) -> Receipt:
            made[:] = [make_receipt(ordinal, at_ms)]
            return made[0]

        keep = make_and_keep if command.key else None
        ordinals = await self._publish(live, turn.events, keep)
        return made[0] if made else make_receipt(ordinals[-1], self.clock.now_ms())

    async def publish(self, *events: Event) -> Sequence[Ordinal]:
        """Number events of one session, project them, commit the result, then tell the subscribers.

        Units of one session are published in call order; sessions do not wait for each other. Several events in one
        call are committed together or not at all.

        Returns:
            The ordinal of each event: 1 for the first of a session, then one more each time.

        Raises:
            UnknownNameError: A name is not registered. Nothing is stored, no ordinal is used.
            PayloadTypeError: A payload has another type than registered. Nothing is stored.
            ProjectionError: A projection raised. Nothing is stored, no ordinal is used.
            StoreError: The store refused. Nothing is stored and nobody is told.

        Rule: OR1, OR2, PL1.
        """
        self._check_open()
        return await self._publish(self._session(events[0].session_id), events, None)

    async def _publish(
        self,
        live: LiveSession,
        events: Sequence[Event],
        make_receipt: Callable[[Ordinal, int], Receipt] | None,
    ) -> Sequence[Ordinal]:
        for event in events:
            self._pipeline.check(event)
        landed: asyncio.Future[Sequence[Ordinal]] = asyncio.get_running_loop().create_future()

        def done(_: Unit, outcome: Sequence[Ordinal] | WebchatError) -> None:
            if landed.done():
                return
            if isinstance(outcome, WebchatError):
                landed.set_exception(outcome)
            else:
                landed.set_result(outcome)

        self._pipeline.add(live, Unit(events, done, make_receipt))
        return await landed

    def publisher(self, session_id: SessionId) -> Publisher:
        """A writer that does not wait for each commit: for an engine's stream of tokens. Close it at the end."""
        self._check_open()
        return Publisher(self._pipeline, self._session(session_id))

    async def subscribe(
        self,
        session_id: SessionId,
        *,
        since: Cursor | None = None,
        window: int = DEFAULT_WINDOW,
        reason: SnapshotReason = "first",
    ) -> Subscription:
        """Follow a session: what it is now, or what was missed, then everything live, without gap or repetition.

        A session that does not exist yet may be subscribed to: an empty snapshot at ordinal 0 (OR3).

        Args:
            session_id: Which one.
            since: The cursor of a subscriber that holds something.
            window: Newest entities in a snapshot.
            reason: Told with a snapshot when ``since`` is None.

        Raises:
            StoreError: The store cannot be read. Nothing is subscribed.

        Rule: FR2, FR4-FR6.
        """
        self._check_open()
        live = self._session(session_id)
        async with self._held(live):
            live.fanout.flush()
            return live.fanout.attach(await self._hydrator.hydrate(live, since=since, window=window, reason=reason))

    async def snapshot(
        self, session_id: SessionId, *, window: int = DEFAULT_WINDOW, before: Ordinal | None = None
    ) -> Snapshot:
        """The newest entities created before an ordinal, at the present position. Empty for an unknown session."""
        self._check_open()
        live = self._session(session_id)
        async with self._held(live):
            return await self._hydrator.snapshot(live, window=window, before=before)

    async def changed(
        self, session_id: SessionId, *, after: Ordinal, limit: int
    ) -> tuple[Session, Sequence[EntityRow], bool]:
        """Rows that changed after an ordinal, oldest change first; the flag says that there are more (HT5)."""
        self._check_open()
        live = self._session(session_id)
        async with self._held(live) as session:
            rows, has_more = await self._hydrator.changed_page(live, after=after, limit=limit)
            return session, rows, has_more

    async def session(self, session_id: SessionId) -> Session:
        """What is known of a session as a whole; ``exists`` is False for one without a log."""
        self._check_open()
        live = self._session(session_id)
        await self._loader.ensure(live)
        return live.session

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[Entity]:
        """All entities of a kind, private ones included: for the server's own use."""
        self._check_open()
        live = self._session(session_id)
        async with self._held(live):
            return await self._hydrator.entities(live, kind)

    async def entity(self, session_id: SessionId, kind: str, id: str) -> Entity | None:
        """One entity, private ones included, as committed."""
        self._check_open()
        live = self._session(session_id)
        async with self._held(live):
            await self._loader.load_entity(live, kind, id)
            return live.timeline.get(kind, id)

    async def events(self, session_id: SessionId, *, after: Ordinal, limit: int) -> Sequence[LoggedEvent]:
        """The log after an ordinal, oldest first."""
        self._check_open()
        entries = await self.store.events(session_id, after, limit)
        return [self._loader.to_event(session_id, entry) for entry in entries]

    async def erase(self, session_id: SessionId) -> bool:
        """Forget a session entirely; its subscribers hydrate again and see nothing. A later one has a new epoch."""
        self._check_open()
        live = self._session(session_id)
        async with live.command_lock, live.reading():
            erased = await self.store.erase(session_id)
            live.is_loaded = False
            live.fanout.lag_all()
            await self._loader.ensure(live)
            return erased

    async def rebuild(self, session_id: SessionId) -> Rebuilt:
        """Project a session's log from its beginning and keep the outcome; no UI traffic comes of it (PL3).

        Events that are published meanwhile wait. Where the outcome differs from what was kept, the session gets a new
        epoch and its subscribers hydrate again.

        Raises:
            StoreError: The beginning of the log was pruned, or the store refused. Nothing is changed.
            ProjectionError: A projection refuses an event of the log. Nothing is changed.
        """
        self._check_open()
        live = self._session(session_id)
        async with live.command_lock, self._held(live):
            rebuilt = await self._rebuilder.rebuild(live)
            await self._loader.ensure(live)
            return rebuilt

    def evict(self, *, idle_longer_than_s: float) -> list[SessionId]:
        """Drop idle sessions from memory, never from the store (EV1). Returns which."""
        now_s = self.clock.steady_s()
        idle = [
            live.session_id
            for live in self._live.values()
            if live.is_idle and now_s - live.last_used_s >= idle_longer_than_s
        ]
        for session_id in idle:
            del self._live[session_id]
        return idle

    @property
    def live_session_count(self) -> int:
        """How many sessions are in memory."""
        return len(self._live)

    @asynccontextmanager
    async def _held(self, live: LiveSession) -> AsyncIterator[Session]:
        async with live.reading():
            await self._loader.ensure(live)
            yield live.session

    def _session(self, session_id: SessionId) -> LiveSession:
        live = self._live.get(session_id)
        if live is None:
            fanout = SessionFanout(self.clock, self._fanout_settings)
            live = self._live[session_id] = LiveSession(session_id, fanout, self._pipeline.wake)
        live.last_used_s = self.clock.steady_s()
        return live

    def _check_open(self) -> None:
        if not self._is_open:
            raise ShuttingDownError("the service is not open")
