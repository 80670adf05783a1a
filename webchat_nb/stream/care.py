"""Looking after sessions: failures of projections, rebuilding, pruning, erasing.

Rule: PL2, PL3, OR3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from webchat_nb.errors import NotFoundError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.failures import FAILURE, Failure, to_failure
from webchat_nb.stream.hydration import Hydrator
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import Entity, Event, Ordinal, Remove, Session, SessionId
from webchat_nb.stream.pipeline import Pipeline
from webchat_nb.stream.rebuild import Progress, Rebuilder, Rebuilt
from webchat_nb.stream.retention import Retention, prune
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.sessions import Sessions
from webchat_nb.stream.store import Store


@final
class Care:
    """What the hub offers besides commands, events and subscriptions; see there."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        registry: SchemaRegistry,
        loader: Loader,
        hydrator: Hydrator,
        rebuilder: Rebuilder,
        pipeline: Pipeline,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._registry = registry
        self._loader = loader
        self._hydrator = hydrator
        self._rebuilder = rebuilder
        self._pipeline = pipeline
        self._clock = clock

    async def failures(self, session_id: SessionId) -> Sequence[Failure]:
        """See ``Hub.failures``."""
        live = self._sessions.get(session_id)
        records = await self._sessions.ask(live, lambda: self._hydrator.entities(live, FAILURE))
        found = [to_failure(session_id, record, await self._raw_event(session_id, record)) for record in records]
        return sorted(found, key=lambda failure: (failure.at_ms, failure.id))

    async def _raw_event(self, session_id: SessionId, record: Entity) -> Event:
        kept: Any = record.payload
        if kept.ordinal:
            entries = await self._store.events(session_id, Ordinal(kept.ordinal - 1), 1)
            if entries and entries[0].ordinal == kept.ordinal:
                logged = self._loader.to_event(session_id, entries[0])
                return Event(session_id=session_id, name=logged.name, payload=logged.payload)
        payload = self._registry.message_type("event", kept.event_name).FromString(kept.event_payload)
        return Event(session_id=session_id, name=kept.event_name, payload=payload)

    async def retry(self, session_id: SessionId, failure_id: str) -> None:
        """See ``Hub.retry``."""
        failure = next((one for one in await self.failures(session_id) if one.id == failure_id), None)
        if failure is None:
            raise NotFoundError(f"session {session_id}: no failure {failure_id!r}")
        if failure.ordinal is not None:
            await self.rebuild(session_id)
        else:
            live = self._sessions.get(session_id)
            await self._pipeline.commit_events(live, [failure.event], records=[Remove(FAILURE, failure_id)])

    async def rebuild(self, session_id: SessionId, progress: Progress | None = None) -> Rebuilt:
        """See ``Hub.rebuild``."""
        live = self._sessions.get(session_id)

        async def project() -> Rebuilt:
            rebuilt = await self._rebuilder.rebuild(live, progress)
            await self._loader.ensure(live)
            return rebuilt

        async with live.command_lock:
            return await self._sessions.ask(live, project)

    async def prune(
        self, session_id: SessionId, retention: Retention, may_prune: Callable[[Session], bool] | None
    ) -> Ordinal:
        """See ``Hub.prune``."""
        self._sessions.get(session_id)
        return await prune(self._store, session_id, retention, now_ms=self._clock.now_ms(), may_prune=may_prune)

    async def erase(self, session_id: SessionId) -> bool:
        """See ``Hub.erase``."""
        live = self._sessions.get(session_id)
        async with live.command_lock, live.reading():
            erased = await self._store.erase(session_id)
            await self._begin_anew(live)
            return erased

    async def _begin_anew(self, live: LiveSession) -> None:
        live.is_loaded = False
        live.fanout.lag_all()
        await self._loader.ensure(live)
