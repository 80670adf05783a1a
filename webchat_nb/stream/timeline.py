"""The timeline of one live session in memory, and how to take a step back.

Rows for the store are written when an entity changed as a whole, and at checkpoints that grow geometrically (ST3), so
an answer of n tokens writes O(n) bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import final

import msgspec
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from webchat_nb.errors import ProjectionError
from webchat_nb.stream.live_entity import LiveEntity
from webchat_nb.stream.model import Append, Entity, EntityKey, EntityRow, Op, Ordinal, Remove, Upsert


class NotLoadedError(BaseException):
    """The view was asked for something that is still in the store only.

    Not an ``Exception``, so that a projection's own error handling does not swallow it: the pipeline loads what is
    missing and calls the projection again, which is fine because projections are pure.
    """

    def __init__(self, kind: str, id: str | None) -> None:
        super().__init__(kind, id)
        self.kind = kind
        self.id = id


class Appended(msgspec.Struct, gc=False):
    """An append that was applied: where it began. What a frame needs of it."""

    op: Append
    at: int
    updated: Ordinal


@final
class LiveTimeline:
    """The entities of one session that were touched since it was loaded, and steps back out of a failed unit.

    Args:
        is_complete: Nothing of the session is in the store only (it is new), so that what is not here is nowhere.
    """

    __slots__ = ("_complete_kinds", "_entities", "_is_complete", "_undo", "dirty", "tombstones", "touched")

    def __init__(self, *, is_complete: bool) -> None:
        self._entities: dict[EntityKey, LiveEntity | None] = {}
        self._complete_kinds: frozenset[str] = frozenset()
        self._is_complete = is_complete
        self._undo: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self.dirty: dict[EntityKey, LiveEntity] = {}
        self.touched: set[EntityKey] = set()
        self.tombstones: dict[EntityKey, EntityRow] = {}

    # What projections see (TimelineView).

    def get(self, kind: str, id: str) -> Entity | None:
        """One entity, or None."""
        live = self.find(kind, id)
        return live.to_entity() if live is not None else None

    def entities(self, kind: str) -> Sequence[Entity]:
        """All entities of a kind, oldest first."""
        if not (self._is_complete or kind in self._complete_kinds):
            raise NotLoadedError(kind, None)
        found = [live.to_entity() for live in self._entities.values() if live is not None and live.kind == kind]
        return sorted(found, key=lambda entity: (entity.created, entity.id))

    # What the pipeline does.

    def find(self, kind: str, id: str) -> LiveEntity | None:
        """The live entity.

        Raises:
            NotLoadedError: It may be in the store; give it to ``load`` first.
        """
        key = (kind, id)
        if key in self._entities:
            return self._entities[key]
        if self._is_complete:
            return None
        raise NotLoadedError(kind, id)

    def peek(self, kind: str, id: str) -> LiveEntity | None:
        """The live entity if it is in memory."""
        return self._entities.get((kind, id))

    def load(self, kind: str, id: str, row: EntityRow | None, parse: Callable[[EntityRow], Message]) -> None:
        """Take over what the store has under a key, unless it is here already."""
        key = (kind, id)
        if key in self._entities:
            return
        if row is None or row.removed:
            self._entities[key] = None
            return
        self._entities[key] = LiveEntity(
            kind, id, parse(row), created=row.created, updated=row.updated, rebased=row.rebased, rowed=row.updated
        )

    def load_kind(self, kind: str, rows: Iterable[EntityRow], parse: Callable[[EntityRow], Message]) -> None:
        """Take over all entities of a kind."""
        for row in rows:
            self.load(kind, row.id, row, parse)
        self._complete_kinds |= {kind}

    def apply(self, ops: Sequence[Op], ordinal: Ordinal) -> list[Upsert | Appended | Remove]:
        """Carry out the ops of one event.

        Raises:
            ProjectionError: An op does not fit the timeline. Call ``rollback``.
            NotLoadedError: Call ``rollback``, load, and begin again.
        """
        only_appends = all([type(op) is Append for op in ops])
        applied: list[Upsert | Appended | Remove] = []
        for op in ops:
            if type(op) is Append:
                applied.append(self._append(op, ordinal, only_appends))
            elif type(op) is Upsert:
                self._upsert(op, ordinal)
                applied.append(op)
            elif type(op) is Remove:
                if self._remove(op, ordinal):
                    applied.append(op)
            else:
                raise ProjectionError(f"a projection returned {op!r}, which is no op")
        return applied

    def _append(self, op: Append, ordinal: Ordinal, only_appends: bool) -> Appended:
        live = self.find(op.kind, op.id)
        if live is None:
            raise ProjectionError(f"append to {op.kind} {op.id!r}, which is not on the timeline")
        if op.field not in _text_fields(live._base.DESCRIPTOR):
            raise ProjectionError(f"append to {op.kind}.{op.field}, which is no string field")
        before, rebased = live.updated, live.rebased
        at = live.append(op.field, op.text, ordinal)
        key = (op.kind, op.id)
        was_dirty = key in self.dirty
        self.dirty[key] = live
        if not only_appends:
            self._touch(key)
            live.rebased = ordinal

        self._undo.append((self._undo_append, (live, op, at, before, rebased, was_dirty)))
        return Appended(op, at, ordinal)

    def _undo_append(
        self, live: LiveEntity, op: Append, at: int, updated: Ordinal, rebased: Ordinal, was_dirty: bool
    ) -> None:
        live.cut(op.field, at, op.text, updated)
        live.rebased = rebased
        if not was_dirty:
            self.dirty.pop((op.kind, op.id), None)

    def _upsert(self, op: Upsert, ordinal: Ordinal) -> None:
        old = self.find(op.kind, op.id)
        created = old.created if old is not None else ordinal
        rowed = old.rowed if old is not None else Ordinal(0)
        key = (op.kind, op.id)
        live = LiveEntity(op.kind, op.id, op.payload, created=created, updated=ordinal, rebased=ordinal, rowed=rowed)
        self._put(key, live, old)
        self._touch(key)

    def _remove(self, op: Remove, ordinal: Ordinal) -> bool:
        old = self.find(op.kind, op.id)
        if old is None:
            return False
        key = (op.kind, op.id)
        self._put(key, None, old)
        self._touch(key)
        before = self.tombstones.get(key)
        self.tombstones[key] = _tombstone(old, ordinal)
        self._undo.append((self._undo_tombstone, (key, before)))
        return True

    def _undo_tombstone(self, key: EntityKey, before: EntityRow | None) -> None:
        if before is None:
            del self.tombstones[key]
        else:
            self.tombstones[key] = before

    def _put(self, key: EntityKey, live: LiveEntity | None, old: LiveEntity | None) -> None:
        was_known, was_dirty = key in self._entities, self.dirty.pop(key, None)
        self._entities[key] = live

        self._undo.append((self._undo_put, (key, old, was_known, was_dirty)))

    def _undo_put(self, key: EntityKey, old: LiveEntity | None, was_known: bool, was_dirty: LiveEntity | None) -> None:
        if was_known:
            self._entities[key] = old
        else:
            del self._entities[key]
        if was_dirty is not None:
            self.dirty[key] = was_dirty

    def _touch(self, key: EntityKey) -> None:
        if key not in self.touched:
            self.touched.add(key)
            self._undo.append((self.touched.discard, (key,)))

    def live_entities(self) -> list[LiveEntity]:
        """All that are here."""
        return [live for live in self._entities.values() if live is not None]

    def mark(self) -> int:
        """A place to roll back to, until the next ``keep``."""
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        """Forget what was applied since a mark, or since the last ``keep``."""
        while len(self._undo) > mark:
            step, arguments = self._undo.pop()
            step(*arguments)

    def keep(self) -> None:
        """What was applied is right; there is no way back before this."""
        self._undo.clear()

    def take_as_stored(self) -> None:
        """Another process wrote the rows of what was applied; appends stay here until their entity's next row."""
        self.touched.clear()
        self.tombstones.clear()

    def collect_rows(self) -> list[EntityRow]:
        """The rows to write with this batch: what changed as a whole, and the checkpoints that are due."""
        rows: list[EntityRow] = []
        for key in self.touched:
            live = self._entities.get(key)
            if live is None:
                rows.append(self.tombstones[key])
            else:
                rows.append(self._row(key, live))
        self.touched.clear()
        self.tombstones.clear()
        for key, live in list(self.dirty.items()):
            if live.is_checkpoint_due:
                rows.append(self._row(key, live))
        return rows

    def _row(self, key: EntityKey, live: LiveEntity) -> EntityRow:
        live.rowed = live.updated
        live.rowed_chars = live.chars
        self.dirty.pop(key, None)
        return live.to_row()

    def settled(self, head: Ordinal) -> Ordinal:
        """Up to which ordinal all appends are in rows."""
        return min((live.rowed for live in self.dirty.values()), default=head)

    def overlay(self, rows: Iterable[EntityRow]) -> list[EntityRow]:
        """Rows from the store, each replaced by what is newer here."""
        if not self.dirty:
            return list(rows)
        return [self.dirty[key].to_row() if (key := (row.kind, row.id)) in self.dirty else row for row in rows]


def _tombstone(entity: LiveEntity, ordinal: Ordinal) -> EntityRow:
    """What stays of an entity that the event with this ordinal removed."""
    return EntityRow(
        kind=entity.kind,
        id=entity.id,
        created=entity.created,
        updated=ordinal,
        rebased=ordinal,
        payload=b"",
        removed=True,
    )


@cache
def _text_fields(message: Descriptor) -> frozenset[str]:
    """The fields that text can be appended to; looked up once, since reading a field copies its text."""
    return frozenset(
        field.name for field in message.fields if field.type == field.TYPE_STRING and not field.is_repeated
    )
