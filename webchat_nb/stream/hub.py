"""The one object a host holds: commands in, events out, subscriptions, sessions.

Rule: OR1-OR4, FR2-FR6, HT3, HT6, PL1-PL3, EV1. Source: seed 001 (``Hub``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, final

from webchat_nb.contracts.v1.stream_pb2 import StreamProjectionFailure
from webchat_nb.errors import BadRequestError
from webchat_nb.stream.care import Care
from webchat_nb.stream.clock import Clock, SystemClock
from webchat_nb.stream.commands import Commands, Handler
from webchat_nb.stream.failures import FAILURE, Failure, Policies
from webchat_nb.stream.fanout import FanoutSettings, Subscription
from webchat_nb.stream.following import Follower
from webchat_nb.stream.hydration import Hydrator
from webchat_nb.stream.live import LiveSession
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
from webchat_nb.stream.observers import Observer, Observers
from webchat_nb.stream.pipeline import Pipeline, Probe
from webchat_nb.stream.projecting import Projector
from webchat_nb.stream.projections import Projections, TimelineView
from webchat_nb.stream.publisher import Publisher
from webchat_nb.stream.rebuild import Progress, Rebuilder, Rebuilt
from webchat_nb.stream.retention import Retention
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.sessions import Sessions
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
        policies: What becomes of an event that a projection fails on (PL2).
        metadata: Called once for each session that comes into memory; what it returns is the host's own (``metadata``).
        probe: Told the points that batches pass; for crash tests.
    """

    def __init__(
        self,
        *,
        registry: SchemaRegistry,
        store: Store,
        projections: Projections,
        clock: Clock | None = None,
        fanout: FanoutSettings | None = None,
        policies: Policies | None = None,
        metadata: Callable[[SessionId], Any] | None = None,
        probe: Probe | None = None,
    ) -> None:
        self.registry = registry
        self.store = store
        self.clock = clock or SystemClock()
        registry.entity(FAILURE, StreamProjectionFailure, private=True)
        self._observers = Observers()
        self._projector = Projector(registry=registry, projections=projections, policies=policies or Policies())
        self._loader = Loader(registry=registry, store=store, projections=projections)
        self._hydrator = Hydrator(registry=registry, store=store, loader=self._loader)
        self._rebuilder = Rebuilder(store=store, projector=self._projector, loader=self._loader)
        self._pipeline = Pipeline(
            registry=registry,
            store=store,
            projector=self._projector,
            loader=self._loader,
            follower=self._follower(),
            observers=self._observers,
            clock=self.clock,
            probe=probe,
        )
        self._sessions = Sessions(
            store=store,
            loader=self._loader,
            pipeline=self._pipeline,
            clock=self.clock,
            fanout=fanout or FanoutSettings(),
            metadata=metadata,
        )
        self._commands = Commands(
            registry=registry, store=store, sessions=self._sessions, pipeline=self._pipeline, clock=self.clock
        )
        self._care = Care(
            sessions=self._sessions,
            store=store,
            registry=registry,
            loader=self._loader,
            hydrator=self._hydrator,
            rebuilder=self._rebuilder,
            pipeline=self._pipeline,
            clock=self.clock,
        )
        self._closed = asyncio.Event()

    def _follower(self) -> Follower | None:
        if self.store.sharing is None:
            return None
        return Follower(
            store=self.store,
            loader=self._loader,
            projector=self._projector,
            hydrator=self._hydrator,
            observers=self._observers,
        )

    # Life

    def on_command(self, name: str, handler: Handler) -> None:
        """Give a command its one handler.

        Raises:
            UnknownNameError: The name is not registered.
            DuplicateNameError: It has a handler already.
        """
        self._commands.add(name, handler)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Tell somebody of everything that is committed; returns how to end that.

        An observer is called on the event loop after the commit and must not wait. What it raises is logged.
        """
        self._projector.is_observed = True
        return self._observers.add(observer)

    async def start(self) -> None:
        """Open the store and begin.

        Raises:
            StoreError: The store cannot be opened; the hub stays closed.
        """
        await self.store.open()
        self._pipeline.start()
        self._sessions.is_open = True

    async def run(self) -> None:
        """Start, serve until somebody calls ``shutdown`` or cancels this, then shut down.

        Raises:
            StoreError: The store cannot be opened, or not closed cleanly.
        """
        await self.start()
        try:
            await self._closed.wait()
        finally:
            await self.shutdown()

    async def shutdown(self) -> None:
        """Commit what waits, end all subscriptions, close the store. Harmless when called twice."""
        if self._sessions.is_open:
            self._sessions.is_open = False
            await self._pipeline.stop()
            for live in self._sessions:
                live.fanout.flush()
        self._closed.set()
        await self.store.close()

    # In

    async def submit(self, command: Command) -> Receipt:
        """Carry out a command, or answer its repetition as the first time.

        Commands of one session are carried out one at a time. The receipt is given after the events are committed.
        Where another process wrote to the session meanwhile, the handler is called again, on the session as it is then.

        Raises:
            UnknownNameError: No handler for the name.
            IdempotencyConflictError: The key was used with another fingerprint. Nothing is done.
            WebchatError: What the handler raised, or the store. Nothing is stored.
        """
        live = self._sessions.get(command.session_id)
        self._commands.check(command)
        return await self._commands.carry_out(live, command)

    async def publish(self, *events: Event) -> Sequence[Ordinal]:
        """Number events of one session, project them, commit the result, then tell the subscribers.

        Units of one session are published in call order; sessions do not wait for each other. Several events in one
        call are committed together or not at all.

        Returns:
            The ordinal of each event: 1 for the first of a session, then one more each time.

        Raises:
            UnknownNameError: A name is not registered. Nothing is stored, no ordinal is used.
            PayloadTypeError: A payload has another type than registered. Nothing is stored.
            ProjectionError: A projection failed that must not (PL2). Nothing is stored, no ordinal is used.
            StoreError: The store refused. Nothing is stored and nobody is told.

        Rule: OR1, OR2, PL1.
        """
        return await self._pipeline.commit_events(self._sessions.get(events[0].session_id), events)

    def publisher(self, session_id: SessionId, *, while_: Callable[[TimelineView], bool] | None = None) -> Publisher:
        """A writer that does not wait for each commit: for an engine's stream of tokens. Close it at the end.

        Args:
            session_id: Whose log.
            while_: What has to hold on the timeline for the events to be true; see ``Publisher``.
        """
        return Publisher(self._pipeline, self._sessions.get(session_id), while_)

    # Out

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
        live = self._sessions.get(session_id)

        async def attach() -> Subscription:
            live.fanout.flush()
            return live.fanout.attach(await self._hydrator.hydrate(live, since=since, window=window, reason=reason))

        return await self._sessions.ask(live, attach)

    async def snapshot(
        self,
        session_id: SessionId,
        *,
        window: int = DEFAULT_WINDOW,
        before: Ordinal | None = None,
        as_of: Ordinal | None = None,
    ) -> Snapshot:
        """The newest entities created before an ordinal, at the present position. Empty for an unknown session.

        Args:
            session_id: Which one.
            window: Most entities; those with one ``created`` are never torn apart.
            before: Only entities created before this event.
            as_of: The timeline as it was right after this event; projects the log from its beginning up to there.

        Raises:
            BadRequestError: ``as_of`` is beyond the head.
            LogPrunedError: The log no longer reaches back to its beginning, for ``as_of``.
        """
        live = self._sessions.get(session_id)
        if as_of is None:
            return await self._sessions.ask(live, lambda: self._hydrator.snapshot(live, window=window, before=before))
        return await self._sessions.ask(live, lambda: self._snapshot_as_of(live, as_of, window, before))

    async def _snapshot_as_of(self, live: LiveSession, as_of: Ordinal, window: int, before: Ordinal | None) -> Snapshot:
        if not 0 <= as_of <= live.session.head:
            raise BadRequestError(f"as_of: expected 0 to {live.session.head}, got {as_of}")
        session, rows = await self._rebuilder.rows_at(live, as_of)
        return self._hydrator.past_snapshot(session, rows, window=window, before=before)

    async def changed(
        self, session_id: SessionId, *, after: Ordinal, limit: int
    ) -> tuple[Session, Sequence[EntityRow], bool]:
        """Rows that changed after an ordinal, oldest change first; the flag says that there are more (HT5)."""
        live = self._sessions.get(session_id)

        async def read() -> tuple[Session, Sequence[EntityRow], bool]:
            rows, has_more = await self._hydrator.changed_page(live, after=after, limit=limit)
            return live.session, rows, has_more

        return await self._sessions.ask(live, read)

    async def session(self, session_id: SessionId) -> Session:
        """What is known of a session as a whole; ``exists`` is False for one without a log."""
        live = self._sessions.get(session_id)
        await self._sessions.sync(live)
        return live.session

    async def cursor(self, session_id: SessionId) -> Cursor:
        """Where a session stands: what a subscriber resumes from that has seen everything."""
        session = await self.session(session_id)
        return Cursor(session.epoch, session.head)

    def metadata(self, session_id: SessionId) -> Any:
        """What the metadata factory made for a session; None without a factory."""
        return self._sessions.get(session_id).metadata

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[Entity]:
        """All entities of a kind, private ones included: for the server's own use."""
        live = self._sessions.get(session_id)
        return await self._sessions.ask(live, lambda: self._hydrator.entities(live, kind))

    async def entity(self, session_id: SessionId, kind: str, id: str) -> Entity | None:
        """One entity, private ones included, as committed."""
        live = self._sessions.get(session_id)

        async def read() -> Entity | None:
            await self._loader.load_entity(live, kind, id)
            return live.timeline.get(kind, id)

        return await self._sessions.ask(live, read)

    async def events(self, session_id: SessionId, *, after: Ordinal, limit: int) -> Sequence[LoggedEvent]:
        """The log after an ordinal, oldest first."""
        self._sessions.get(session_id)
        entries = await self.store.events(session_id, after, limit)
        return [self._loader.to_event(session_id, entry) for entry in entries]

    # Care

    async def failures(self, session_id: SessionId) -> Sequence[Failure]:
        """The events that projections failed on, oldest first, with the raw events (PL2)."""
        return await self._care.failures(session_id)

    async def retry(self, session_id: SessionId, failure_id: str) -> None:
        """Have another try at an event that a projection failed on; its record goes when it succeeds.

        A refused event is published again, at the end of the log. For one that is in the log the session is rebuilt.

        Raises:
            NotFoundError: There is no such record.
            WebchatError: It failed again, as ``publish`` and ``rebuild`` say. The record stays.
        """
        await self._care.retry(session_id, failure_id)

    async def rebuild(self, session_id: SessionId, *, progress: Progress | None = None) -> Rebuilt:
        """Project a session's log from its beginning and keep the outcome; no UI traffic comes of it (PL3).

        Events that are published meanwhile wait. Where the outcome differs from what was kept, the session gets a new
        epoch and its subscribers hydrate again.

        Args:
            session_id: Which one.
            progress: Told how many of how many events are done.

        Raises:
            LogPrunedError: The beginning of the log was pruned. Nothing is changed.
            ProjectionError: A projection refuses an event of the log. Nothing is changed.
            StoreError: The store refused. Nothing is changed.
        """
        return await self._care.rebuild(session_id, progress)

    async def prune(
        self, session_id: SessionId, retention: Retention, *, may_prune: Callable[[Session], bool] | None = None
    ) -> Ordinal:
        """Forget what a retention does not keep of a session's log; returns the oldest event that is still there.

        Args:
            session_id: Which one.
            retention: What stays.
            may_prune: Whether the application needs none of the events so far; None: it never does.
        """
        return await self._care.prune(session_id, retention, may_prune)

    async def erase(self, session_id: SessionId) -> bool:
        """Forget a session entirely; its subscribers hydrate again and see nothing. A later one has a new epoch."""
        return await self._care.erase(session_id)

    def evict(self, *, idle_longer_than_s: float) -> list[SessionId]:
        """Drop idle sessions from memory, never from the store (EV1). Returns which."""
        return self._sessions.evict(idle_longer_than_s=idle_longer_than_s)

    @property
    def live_session_count(self) -> int:
        """How many sessions are in memory."""
        return len(self._sessions)
