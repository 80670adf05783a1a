"""What the engine under test has behind it: a model that gives the replies that a test wants.

How an engine is brought to give them is the only thing that a new engine has to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from webchat_nb.chat.engine import Engine


class AskedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call of the model's.

    Attributes:
        pieces: Of the arguments' JSON text, as they stream.
    """

    tool: str
    pieces: Sequence[str]

    @property
    def input(self) -> str:
        """The whole of the arguments."""
        return "".join(self.pieces)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the model says in one go, in this order; after calls it is asked again, with their results.

    Attributes:
        thoughts: Pieces of a thought.
        texts: Pieces of the answer.
        calls: Tool calls, all at once.
        usage: Tokens in and out of this reply.
        end: ``whole``: it comes to its end. ``silent``: it neither goes on nor ends. ``busy``: it fails, and trying again
            may help. ``wrong``: it fails, and trying again does not help.
    """

    thoughts: Sequence[str] = ()
    texts: Sequence[str] = ()
    calls: Sequence[AskedCall] = ()
    usage: tuple[int, int] | None = None
    end: Literal["whole", "silent", "busy", "wrong"] = "whole"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """An engine with its model.

    Attributes:
        engine: The one under test.
        left: Returns when the model's side has noticed that nobody listens any more, such as a closed connection.
    """

    engine: Engine
    left: Callable[[], Awaitable[object]]


def chopped(pieces: Sequence[str], length: int) -> Sequence[str]:
    """The same text in pieces of another length; 0: as it is."""
    text = "".join(pieces)
    return [text[start : start + length] for start in range(0, len(text), length)] if length else pieces


async def in_time(work: Awaitable[object]) -> None:
    """Wait for what must happen soon; how soon is no assertion, for machines are busy.

    Raises:
        TimeoutError: It does not happen at all.
    """
    await asyncio.wait_for(asyncio.ensure_future(work), timeout=20)
