"""Events out: validate → number → project → commit → fan out.

All sessions share one pump. It takes what waits, projects it, and commits it in one transaction; what arrives meanwhile
is the next batch, so commits are grouped by what is waiting and never by a timer. Nobody is told of what is not
committed. Sessions keep their own order and do not see each other.

Rule: OR1, OR2, PL1, ST3. Source: seed 001 (``Hub``), PERFORMANCE (c) 2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import final

import msgspec

from webchat_nb.errors import OperationError, ProjectionError, StoreError, WebchatError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.delivery import BATCH_TYPE, AppendOp, Delivery, RemoveOp, UpsertOp, WireOp
from webchat_nb.stream.live import LiveSession, Unit
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import (
    Event,
    LogEntry,
    LoggedEvent,
    Op,
    Ordinal,
    Receipt,
    Remove,
    Session,
    UIEvent,
    Upsert,
)
from webchat_nb.stream.projections import Projections, merged_attributes
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import SessionCommit, Store
from webchat_nb.stream.timeline import Appended, NotLoadedError

MAX_BATCH_EVENTS = 2048
"""Most events in one commit: bounds how long a commit takes and how much a failure throws back."""

_log = logging.getLogger(__name__)


class _Batch:
    """What one commit changes in one session, while it is put together."""

    __slots__ = ("at_ms", "attributes", "base", "deliveries", "entries", "live", "receipts", "units")

    def __init__(self, live: LiveSession, at_ms: int) -> None:
        self.live = live
        self.at_ms = at_ms
        self.base = live.session.head
        self.attributes = live.session.attributes
        self.entries: list[LogEntry] = []
        self.deliveries: list[Delivery] = []
        self.receipts: list[Receipt] = []
        self.units: list[tuple[Unit, list[Ordinal]]] = []

    @property
    def head(self) -> Ordinal:
        return Ordinal(self.base + len(self.entries))


@final
class Pipeline:
    """The one writer: owns the order of events and what becomes of them."""

    def __init__(
        self, *, registry: SchemaRegistry, store: Store, projections: Projections, loader: Loader, clock: Clock
    ) -> None:
        self._registry = registry
        self._store = store
        self._projections = projections
        self._loader = loader
        self._clock = clock
        self._ready: dict[LiveSession, None] = {}
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
        live.inbox.append(unit)
        self.wake(live)

    def wake(self, live: LiveSession) -> None:
        """Look at this session's inbox in the next round."""
        self._ready[live] = None
        self._wakeup.set()

    async def _pump(self) -> None:
        while not self._is_stopping:
            await self._wakeup.wait()
            self._wakeup.clear()
            while batches := await self._gather():
                try:
                    await self._commit(batches)
                except Exception:  # noqa: BLE001 - a bug must not end the pump: those who wait are told
                    _log.exception("the pipeline failed")
                    self._give_up(batches, OperationError("internal error in the pipeline"))

    async def _gather(self) -> list[_Batch]:
        """Project what waits, up to the size of one commit."""
        batches: list[_Batch] = []
        room = MAX_BATCH_EVENTS
        for live in list(self._ready):
            del self._ready[live]
            if not live.has_work():
                continue  # a reader wakes the session when it has finished
            batch = None
            try:
                await self._loader.ensure(live)
                batch = _Batch(live, self._clock.now_ms())
                live.is_in_flight = True
                while live.has_work() and room > 0:
                    room -= await self._project_unit(batch, live.inbox.popleft())
            except WebchatError as error:
                self._give_up([batch] if batch else [], error)
                self._refuse_inbox(live, error)
                continue
            if live.inbox:
                self._ready[live] = None
            if batch.entries:
                batches.append(batch)
            else:
                live.land()
            if room <= 0:
                break
        return batches

    async def _project_unit(self, batch: _Batch, unit: Unit) -> int:
        """Project one unit onto the live timeline; a failing one leaves no trace."""
        while True:
            try:
                self._try_unit(batch, unit)
                return len(unit.events)
            except NotLoadedError as missing:
                batch.live.timeline.rollback()
                try:
                    await self._loader.load_missing(batch.live, missing)
                except WebchatError as error:
                    unit.done(unit, error)
                    return 0
            except WebchatError as error:
                batch.live.timeline.rollback()
                unit.done(unit, error)
                return 0
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises concerns this unit alone
                batch.live.timeline.rollback()
                _log.exception("a projection failed on %s", [event.name for event in unit.events])
                unit.done(unit, ProjectionError(f"a projection failed: {type(error).__name__}"))
                return 0

    def _try_unit(self, batch: _Batch, unit: Unit) -> None:
        live, timeline, at_ms = batch.live, batch.live.timeline, batch.at_ms
        session_id = live.session_id
        attributes, head = batch.attributes, batch.head
        entries: list[LogEntry] = []
        deliveries: list[Delivery] = []
        is_watched = live.fanout.subscriber_count > 0  # nobody can join while the session is in flight
        for event in unit.events:
            session = Session(session_id=session_id, epoch=live.session.epoch, head=head, attributes=attributes)
            head = Ordinal(head + 1)
            logged = LoggedEvent(
                session_id=session_id, ordinal=head, name=event.name, payload=event.payload, at_ms=at_ms
            )
            ops = self._projections.project_timeline(logged, session, timeline)
            ui_events = self._projections.project_ui(logged, session, timeline)
            changes = self._projections.project_attributes(logged, session, timeline)
            if changes:
                attributes = merged_attributes(attributes, changes)
            self._check_outputs(ops, ui_events)
            applied = timeline.apply(ops, head)
            is_append = bool(applied) and all([type(op) is Appended for op in applied])
            entries.append(
                LogEntry(
                    ordinal=head,
                    name=event.name,
                    payload=event.payload.SerializeToString(),
                    at_ms=at_ms,
                    appends=is_append,
                )
            )
            if is_watched:
                deliveries += _deliveries(logged, ui_events, self._wire_ops(live, applied, head))
        timeline.keep()
        batch.units.append((unit, [entry.ordinal for entry in entries]))
        batch.entries += entries
        batch.deliveries += deliveries
        batch.attributes = attributes
        if unit.make_receipt is not None:
            batch.receipts.append(unit.make_receipt(head, at_ms))

    def _check_outputs(self, ops: Sequence[Op], ui_events: Sequence[UIEvent]) -> None:
        for op in ops:
            if type(op) is Upsert:
                self._registry.check("entity", op.kind, op.payload)
        for ui_event in ui_events:
            self._registry.check("ui_event", ui_event.type, ui_event.payload)

    def _wire_ops(
        self, live: LiveSession, applied: Sequence[Upsert | Appended | Remove], ordinal: Ordinal
    ) -> list[WireOp]:
        wire_ops: list[WireOp] = []
        for op in applied:
            if type(op) is Appended:
                append = op.op
                if not self._registry.is_private(append.kind):
                    wire_ops.append(AppendOp(append.kind, append.id, append.field, op.at, append.text, ordinal))
            elif type(op) is Upsert:
                if not self._registry.is_private(op.kind):
                    entity = live.timeline.find(op.kind, op.id)
                    created = entity.created if entity is not None else ordinal
                    wire_ops.append(UpsertOp(op.kind, op.id, created, ordinal, op.payload))
            elif type(op) is Remove and not self._registry.is_private(op.kind):
                wire_ops.append(RemoveOp(op.kind, op.id, ordinal))
        return wire_ops

    async def _commit(self, batches: list[_Batch]) -> None:
        commits = []
        for batch in batches:
            live = batch.live
            rows = live.timeline.collect_rows()
            commits.append(
                SessionCommit(
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
            )
        try:
            await self._store.commit(commits)
        except StoreError as error:
            _log.error("a commit was refused: %s", error)
            self._give_up(batches, error)
            return
        for batch, commit in zip(batches, commits, strict=True):
            live, session = batch.live, batch.live.session
            live.session = msgspec.structs.replace(
                session,
                head=batch.head,
                settled=commit.settled,
                attributes=batch.attributes,
                created_at_ms=session.created_at_ms or commit.at_ms,
                updated_at_ms=commit.at_ms,
            )
            live.fanout.publish(batch.deliveries)
            live.land()
            for unit, ordinals in batch.units:
                unit.done(unit, ordinals)

    def _give_up(self, batches: Sequence[_Batch], error: WebchatError) -> None:
        """Nothing of the batches is stored: forget what memory holds of it and tell everybody who waits."""
        for batch in batches:
            batch.live.is_loaded = False
            batch.live.land()
            for unit, _ in batch.units:
                unit.done(unit, error)
            self._refuse_inbox(batch.live, error)

    def _refuse_inbox(self, live: LiveSession, error: WebchatError) -> None:
        """What waits behind a refused unit may build on it, so it is refused too."""
        while live.inbox:
            unit = live.inbox.popleft()
            unit.done(unit, error)


def _deliveries(event: LoggedEvent, ui_events: Sequence[UIEvent], ops: Sequence[WireOp]) -> list[Delivery]:
    """The frames of one event: the first carries the ops, a further one moves nothing (FR3)."""
    ordinal = event.ordinal
    prev = Ordinal(ordinal - 1)
    if not ui_events:
        return [Delivery(event.session_id, prev, ordinal, event.at_ms, BATCH_TYPE, "", None, ops)]
    out: list[Delivery] = []
    for ui_event in ui_events:
        out.append(
            Delivery(event.session_id, prev, ordinal, event.at_ms, ui_event.type, ui_event.id, ui_event.payload, ops)
        )
        prev, ops = ordinal, ()
    return out
