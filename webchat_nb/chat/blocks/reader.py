"""From streamed text to text without blocks and the blocks' records; the policy for malformed ones is here.

Rule: SB1-SB4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, assert_never, final

from webchat_nb.chat.blocks import BlockEnded, BlockGrew, BlockRecord, BlockStarted, BlockTag, Problem
from webchat_nb.chat.blocks.filter import BlockFilter, Closed, Inside, Opened, Piece, Plain, Skipped, Stray
from webchat_nb.chat.blocks.growing import GrowingDocument
from webchat_nb.chat.engine import TextDelta
from webchat_nb.errors import EngineError

FIRST_OFFER_CHARS: Final = 32
OFFER_GROWTH: Final = 1.25
"""A block is read again when it is a quarter longer: all readings of n characters together are less than 5 n."""


@final
class _OpenBlock:
    """The block that is being read."""

    __slots__ = ("block_id", "document", "next_offer", "size", "tag", "told")

    def __init__(self, block_id: str, tag: BlockTag) -> None:
        self.block_id = block_id
        self.tag = tag
        self.document = GrowingDocument(tag.format)
        self.size = 0
        self.told: list[str] = []
        self.next_offer = FIRST_OFFER_CHARS

    def take_told(self) -> str:
        """What came since the last record."""
        text = "".join(self.told)
        self.told.clear()
        return text


@final
class BlockReader:
    """One run's text.

    Where a block is read again depends on its length alone, so the records are the same however the text is cut.

    Args:
        tags: What plugins asked for.
        new_id: Makes the id of the next block.

    Attributes:
        failure: A block was malformed and its policy is ``error``; nothing is read after that.
    """

    def __init__(self, tags: Sequence[BlockTag], new_id: Callable[[], str]) -> None:
        self.failure: EngineError | None = None
        self._filter = BlockFilter(tags)
        self._new_id = new_id
        self._open: _OpenBlock | None = None
        self._made: list[TextDelta | BlockRecord] = []
        self._plain: list[str] = []

    def feed(self, text: str) -> Sequence[TextDelta | BlockRecord]:
        """Take the next piece of the text: what is sure by now, in order."""
        return self._read(self._filter.feed(text))

    def finish(self) -> Sequence[TextDelta | BlockRecord]:
        """The text ends here, and an open block is malformed; another text may begin."""
        return self._read(self._filter.finish())

    def unsaid(self) -> str:
        """What the answer would still get if the text ended here; changes nothing."""
        held, block = self._filter.held, self._open
        if self.failure is not None:
            return ""
        if block is None:
            skipped = self._filter.skipped_tag
            return held if skipped is None or skipped.on_malformed == "show" else ""
        return f"{block.tag.opening}{block.document.text}{held}" if block.tag.on_malformed == "show" else ""

    def _read(self, pieces: Iterable[Piece]) -> Sequence[TextDelta | BlockRecord]:
        for piece in pieces:
            if self.failure is None:
                self._take(piece)
        self._close_plain()
        made, self._made = self._made, []
        return made

    def _take(self, piece: Piece) -> None:
        match piece:
            case Plain():
                self._plain.append(piece.text)
            case Opened():
                block = self._open = _OpenBlock(self._new_id(), piece.tag)
                self._tell(BlockStarted(block.block_id, block.tag.name))
            case Inside():
                self._grow(piece.text)
            case Closed():
                self._close(piece.problem)
            case Skipped():
                if piece.tag.on_malformed == "show":
                    self._plain.append(piece.text)
            case Stray():
                self._handle_malformed(piece.tag, piece.tag.closing, "stray")
            case _:
                assert_never(piece)

    def _grow(self, text: str) -> None:
        block = self._open
        assert block is not None
        while block.size + len(text) >= block.next_offer:
            piece, text = text[: block.next_offer - block.size], text[block.next_offer - block.size :]
            self._add(block, piece)
            document = block.document.read_so_far()
            self._tell(BlockGrew(block.block_id, block.tag.name, block.take_told(), document))
            block.next_offer = int(block.size * OFFER_GROWTH)
        if text:
            self._add(block, text)

    def _add(self, block: _OpenBlock, text: str) -> None:
        block.size += len(text)
        block.document.add(text)
        block.told.append(text)

    def _close(self, problem: Problem | None) -> None:
        block, self._open = self._open, None
        assert block is not None
        document, raw = None, f"{block.tag.opening}{block.document.text}"
        if problem is None:
            try:
                document = block.document.read_whole()
            except ValueError:
                problem, raw = "unreadable", raw + block.tag.closing
        self._tell(BlockEnded(block.block_id, block.tag.name, block.take_told(), document, problem))
        if problem is not None:
            self._handle_malformed(block.tag, raw, problem)

    def _handle_malformed(self, tag: BlockTag, raw: str, problem: Problem) -> None:
        if tag.on_malformed == "show":
            self._plain.append(raw)
        elif tag.on_malformed == "error":
            self.failure = EngineError(f"The answer has a malformed block {tag.name!r}: {problem}.", code="bad_block")

    def _tell(self, record: BlockRecord) -> None:
        self._close_plain()
        self._made.append(record)

    def _close_plain(self) -> None:
        if self._plain:
            self._made.append(TextDelta("".join(self._plain)))
            self._plain.clear()
