"""One run's blocks: read from its text, told to their plugins, kept in the log, closed after a crash.

The log holds a block as it was written. So an answer's text and its blocks are all there, and a block that was open
when a server died is closed by its policy, from the log alone (SB5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, final

from webchat_nb.chat.blocks import BlockEnded, BlockGrew, BlockRecord, BlockStarted, BlockTag
from webchat_nb.chat.blocks.reader import BlockReader
from webchat_nb.chat.engine import EmitEntity, TextDelta, Usage
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.errors import EngineError

BLOCK_EVENTS: Final = (ev.ChatBlockStarted, ev.ChatBlockGrew, ev.ChatBlockEnded)
"""Facts about blocks. They change no timeline: what a block means is its plugin's to say."""

_ENDS_NO_TEXT = (Usage, EmitEntity)


@final
class RunBlocks:
    """The blocks of one run.

    Args:
        root_id: Prefix of their ids.
        run_id: Which run.
        tags: What plugins asked for, by name.
    """

    def __init__(self, root_id: str, run_id: str, tags: Mapping[str, BlockTag]) -> None:
        self._root_id = root_id
        self._run_id = run_id
        self._tags = tags
        self._count = 0
        self._has_read = False
        self._reader = BlockReader(tuple(tags.values()), self._next_id)
        self._open_id = ""
        self._open_tag: BlockTag | None = None
        self._logged: list[str] = []

    @property
    def failure(self) -> EngineError | None:
        """A malformed block that must fail the run; the records before it are good."""
        return self._reader.failure

    # While the engine speaks

    def read(self, record: Any) -> Iterable[Any]:
        """What stands for one record of the engine: text without blocks, the blocks' records, or itself.

        A record that ends the answer's segment ends the text too: a block does not go on behind it.
        """
        self._has_read = True
        if isinstance(record, TextDelta):
            return self._reader.feed(record.text)
        if isinstance(record, _ENDS_NO_TEXT):
            return (record,)
        return (*self._reader.finish(), record)

    def finish(self) -> Sequence[TextDelta | BlockRecord]:
        """The text ends here."""
        return self._reader.finish()

    def event(self, record: BlockRecord) -> Any:
        """The fact that is kept of a record."""
        match record:
            case BlockStarted():
                return ev.ChatBlockStarted(block_id=record.block_id, tag=record.tag, run_id=self._run_id)
            case BlockGrew():
                return ev.ChatBlockGrew(block_id=record.block_id, text=record.text)
            case BlockEnded():
                return ev.ChatBlockEnded(block_id=record.block_id, text=record.text, problem=record.problem or "")

    # From the log

    def observe(self, name: str, payload: Any) -> None:
        """Follow which block is open; live or from the log."""
        if name == "ChatBlockStarted":
            self._open_id, self._open_tag = payload.block_id, self._tags.get(payload.tag)
            self._logged = [f"<{payload.tag}>"]
            self._count = max(self._count, _number_of(payload.block_id))
        elif name == "ChatBlockGrew":
            self._logged.append(payload.text)
        elif name == "ChatBlockEnded":
            self._open_id, self._logged = "", []

    def unsaid(self) -> str:
        """What the answer gets at the end: what is held back, and an open block whose policy is ``show``.

        After a crash that is as much as the log has. Changes nothing.
        """
        if self._has_read:
            return self._reader.unsaid()
        is_shown = self._open_tag is None or self._open_tag.on_malformed == "show"  # a tag nobody wants now is text
        return "".join(self._logged) if is_shown else ""

    def settled(self) -> Sequence[Any]:
        """The fact that closes an open block; changes nothing."""
        return (ev.ChatBlockEnded(block_id=self._open_id, problem="unclosed"),) if self._open_id else ()

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._root_id}:block:{self._count}"


def _number_of(block_id: str) -> int:
    """How many blocks a run had by then: one that goes on makes new ids (TL9)."""
    number = block_id.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
