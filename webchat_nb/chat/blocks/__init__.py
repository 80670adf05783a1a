"""Structured blocks: what an engine writes into its text for the program and not for the reader.

A block is ``<app:name:v1>…</app:name:v1>`` with a tag that a plugin asked for. It is cut out of the answer, however the
text is cut into pieces, and handed to the plugin while it arrives. All other text goes on untouched.

- The records and ``BlockTag`` (here): what a plugin asks for and gets.
- ``filter.py``: text in, text and blocks out. Syntax only, pure.
- ``growing.py``: what a block's document looks like so far.
- ``reader.py``: the two together, with the policy for malformed blocks.
- ``run_blocks.py``: one run's blocks: their records, their events in the log, and how they end after a crash.

A plugin gets blocks by a ``block_tags`` attribute (``chat.plugins.ReadsBlocks``).

Rule: SB1-SB5.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec

MAX_TAG_CHARS: Final = 64
"""The longest tag; a ``<`` is held back for no more than a marker of it."""

_MAX_CHARS: Final = {"json": 16_384, "text": 16_384, "yaml": 4_096}
"""YAML is read in Python, at about 6 µs a character, while everything else waits: its C library can be made to crash."""

_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?::[A-Za-z0-9_.-]+){2}")

Problem = Literal["nested", "stray", "too_large", "unclosed", "unreadable"]
"""What is wrong with a block: another began in it, it was closed and never opened, it is over its limit, it does not
end in the text that it began in, or it is not what its format says."""


class BlockTag(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of block that a plugin asks for.

    Attributes:
        name: ``app:name:v1``: three parts of ``A-Z a-z 0-9 _ . -``, at most 64 characters. One plugin has it.
        format: What is read of it: a JSON document, a YAML document, or nothing (its ``document`` is then None).
        on_malformed: What becomes of a malformed block: ``show`` puts it into the answer as it was written, ``drop``
            leaves it out, ``error`` fails the run.
        max_chars: The longest content; None: 16,384 characters, of YAML 4,096.

    Raises:
        ValueError: The name is no tag.
    """

    name: str
    format: Literal["json", "yaml", "text"] = "json"
    on_malformed: Literal["show", "drop", "error"] = "show"
    max_chars: int | None = None

    def __post_init__(self) -> None:
        if len(self.name) > MAX_TAG_CHARS or not _TAG.fullmatch(self.name):
            raise ValueError(f"expected a tag such as app:name:v1, got {self.name[:80]!r}")

    @property
    def limit_chars(self) -> int:
        """The longest content."""
        return self.max_chars if self.max_chars is not None else _MAX_CHARS[self.format]

    @property
    def opening(self) -> str:
        """The marker that a block begins with."""
        return f"<{self.name}>"

    @property
    def closing(self) -> str:
        """The marker that it ends with."""
        return f"</{self.name}>"


class BlockStarted(msgspec.Struct, frozen=True):
    """A block begins.

    Attributes:
        block_id: ``<root>:block:<n>``: unique in the conversation.
        tag: Its tag's name.
    """

    block_id: str
    tag: str


class BlockGrew(msgspec.Struct, frozen=True):
    """More of a block: after 32 characters, then whenever it is a quarter longer than at the last time.

    Attributes:
        text: What came since the last record.
        document: What can be read so far, strings and lists unfinished; None when nothing can. A number at its end may
            still get more digits.
    """

    block_id: str
    tag: str
    text: str
    document: Any


class BlockEnded(msgspec.Struct, frozen=True):
    """A block is over.

    Attributes:
        text: What came since the last record.
        document: The whole document; None when the block is malformed, or its format is ``text``.
        problem: Why it is malformed; None when it is not.
    """

    block_id: str
    tag: str
    text: str
    document: Any
    problem: Problem | None = None


BlockRecord = BlockStarted | BlockGrew | BlockEnded
