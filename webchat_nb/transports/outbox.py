"""Frames of one connection that wait for its writer, and the two ways to wait for it.

Rule: FR8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import final

_FULL_BYTES = 4 << 20
"""Replies and hydrations above this stop the reading of further frames from the same client."""


@final
class Outbox:
    """Control frames and hydrations in order. Live frames wait in their subscriptions instead."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._bytes = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether the client should be kept from asking for more."""
        return self._bytes > _FULL_BYTES

    def put_all(self, frames: Iterable[bytes]) -> None:
        """Add frames and wake the writer."""
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame)
        self._something.set()

    def take(self) -> list[bytes]:
        """All frames, in order."""
        taken, self._frames, self._bytes = self._frames, [], 0
        return taken

    def wake(self) -> None:
        """There is something for the writer to look at."""
        self._something.set()

    def wake_readers(self) -> None:
        """There may be room for more."""
        self._room.set()

    async def wait_for_something(self) -> None:
        """For the writer: return once something was added since the last time."""
        await self._something.wait()
        self._something.clear()

    async def wait_for_room(self) -> None:
        """For the reader: return when something was sent or done."""
        self._room.clear()
        await self._room.wait()
