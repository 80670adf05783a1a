"""Events out: validate → number → project → commit → fan out.

All sessions share one pump. It takes what waits, projects it, and commits it in one transaction; what arrives meanwhile
is the next batch, so commits are grouped by what is waiting and never by a timer. Nobody is told of what is not
committed. Sessions keep their own order and do not see each other.

Rule: OR1, OR2, PL1, ST3. Source: seed 001 (``Hub``), PERFORMANCE (c) 2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import final

import msgspec

from webchat_nb.errors import OperationError, StoreConflictError, StoreError, WebchatError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.failures import FAILURE, FailingError
from webchat_nb.stream.following import Follower
from webchat_nb.stream.live import LiveSession, Unit
from webchat_nb.stream.loading import Loader, OutrunError
from webchat_nb.stream.model import Event, Op, Ordinal, Receipt
from webchat_nb.stream.observers import Observers
from webchat_nb.stream.projecting import Batch, Projector
from webchat_nb.stream.projections import TimelineView
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import SessionCommit, Store
from webchat_nb.stream.timeline import LiveTimeline, NotLoadedError

MAX_BATCH_EVENTS = 2048
"""Most events in one commit: bounds how long a commit takes and how much a failure throws back."""

MAX_GATHERING_TURNS = 32
"""Most turns of the event loop that a commit waits for events that keep coming; about a third of a millisecond."""

Probe = Callable[[str], None]
"""Told the name of each point that a batch passes: ``projected``, ``committed``, ``told``. For crash tests."""

_log = logging.getLogger(__name__)


@final
class Pipeline:
    """The one writer of this process: owns the order of events and what becomes of them.

    Args:
        registry: Every name and its message type.
        store: Where commits go.
        projector: What events mean.
        loader: Brings sessions into memory.
        follower: Brings what other processes committed into memory; None when there are none.
        observers: Told of what was committed.
        clock: Dates events.
        probe: See ``Probe``.
    """

    def __init__(
        self,
        *,
        registry: SchemaRegistry,
        store: Store,
        projector: Projector,
        loader: Loader,
        follower: Follower | None,
        observers: Observers,
        clock: Clock,
        probe: Probe | None = None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._projector = projector
        self._loader = loader
        self._follower = follower
        self._observers = observers
        self._clock = clock
        self._probe = probe
        self._ready: dict[LiveSession, None] = {}
        self._added_count = 0
        self._wakeup = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def start(self) -> None:
        """Begin to pump; called once, on the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._pump(), name="webchat-pipeline")

    async def stop(self) -> None:
        """Commit what waits, then end."""
        if self._task is not None:
            self._is_stopping = True
            self._wakeup.set()
            await self._task
            self._task = None

    def check(self, event: Event) -> None:
        """Refuse an event that is not registered, before it waits.

        Raises:
            UnknownNameError: The name is not registered. No ordinal is used.
            PayloadTypeError: The payload has another type. No ordinal is used.
        """
        self._registry.check("event", event.name, event.payload)

    def add(self, live: LiveSession, unit: Unit) -> None:
        """Put a unit at the end of its session's inbox."""
        live.put(unit)
        self._added_count += 1
        self.wake(live)

    async def commit_events(
        self,
        live: LiveSession,
        events: Sequence[Event],
        make_receipt: Callable[[Ordinal, int], Receipt] | None = None,
        *,
        records: Sequence[Op] = (),
        decided_while: Callable[[TimelineView], None] | None = None,
    ) -> Sequence[Ordinal]:
        """Add a unit and wait for its commit.

        Args:
            live: The session.
            events: Committed together.
            make_receipt: See ``Unit``.
            records: See ``Unit``.
            decided_while: The guard of a decision; None for facts.

        Returns:
            The ordinals of the events.

        Raises:
            WebchatError: As ``Hub.publish``; nothing is stored.
            StoreConflictError: For a decision: another process wrote to the session since.
        """
        for event in events:
            self.check(event)
        landed: asyncio.Future[Sequence[Ordinal]] = asyncio.get_running_loop().create_future()

        def done(_: Unit, outcome: Sequence[Ordinal] | WebchatError) -> None:
            if landed.done():
                return
            if isinstance(outcome, WebchatError):
                landed.set_exception(outcome)
            else:
                landed.set_result(list(outcome))

        self.add(
            live,
            Unit(events, done, make_receipt, records=records, guard=decided_while, is_decision=bool(decided_while)),
        )
        return await landed

    def wake(self, live: LiveSession) -> None:
        """Look at this session's inbox in the next round."""
        self._ready[live] = None
        self._wakeup.set()

    def look(self, live: LiveSession) -> None:
        """Another process may have moved the session: follow it in the next round."""
        if live.followers is None:
            live.followers = []
        self.wake(live)

    async def follow(self, live: LiveSession) -> None:
        """Return when the session stands where the store stood at this call.

        Raises:
            StoreError: The store cannot be read; the session stands where it stood.
        """
        followed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.look(live)
        assert live.followers is not None
        live.followers.append(followed)
        await followed

    async def _pump(self) -> None:
        while not self._is_stopping:
            await self._wakeup.wait()
            self._wakeup.clear()
            while batches := await self._gather():
                try:
                    self._pass("projected")
                    await self._commit(batches)
                except Exception:  # noqa: BLE001 - a bug must not end the pump: those who wait are told
                    _log.exception("the pipeline failed")
                    self._give_up(batches, OperationError("internal error in the pipeline"))
                await self._let_more_come()

    async def _let_more_come(self) -> None:
        """After a commit, let a stream that goes on fill the next one.

        A store that commits without waiting never lets the event loop turn, so that each token would be a commit of
        its own. What comes after a pause does not wait: it finds the pump idle.
        """
        for _ in range(MAX_GATHERING_TURNS):
            before = self._added_count
            await asyncio.sleep(0)
            if self._added_count == before:
                return

    async def _gather(self) -> list[Batch]:
        """Project what waits, up to the size of one commit."""
        batches: list[Batch] = []
        room = MAX_BATCH_EVENTS
        for live in list(self._ready):
            del self._ready[live]
            if not live.has_work():
                continue  # a reader wakes the session when it has finished
            batch = None
            try:
                if live.followers is not None:
                    await self._follow(live)
                await self._loader.ensure(live)
                batch = Batch(live, self._clock.now_ms())
                live.is_in_flight = True
                while live.has_units and live.has_work() and room > 0:
                    room -= await self._project_unit(batch, live.take())
            except OutrunError:
                self._step_back(batch, StoreConflictError(f"session {live.session_id}: another server was faster"))
                continue
            except WebchatError as error:
                self._give_up([batch] if batch else [], error)
                self._refuse_inbox(live, error)
                continue
            if live.has_units:
                self._ready[live] = None
            if batch.units:
                batches.append(batch)
            else:
                live.land()
            if room <= 0:
                break
        return batches

    async def _follow(self, live: LiveSession) -> None:
        waiting, live.followers = live.followers or [], None
        error: WebchatError | None = None
        try:
            if self._follower is not None:
                await self._follower.follow(live)
        except WebchatError as raised:
            error = raised
            _log.warning("session %s could not be followed: %s", live.session_id, error)
        for followed in waiting:
            if not followed.done() and error is not None:
                followed.set_exception(error)
            elif not followed.done():
                followed.set_result(None)

    async def _project_unit(self, batch: Batch, unit: Unit) -> int:
        """Project one unit onto the live timeline; a refused one leaves no trace.

        Returns:
            How much of a commit it takes.

        Raises:
            OutrunError: The store is ahead; the unit is in the inbox again.
        """
        live, timeline = batch.live, batch.live.timeline
        while True:
            try:
                if unit.guard is not None:
                    unit.guard(timeline)
                self._projector.add_unit(batch, unit)
                return len(unit.events) or 1
            except NotLoadedError as missing:
                timeline.rollback()
                try:
                    await self._loader.load_missing(live, missing)
                except OutrunError:
                    live.put_back(unit)
                    raise
                except WebchatError as error:
                    unit.done(unit, error)
                    return 0
            except FailingError as failing:
                timeline.rollback()
                _log.warning("session %s: %s; the event is refused", live.session_id, failing)
                unit.done(unit, failing.told)
                self._keep_record(batch, failing)
                return 0
            except WebchatError as error:
                timeline.rollback()
                unit.done(unit, error)
                return 0

    def _keep_record(self, batch: Batch, failing: FailingError) -> None:
        """The record of a refused event is a unit of its own, without events."""
        live, at_ms = batch.live, batch.at_ms
        record = failing.record("fail", at_ms)

        def count_up(timeline: LiveTimeline) -> None:
            before = timeline.get(FAILURE, record.id)
            kept.records = [failing.record("fail", at_ms, before=before)]

        kept = Unit((), lambda *_: None, guard=count_up)
        live.put_back(kept)

    async def _commit(self, batches: Sequence[Batch]) -> None:
        commits = [self._to_commit(batch) for batch in batches]
        try:
            await self._store.commit(commits)
        except StoreConflictError as error:
            if self._follower is None:
                _log.error("a commit was refused: %s", error)
                self._give_up(batches, error)
            elif len(batches) == 1:
                self._step_back(batches[0], error)
            else:  # one session's lost race is not the others'
                await self._commit_one_by_one(batches, commits)
            return
        except StoreError as error:
            _log.error("a commit was refused: %s", error)
            self._give_up(batches, error)
            return
        self._pass("committed")
        for batch, commit in zip(batches, commits, strict=True):
            self._land(batch, commit)
        self._pass("told")

    def _to_commit(self, batch: Batch) -> SessionCommit:
        live = batch.live
        rows = live.timeline.collect_rows()
        return SessionCommit(
            session_id=live.session_id,
            epoch=live.session.epoch,
            base=batch.base,
            events=batch.entries,
            rows=rows,
            settled=live.timeline.settled(batch.head),
            attributes=batch.attributes,
            receipts=batch.receipts,
            at_ms=batch.at_ms,
        )

    async def _commit_one_by_one(self, batches: Sequence[Batch], commits: Sequence[SessionCommit]) -> None:
        for batch, commit in zip(batches, commits, strict=True):
            try:
                await self._store.commit([commit])
            except StoreConflictError as error:
                self._step_back(batch, error)
            except StoreError as error:
                self._give_up([batch], error)
            else:
                self._land(batch, commit)

    def _land(self, batch: Batch, commit: SessionCommit) -> None:
        """The batch is committed: everybody may know."""
        live, session = batch.live, batch.live.session
        live.session = msgspec.structs.replace(
            session,
            head=batch.head,
            settled=commit.settled,
            attributes=batch.attributes,
            created_at_ms=session.created_at_ms or commit.at_ms,
            updated_at_ms=commit.at_ms if commit.events else session.updated_at_ms,
        )
        live.fanout.publish(batch.deliveries.take())
        live.land()
        for unit in batch.units:
            unit.done(unit, unit.ordinals)
        if batch.logged:
            self._observers.tell(live.session, batch.logged, is_own=True)

    def _step_back(self, batch: Batch | None, error: WebchatError) -> None:
        """Another process was faster: load anew, then facts come after its events, and decisions are made again."""
        assert batch is not None
        live = batch.live
        live.is_loaded = False
        live.land()
        facts = [unit for unit in batch.units if not unit.is_decision]
        live.put_back(*facts)
        self.wake(live)
        for unit in batch.units:
            if unit.is_decision:
                unit.done(unit, error)

    def _pass(self, point: str) -> None:
        if self._probe is not None:
            self._probe(point)

    def _give_up(self, batches: Sequence[Batch], error: WebchatError) -> None:
        """Nothing of the batches is stored: forget what memory holds of it and tell everybody who waits."""
        for batch in batches:
            batch.live.is_loaded = False
            batch.live.land()
            for unit in batch.units:
                unit.done(unit, error)
            self._refuse_inbox(batch.live, error)

    def _refuse_inbox(self, live: LiveSession, error: WebchatError) -> None:
        """What waits behind a refused unit may build on it, so it is refused too."""
        while live.has_units:
            unit = live.take()
            unit.done(unit, error)
