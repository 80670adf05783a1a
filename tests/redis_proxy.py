"""A proxy in front of Redis that loses the answers to chosen requests, and the connection with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self, final

_CHUNK = 1 << 20


@final
class LossyProxy:
    """Passes bytes on, on the event loop of the test.

    Args:
        target_port: Where they go.

    Attributes:
        port: Where it listens.
        lost_count: Answers that were lost so far.
        requests: Those whose answers were lost, as they were sent.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._marker = b""
        self._losses = 0
        self._pipes: set[asyncio.Task[None]] = set()
        self._is_next_lost = False
        self.lost_count = 0
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        """The Redis behind it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def lose(self, marker: bytes, times: int = 1) -> None:
        """Lose the next answers to requests that contain this: Redis carries them out, and nobody hears of it."""
        self._marker, self._losses = marker, times

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        far_writer = None
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            up = asyncio.create_task(_pump(reader, far_writer, self._passes_up))
            down = asyncio.create_task(_pump(far_reader, writer, self._passes_down))
            try:
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in (up, down):
                    pump.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        for end in (writer, far_writer):
            if end is not None:
                end.transport.abort()
        self._pipes.discard(task)

    def _passes_up(self, data: bytes) -> bool:
        if self._losses and self._marker in data:
            self._losses -= 1
            self._is_next_lost = True
            self.requests.append(data)
        return True

    def _passes_down(self, data: bytes) -> bool:
        if self._is_next_lost:
            self._is_next_lost = False
            self.lost_count += 1
            return False
        return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]) -> None:
    while data := await reader.read(_CHUNK):
        if not passes(data):
            return
        writer.write(data)
        await writer.drain()
