"""The fold: what a client that follows the rules holds after a hydration and deliveries.

The reference that every other client is compared with, the browser's merge included. It refuses what a client must
refuse, so a test fails at the frame that is wrong and not at the end.

Rule: FR2-FR6, MG1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import msgspec

from webchat_nb.contracts.encode import json_dict, json_name
from webchat_nb.stream import AppendOp, Cursor, Delivery, EntityRow, Hydration, Ordinal, RemoveOp, UpsertOp
from webchat_nb.stream.model import EntityKey, Epoch


def rows_timeline(rows: Iterable[EntityRow]) -> dict[EntityKey, dict[str, Any]]:
    """Rows as ``Fold.timeline`` shows them."""
    return {
        (row.kind, row.id): {"created": row.created, "updated": row.updated, **msgspec.json.decode(row.payload)}
        for row in rows
        if not row.removed
    }


@final
class Fold:
    """A client's state.

    Attributes:
        timeline: Entities by (kind, id): their payload, with ``created`` and ``updated``.
        cursor: What was applied.
    """

    def __init__(self) -> None:
        self.timeline: dict[EntityKey, dict[str, Any]] = {}
        self.cursor: Cursor | None = None

    def hydrate(self, hydration: Hydration) -> None:
        """Take a subscription's beginning: a snapshot replaces, a resumption continues."""
        if hydration.snapshot is not None:
            self.timeline = rows_timeline(hydration.snapshot.entities)
            self.cursor = Cursor(hydration.epoch, hydration.snapshot.ordinal)
            return
        assert self.cursor == Cursor(hydration.epoch, hydration.start), "resumed from somewhere else"
        for delivery in hydration.missed:
            self.apply(delivery)
        assert self.cursor.ordinal == hydration.head, "a resumption ends at the head"

    def apply(self, delivery: Delivery) -> None:
        """Apply, or drop what is known already; a gap is an error here."""
        assert self.cursor is not None
        at = self.cursor.ordinal
        if delivery.prev == delivery.seq:
            assert not delivery.ops, "a further UI event of an ordinal moves nothing"
            return
        if delivery.seq <= at:
            return
        assert delivery.prev == at, f"gap: holds {at}, got {delivery.prev}..{delivery.seq}"
        for op in delivery.ops:
            self._apply_op(op)
        self.cursor = Cursor(self.cursor.epoch, delivery.seq)

    def _apply_op(self, op: UpsertOp | AppendOp | RemoveOp) -> None:
        key = (op.kind, op.id)
        if isinstance(op, RemoveOp):
            self.timeline.pop(key, None)
            return
        if isinstance(op, UpsertOp):
            payload = msgspec.json.decode(op.payload) if isinstance(op.payload, bytes) else json_dict(op.payload)
            self.timeline[key] = {"created": op.created, "updated": op.updated, **payload}
            return
        entity = self.timeline[key]
        field = json_name(op.field)
        text = entity.get(field, "")
        assert len(text.encode("utf-16-le")) // 2 == op.at, f"{key} is not {op.at} code units long"
        if op.text:  # protobuf JSON leaves an empty text out
            entity[field] = text + op.text
        entity["updated"] = op.updated

    @property
    def ordinal(self) -> Ordinal:
        """What was applied."""
        return self.cursor.ordinal if self.cursor is not None else Ordinal(0)

    @property
    def epoch(self) -> Epoch:
        """Of which log."""
        return self.cursor.epoch if self.cursor is not None else Epoch("")
