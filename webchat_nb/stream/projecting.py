"""A unit onto the live timeline: what its events mean, as log entries, deliveries and attributes.

Three projections look at the same event and the same timeline, the one before the event. What becomes of an event that
one of them fails on is its policy's to say (PL2); a unit that is refused leaves no trace on the timeline.

Rule: PL1, PL2, SC1. Source: seed 001 (``Hub``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast, final

import msgspec

from webchat_nb.stream.delivery import AppendOp, Deliveries, Delivery, RemoveOp, UpsertOp, WireOp
from webchat_nb.stream.failures import BEHIND, FailingError, Policies, ProjectionName
from webchat_nb.stream.live import LiveSession, Unit
from webchat_nb.stream.model import LogEntry, LoggedEvent, Op, Ordinal, Receipt, Remove, Session, UIEvent, Upsert
from webchat_nb.stream.projections import Projections, TimelineView, merged_attributes
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.timeline import Appended, LiveTimeline

Applied = Upsert | Appended | Remove
T = TypeVar("T")

_log = logging.getLogger(__name__)


class Batch:
    """What one commit changes in one session, while it is put together.

    Attributes:
        logged: The events as observers see them; empty when nobody observes.
    """

    __slots__ = ("at_ms", "attributes", "base", "deliveries", "entries", "live", "logged", "receipts", "units")

    def __init__(self, live: LiveSession, at_ms: int) -> None:
        self.live = live
        self.at_ms = at_ms
        self.base = live.session.head
        self.attributes = live.session.attributes
        self.entries: list[LogEntry] = []
        self.deliveries = Deliveries(is_merging=live.fanout.is_merging)
        self.logged: list[LoggedEvent] = []
        self.receipts: list[Receipt] = []
        self.units: list[Unit] = []

    @property
    def head(self) -> Ordinal:
        """Where the session is after this batch."""
        return Ordinal(self.base + len(self.entries))


class Projected(msgspec.Struct, frozen=True, gc=False):
    """What one event means, put on the timeline."""

    applied: Sequence[Applied]
    ui_events: Sequence[UIEvent]
    attributes: Mapping[str, str]


@final
class Projector:
    """Asks the projections, checks what they say, and puts it on the timeline.

    Args:
        registry: Every name and its message type.
        projections: What events mean.
        policies: What becomes of an event that one of them fails on.

    Attributes:
        is_observed: Batches keep their events for observers.
    """

    def __init__(self, *, registry: SchemaRegistry, projections: Projections, policies: Policies) -> None:
        self._registry = registry
        self._projections = projections
        self._policies = policies
        self.is_observed = False

    def add_unit(self, batch: Batch, unit: Unit) -> None:
        """Put a unit on the timeline and into the batch.

        Raises:
            FailingError: A projection with the policy ``fail`` failed. Roll the timeline back.
            NotLoadedError: Roll the timeline back, load, and begin again.
        """
        live, at_ms = batch.live, batch.at_ms
        attributes, head = batch.attributes, batch.head
        entries: list[LogEntry] = []
        seen: list[LoggedEvent] = []
        shown: list[tuple[LoggedEvent, Sequence[UIEvent], Sequence[WireOp]]] = []
        is_watched = live.fanout.subscriber_count > 0  # nobody can join while the session is in flight
        for event in unit.events:
            session = Session(session_id=live.session_id, epoch=live.session.epoch, head=head, attributes=attributes)
            head = Ordinal(head + 1)
            logged = LoggedEvent(
                session_id=live.session_id, ordinal=head, name=event.name, payload=event.payload, at_ms=at_ms
            )
            projected = self.project(logged, session, live.timeline)
            if projected.attributes:
                attributes = merged_attributes(attributes, projected.attributes)
            applied = projected.applied
            entries.append(
                LogEntry(
                    ordinal=head,
                    name=event.name,
                    payload=event.payload.SerializeToString(),
                    at_ms=at_ms,
                    appends=bool(applied) and all([type(op) is Appended for op in applied]),
                )
            )
            if is_watched:
                shown.append((logged, projected.ui_events, self._wire_ops(live, applied, head)))
            if self.is_observed:
                seen.append(logged)
        if unit.records:
            live.timeline.apply(unit.records, head)
        live.timeline.keep()
        unit.ordinals = cast(Sequence[Ordinal], range(head - len(entries) + 1, head + 1))
        batch.units.append(unit)
        batch.entries += entries
        batch.logged += seen
        for logged, ui_events, ops in shown:
            batch.deliveries.add(logged, ui_events, ops)
        batch.attributes = attributes
        if unit.make_receipt is not None:
            batch.receipts.append(unit.make_receipt(head, at_ms))

    def project(
        self, event: LoggedEvent, session: Session, timeline: LiveTimeline, *, is_past: bool = False
    ) -> Projected:
        """Put one event on the timeline.

        Args:
            event: Numbered.
            session: As it is before the event.
            timeline: As it is before the event.
            is_past: Screens were told long ago: the UI projection is not asked.

        Raises:
            FailingError, NotLoadedError: See ``add_unit``.
        """
        mark = timeline.mark()
        try:
            ops = self._timeline_ops(event, session, timeline)
            ui_events: Sequence[UIEvent] = () if is_past else self._ui_events(event, session, timeline)
            attributes = self._projections.project_attributes(event, session, timeline)
            return Projected(timeline.apply(ops, event.ordinal), ui_events, attributes)
        except Exception:  # noqa: BLE001 - whatever a plugin raises; which one it was is found out below
            timeline.rollback(mark)
            return self._project_what_can_be(event, session, timeline, is_past)

    def _project_what_can_be(
        self, event: LoggedEvent, session: Session, timeline: LiveTimeline, is_past: bool
    ) -> Projected:
        """Ask one by one; they are pure, so asking again is no harm."""
        records: list[Op] = []
        behind = set(session.attributes.get(BEHIND, "").split())

        def ask(name: ProjectionName, projection: Callable[[], T]) -> T | None:
            try:
                return projection()
            except Exception as error:
                failing = FailingError(name, event, error)
                if self._policies.of(name) == "fail":
                    raise failing from error
                _log.warning("session %s at %d: %s; it is behind", event.session_id, event.ordinal, failing)
                records.append(failing.record("advance", event.at_ms))
                behind.add(name)
                return None

        ui_events = () if is_past else ask("ui", lambda: self._ui_events(event, session, timeline)) or ()
        changes = ask("attributes", lambda: self._projections.project_attributes(event, session, timeline)) or {}
        mark = timeline.mark()
        # One call for all: with a record beside it an append is no longer one of those that recovery applies again.
        applied = ask(
            "timeline",
            lambda: timeline.apply([*self._timeline_ops(event, session, timeline), *records], event.ordinal),
        )
        if applied is None:
            timeline.rollback(mark)
            applied = timeline.apply(records, event.ordinal)
        return Projected(applied, ui_events, {**changes, BEHIND: " ".join(sorted(behind))})

    def _timeline_ops(self, event: LoggedEvent, session: Session, timeline: TimelineView) -> Sequence[Op]:
        ops = self._projections.project_timeline(event, session, timeline)
        for op in ops:
            if type(op) is Upsert:
                self._registry.check("entity", op.kind, op.payload)
        return ops

    def _ui_events(self, event: LoggedEvent, session: Session, timeline: TimelineView) -> Sequence[UIEvent]:
        ui_events = self._projections.project_ui(event, session, timeline)
        for ui_event in ui_events:
            self._registry.check("ui_event", ui_event.type, ui_event.payload)
        return ui_events

    def deliveries(self, live: LiveSession, event: LoggedEvent, projected: Projected) -> Sequence[Delivery]:
        """The frames of one event."""
        shown = Deliveries(is_merging=False)
        shown.add(event, projected.ui_events, self._wire_ops(live, projected.applied, event.ordinal))
        return shown.take()

    def _wire_ops(self, live: LiveSession, applied: Sequence[Applied], ordinal: Ordinal) -> list[WireOp]:
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
