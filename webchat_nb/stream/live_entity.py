"""One entity in memory: a base message and the pieces its texts grew by.

The pieces are joined only when somebody looks, so an append costs the same whatever the length.

Rule: ST3, FR16.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import final

from google.protobuf.message import Message

from webchat_nb.contracts.encode import json_bytes
from webchat_nb.stream.model import Entity, EntityRow, Ordinal

CHECKPOINT_GROWTH = 1.5
"""An entity's row is written again when its texts are this many times as long: at most 3 x the text in all."""

CHECKPOINT_MIN_CHARS = 4096
"""Shorter texts wait for the end of their segment; recovery reads them from the log."""

MAX_MARKS = 27_000
"""Appends to one text whose place is kept, 12 bytes each. Three quarters of them cover the longest resumption."""


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, as browsers count (the ``at`` of an append)."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def utf16_tail(text: str, units: int) -> str:
    """The last UTF-16 code units of a text; looks only at the end of it."""
    near = text[-units:] if units else ""  # no character has less than one unit
    return near if near.isascii() else near.encode("utf-16-le")[-2 * units :].decode("utf-16-le")


@final
class Marks:
    """Where the newest appends to one text began, so that a resumption of a live text reads no log.

    Attributes:
        since: All appends after this ordinal are here.
    """

    __slots__ = ("_ats", "_ordinals", "since")

    def __init__(self, since: Ordinal) -> None:
        self.since = since
        self._ordinals = array("Q")
        self._ats = array("I")

    def add(self, ordinal: Ordinal, at: int) -> None:
        """The text had this length before the event."""
        if len(self._ordinals) >= MAX_MARKS:
            old_count = MAX_MARKS // 4
            self.since = Ordinal(self._ordinals[old_count - 1])
            del self._ordinals[:old_count], self._ats[:old_count]
        self._ordinals.append(ordinal)
        self._ats.append(at)

    def drop_newest(self) -> None:
        """The newest append is taken back."""
        self._ordinals.pop()
        self._ats.pop()

    def begin_after(self, ordinal: Ordinal) -> int | None:
        """The length after this event, if the text grew since."""
        index = bisect_right(self._ordinals, ordinal)
        return self._ats[index] if index < len(self._ats) else None


class _Text:
    """One text that grows: the pieces that are not in the message yet, its length, and where they began."""

    __slots__ = ("length", "marks", "pieces")

    def __init__(self, length: int, since: Ordinal) -> None:
        self.pieces: list[str] = []
        self.length = length
        self.marks = Marks(since)


@final
class LiveEntity:
    """One entity in memory; ``payload`` is whole at any time, joined on demand."""

    __slots__ = ("_base", "_since", "_texts", "created", "id", "kind", "rebased", "rowed", "rowed_chars", "updated")

    def __init__(
        self, kind: str, id: str, base: Message, *, created: Ordinal, updated: Ordinal, rebased: Ordinal, rowed: Ordinal
    ) -> None:
        self.kind = kind
        self.id = id
        self.created = created
        self.updated = updated
        self.rebased = rebased
        self.rowed = rowed
        self.rowed_chars = 0
        self._base = base
        self._since = updated
        self._texts: dict[str, _Text] = {}

    @property
    def payload(self) -> Message:
        """The message with all its text; do not change it."""
        if self._texts and any([text.pieces for text in self._texts.values()]):
            whole = type(self._base)()
            whole.CopyFrom(self._base)
            for field, text in self._texts.items():
                if grown := "".join(text.pieces):  # an empty text would make an unset field a set one
                    setattr(whole, field, getattr(whole, field) + grown)
                text.pieces = []
            self._base = whole
        return self._base

    def length(self, field: str) -> int:
        """UTF-16 length of a string field."""
        text = self._texts.get(field)
        return text.length if text is not None else utf16_length(getattr(self._base, field))

    @property
    def chars(self) -> int:
        """About how long the growing texts are."""
        return sum([text.length for text in self._texts.values()])

    def append(self, field: str, piece: str, ordinal: Ordinal) -> int:
        """Add text to a field; returns where it begins, in UTF-16 code units."""
        text = self._texts.get(field)
        if text is None:
            text = self._texts[field] = _Text(self.length(field), self._since)
        at = text.length
        text.pieces.append(piece)
        text.length = at + utf16_length(piece)
        text.marks.add(ordinal, at)
        self.updated = ordinal
        return at

    def cut(self, field: str, at: int, piece: str, updated: Ordinal) -> None:
        """Take the newest append back."""
        text = self._texts[field]
        if text.pieces and text.pieces[-1] is piece:
            text.pieces.pop()
        else:  # joined meanwhile
            base = type(self._base)()
            base.CopyFrom(self.payload)
            setattr(base, field, getattr(base, field)[: -len(piece) or None])
            self._base = base
        text.length = at
        text.marks.drop_newest()
        self.updated = updated

    def tails(self, after: Ordinal) -> dict[str, tuple[int, str]] | None:
        """What each text grew by after an ordinal: where that begins, and the text. None when the log has to tell."""
        if after < self._since or any([text.marks.since > after for text in self._texts.values()]):
            return None
        tails: dict[str, tuple[int, str]] = {}
        for field, text in self._texts.items():
            at = text.marks.begin_after(after)
            if at is not None:
                tails[field] = (at, utf16_tail(getattr(self.payload, field), text.length - at))
        return tails

    def to_entity(self) -> Entity:
        """As projections see it."""
        return Entity(kind=self.kind, id=self.id, created=self.created, updated=self.updated, payload=self.payload)

    def to_row(self) -> EntityRow:
        """As stores keep it and snapshots show it."""
        return EntityRow(
            kind=self.kind,
            id=self.id,
            created=self.created,
            updated=self.updated,
            rebased=self.rebased,
            payload=json_bytes(self.payload),
        )

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether the texts grew so much since the last row that a new one is worth its bytes."""
        return self.chars > max(CHECKPOINT_MIN_CHARS, self.rowed_chars * CHECKPOINT_GROWTH)
