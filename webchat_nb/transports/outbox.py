"""Frames of one connection that wait for its sink, and how a reader waits for room.

Rule: FR8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import final

_FULL_BYTES = 4 << 20
"""Replies and hydrations above this stop the reading of further frames from the same client."""


@final
class Outbox:
    """Control frames and hydrations in order. Live frames wait in their subscriptions instead.

    Args:
        write: Called when there is something to write.
    """

    __slots__ = ("_bytes", "_frames", "_room", "wake")

    def __init__(self, write: Callable[[], None]) -> None:
        self._frames: list[bytes] = []
        self._bytes = 0
        self._room: asyncio.Future[None] | None = None
        self.wake = write

    @property
    def is_full(self) -> bool:
        """Whether the client should be kept from asking for more."""
        return self._bytes > _FULL_BYTES

    def put_all(self, frames: Iterable[bytes]) -> None:
        """Add frames and wake the writer."""
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame)
        self.wake()

    def take(self) -> list[bytes]:
        """All frames, in order."""
        taken, self._frames, self._bytes = self._frames, [], 0
        return taken

    def wake_readers(self) -> None:
        """There may be room for more."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def wait_for_room(self) -> None:
        """For the reader: return when something was sent or done."""
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._room)
