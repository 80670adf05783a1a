"""Cutting tagged blocks out of streamed text: syntax only, and pure.

However a text is cut into pieces, the same text and the same blocks come out. Nothing is held back but what may still
become a marker, and the cost is linear in the text.

Rule: SB1, SB2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import msgspec

from webchat_nb.chat.blocks import BlockTag, Problem


class Plain(msgspec.Struct, frozen=True):
    """Text that belongs to no block."""

    text: str


class Opened(msgspec.Struct, frozen=True):
    """A block begins."""

    tag: BlockTag


class Inside(msgspec.Struct, frozen=True):
    """The next piece of the open block."""

    text: str


class Closed(msgspec.Struct, frozen=True):
    """The open block is over; without a problem its closing marker was there."""

    problem: Problem | None


class Skipped(msgspec.Struct, frozen=True):
    """What follows in a block that grew too large, to its closing marker and with it."""

    tag: BlockTag
    text: str


class Stray(msgspec.Struct, frozen=True):
    """A closing marker of a block that is not open."""

    tag: BlockTag


Piece = Plain | Opened | Inside | Closed | Skipped | Stray


@final
class BlockFilter:
    """One text in pieces.

    Args:
        tags: What to cut out; every other ``<…>`` is text.
    """

    def __init__(self, tags: Sequence[BlockTag]) -> None:
        self._openings: Mapping[str, BlockTag] = {tag.opening: tag for tag in tags}
        self._closings: Mapping[str, BlockTag] = {tag.closing: tag for tag in tags}
        self._outside = (*self._openings, *self._closings)
        self._markers: Sequence[str] = self._outside
        self._tag: BlockTag | None = None
        self._is_skipping = False
        self._size = 0
        self._held = ""

    @property
    def held(self) -> str:
        """The end of the text so far that may still become a marker."""
        return self._held

    @property
    def skipped_tag(self) -> BlockTag | None:
        """The tag of the block that is skipped because it grew too large."""
        return self._tag if self._is_skipping else None

    def feed(self, text: str) -> Iterator[Piece]:
        """Take the next piece of the text; to be exhausted before the next call."""
        text = self._held + text
        self._held = ""
        begin = 0  # of what is not told yet
        at = text.find("<")
        while at >= 0:
            marker = next((marker for marker in self._markers if text.startswith(marker, at)), None)
            if marker is not None:
                yield from self._content(text[begin:at])
                yield from self._mark(marker)
                begin = at + len(marker)
                at = text.find("<", begin)
            elif self._may_become_marker(text, at):
                self._held = text[at:]
                break
            else:
                at = text.find("<", at + 1)
        yield from self._content(text[begin : len(text) - len(self._held)])

    def finish(self) -> Iterator[Piece]:
        """The text ends here; another may begin."""
        held, self._held = self._held, ""
        yield from self._content(held)
        if self._tag is not None and not self._is_skipping:
            yield Closed("unclosed")
        self._leave()

    def _may_become_marker(self, text: str, at: int) -> bool:
        length = len(text) - at
        return any([length < len(marker) and marker.startswith(text[at:]) for marker in self._markers])

    def _content(self, text: str) -> Iterator[Piece]:
        if not text:
            return
        tag = self._tag
        if tag is None:
            yield Plain(text)
            return
        if not self._is_skipping:
            kept = text[: tag.limit_chars - self._size]
            text = text[len(kept) :]
            self._size += len(kept)
            if kept:
                yield Inside(kept)
            if text:
                yield Closed("too_large")
                self._is_skipping = True
        if text:
            yield Skipped(tag, text)

    def _mark(self, marker: str) -> Iterator[Piece]:
        opened = self._openings.get(marker)
        tag, was_skipping = self._tag, self._is_skipping
        if opened is not None:
            if tag is not None and not was_skipping:
                yield Closed("nested")
            self._tag, self._is_skipping, self._size = opened, False, 0
            self._markers = (*self._openings, opened.closing)
            yield Opened(opened)
        elif tag is None:
            yield Stray(self._closings[marker])
        else:
            self._leave()
            yield Skipped(tag, marker) if was_skipping else Closed(None)

    def _leave(self) -> None:
        self._tag, self._is_skipping = None, False
        self._markers = self._outside
