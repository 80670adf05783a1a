"""The limits of the machine that ours is shown beside: frames pushed into sockets, and rows committed in groups.

Neither does what a chat needs. ``preframed`` keeps nothing; ``group_commit`` tells nobody.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.clients import Clients
from tests.bench.prose import words
from tests.bench.stage import END, Synchronous, bare_frame, delta
from webchat_nb.transports.framing import join_frames

_ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_ROWS_PER_COMMIT = 1000


class _Preframed(asyncio.Protocol):
    """Takes a handshake for granted; is written to from outside."""

    def __init__(self, open_transports: list[asyncio.Transport]) -> None:
        self._open = open_transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" in data:
            self._transport.write(_ACCEPT)
            self._open.append(self._transport)


@asynccontextmanager
async def _preframed_server() -> AsyncIterator[tuple[int, list[asyncio.Transport]]]:
    transports: list[asyncio.Transport] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Preframed(transports), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], transports
    finally:
        server.close()
        for transport in transports:
            transport.abort()


async def preframed_rate(clients: Clients, client_count: int, event_count: int) -> float:
    """Events per second of a plain asyncio server: each event framed once, the same bytes to each client."""
    async with _preframed_server() as (port, transports):
        await clients.open(port, ["/"] * client_count)
        heard = clients.hear(until=END)
        begun_ns = time.monotonic_ns()
        for ordinal, word in enumerate(words(event_count)):
            await asyncio.sleep(0)
            framed = join_frames([bare_frame(ordinal, word)])
            for transport in transports:
                transport.write(framed)
        framed = join_frames([bare_frame(event_count, "", type="llm.final")])
        for transport in transports:
            transport.write(framed)
        ended_ns = (await heard).ended_ns
        await clients.close()
    return event_count / (ended_ns - begun_ns) * 1e9


def group_commit_rate(synchronous: Synchronous, event_count: int) -> float:
    """Events per second of plain SQLite: the bytes of the same events, a thousand in a transaction."""
    rows = [(number, *_row(word)) for number, word in enumerate(words(event_count))]
    with TemporaryDirectory(prefix="webchat-bench-") as folder:
        path = str(Path(folder) / "bare.sqlite")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={synchronous}")
            connection.execute("CREATE TABLE events (place INTEGER PRIMARY KEY, name, payload, at_ms, appends)")
            begun_ns = time.monotonic_ns()
            for first in range(0, event_count, _ROWS_PER_COMMIT):
                connection.execute("BEGIN")
                connection.executemany(
                    "INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows[first : first + _ROWS_PER_COMMIT]
                )
                connection.execute("COMMIT")
            took_ns = time.monotonic_ns() - begun_ns
    return event_count / took_ns * 1e9


def _row(word: str) -> Sequence[str | bytes | int]:
    event = delta(word)
    return event.name, event.payload.SerializeToString(), 1_700_000_000_000, 1
