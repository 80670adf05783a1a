"""What is delivered to subscribers: one record per frame, and how neighbours are merged.

A delivery covers the events ``prev`` + 1 … ``seq`` (FR3). Text of one field that arrives in pieces may be delivered as
one piece (FR7): the fold is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import msgspec
from google.protobuf.message import Message

from webchat_nb.stream.model import EntityKey, LoggedEvent, Ordinal, SessionId, UIEvent

BATCH_TYPE = "timeline.batch"
"""UI event type of a delivery that stands for several events, or for one without a UI event."""

_OVERHEAD = 160
"""About what a frame or an op weighs beside its text, in bytes."""


class UpsertOp(msgspec.Struct, frozen=True, gc=False):
    """The whole entity as it is at ``updated``; the payload is a message, or protobuf JSON from a row."""

    kind: str
    id: str
    created: Ordinal
    updated: Ordinal
    payload: Message | bytes


class AppendOp(msgspec.Struct, frozen=True, gc=False):
    """Text to add to a field that must be ``at`` UTF-16 code units long."""

    kind: str
    id: str
    field: str
    at: int
    text: str
    updated: Ordinal


class RemoveOp(msgspec.Struct, frozen=True, gc=False):
    """The entity is gone."""

    kind: str
    id: str
    updated: Ordinal


WireOp = UpsertOp | AppendOp | RemoveOp


@final
class Delivery:
    """One frame's content. Shared by all subscribers, never changed; ``frame`` is where a codec keeps its bytes.

    Attributes:
        prev: What the receiver must have; equal to ``seq`` for a further UI event of the same ordinal.
        type: UI event type.
        id: What the UI event is about.
        data: The UI event's payload, or None for an empty one.
        is_text: All ops append; may be held back and merged.
        frame: The encoded frame, set by the first who encodes it.
    """

    __slots__ = ("at_ms", "data", "frame", "id", "is_text", "ops", "prev", "seq", "session_id", "type")

    def __init__(
        self,
        session_id: SessionId,
        prev: Ordinal,
        seq: Ordinal,
        at_ms: int,
        type: str,
        id: str,
        data: Message | None,
        ops: Sequence[WireOp],
    ) -> None:
        self.session_id = session_id
        self.prev = prev
        self.seq = seq
        self.at_ms = at_ms
        self.type = type
        self.id = id
        self.data = data
        self.ops = ops
        self.is_text = bool(ops) and all([op.__class__ is AppendOp for op in ops])
        self.frame: bytes | None = None

    @property
    def weight(self) -> int:
        """About how many bytes it takes to send."""
        if self.frame is not None:
            return len(self.frame)
        return _OVERHEAD + sum(_op_weight(op) for op in self.ops)


@final
class Deliveries:
    """What the events of one commit are delivered as, in their order.

    Neighbours that only append to one field become one delivery before any record is made of them: a fast answer is
    thousands of tokens, and a few frames (FR7).

    Args:
        is_merging: False: a delivery for each event and UI event.

    Rule: FR3, FR7, FR17.
    """

    __slots__ = ("_first", "_first_op", "_first_ui", "_is_merging", "_made", "_texts", "_upto")

    def __init__(self, *, is_merging: bool) -> None:
        self._is_merging = is_merging
        self._made: list[Delivery] = []
        self._first: LoggedEvent | None = None
        self._first_ui: UIEvent | None = None
        self._first_op: AppendOp | None = None
        self._texts: list[str] = []
        self._upto = Ordinal(0)

    def add(self, event: LoggedEvent, ui_events: Sequence[UIEvent], ops: Sequence[WireOp]) -> None:
        """One event: its first delivery carries the ops, one for a further UI event moves nothing (FR3)."""
        if self._is_merging and len(ops) == 1 and len(ui_events) == 1 and ops[0].__class__ is AppendOp:
            self._add_text(event, ui_events[0], ops[0])
            return
        self._close_text()
        prev, ordinal = Ordinal(event.ordinal - 1), event.ordinal
        if not ui_events:
            self._made.append(Delivery(event.session_id, prev, ordinal, event.at_ms, BATCH_TYPE, "", None, ops))
        for ui in ui_events:
            self._made.append(Delivery(event.session_id, prev, ordinal, event.at_ms, ui.type, ui.id, ui.payload, ops))
            prev, ops = ordinal, ()

    def take(self) -> Sequence[Delivery]:
        """All of them; nothing is added afterwards."""
        self._close_text()
        return self._made

    def _add_text(self, event: LoggedEvent, ui: UIEvent, op: AppendOp) -> None:
        first = self._first_op
        if first is None or op.id != first.id or op.field != first.field or op.kind != first.kind:
            self._close_text()
            self._first, self._first_ui, self._first_op = event, ui, op
        self._texts.append(op.text)
        self._upto = event.ordinal

    def _close_text(self) -> None:
        first, ui, op = self._first, self._first_ui, self._first_op
        if first is None or ui is None or op is None:
            return
        whole = AppendOp(op.kind, op.id, op.field, op.at, "".join(self._texts), self._upto)
        prev = Ordinal(first.ordinal - 1)
        self._made.append(
            Delivery(first.session_id, prev, self._upto, first.at_ms, ui.type, ui.id, ui.payload, [whole])
        )
        self._first = self._first_ui = self._first_op = None
        self._texts = []


def _op_weight(op: WireOp) -> int:
    if isinstance(op, AppendOp):
        return _OVERHEAD + len(op.text)
    if isinstance(op, UpsertOp):
        return _OVERHEAD + (len(op.payload) if isinstance(op.payload, bytes) else op.payload.ByteSize())
    return _OVERHEAD


def merge(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Merge each run of neighbouring text deliveries into one; all else stays as it is.

    Rule: FR7.
    """
    merged: list[Delivery] = []
    run: list[Delivery] = []
    for delivery in deliveries:
        if delivery.is_text:
            run.append(delivery)
            continue
        if run:
            merged.append(_merge_run(run))
            run = []
        merged.append(delivery)
    if run:
        merged.append(_merge_run(run))
    return merged


def _merge_run(run: Sequence[Delivery]) -> Delivery:
    first, last = run[0], run[-1]
    if first is last:
        return first
    pieces: dict[tuple[EntityKey, str], tuple[AppendOp, list[str], Ordinal]] = {}
    for delivery in run:
        for op in delivery.ops:
            assert isinstance(op, AppendOp)
            key = ((op.kind, op.id), op.field)
            begun = pieces.get(key)
            if begun is None:
                pieces[key] = (op, [op.text], op.updated)
            else:
                begun[1].append(op.text)
                pieces[key] = (begun[0], begun[1], op.updated)
    ops = [AppendOp(op.kind, op.id, op.field, op.at, "".join(texts), updated) for op, texts, updated in pieces.values()]
    is_one = len(ops) == 1
    return Delivery(
        first.session_id,
        first.prev,
        last.seq,
        last.at_ms,
        first.type if is_one else BATCH_TYPE,
        first.id if is_one else "",
        first.data if is_one else None,
        ops,
    )
