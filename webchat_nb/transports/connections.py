"""All connections of a host: counted, and closed together at the end.

Rule: FR11, AC6.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import final

from webchat_nb.transports.connection import Connection
from webchat_nb.transports.subscriber import SHUTDOWN

MAX_CONNECTIONS = 1000
"""Connections of one host at a time; further ones are closed with 4504."""

_SETTLE_TIMEOUT_S = 5.0
"""Longest time that the end waits for commands under way."""

_HANDSHAKE_TIMEOUT_S = 1.0
"""Longest time that the end waits for closing handshakes."""


@final
class Connections:
    """The open connections of one host.

    Args:
        max_count: More than these are refused.
    """

    def __init__(self, *, max_count: int = MAX_CONNECTIONS) -> None:
        self._max_count = max_count
        self._open: set[Connection] = set()
        self._is_closing = False
        self._none_left = asyncio.Event()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """Whether a further one has to be refused."""
        return len(self._open) >= self._max_count

    @property
    def is_closing(self) -> bool:
        """Whether the host is ending."""
        return self._is_closing

    def add(self, connection: Connection) -> None:
        """A connection was opened."""
        self._open.add(connection)

    def discard(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if not self._open:
            self._none_left.set()

    async def close_all(self) -> None:
        """Close all with 4000 and wait, not for long, until their commands are done and they are gone."""
        self._is_closing = True
        leaving = tuple(self._open)
        for connection in leaving:
            connection.close(SHUTDOWN)
        if leaving:
            settled = [asyncio.ensure_future(connection.settle()) for connection in leaving]
            _, late = await asyncio.wait(settled, timeout=_SETTLE_TIMEOUT_S)
            for task in late:
                task.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait_until_gone(), _HANDSHAKE_TIMEOUT_S)

    async def wait_until_gone(self) -> None:
        """Return when no connection is left."""
        if self._open:
            self._none_left.clear()
            await self._none_left.wait()
