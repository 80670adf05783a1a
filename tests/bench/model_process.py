"""A model's server in a process of its own: it sends streams that were written beforehand, as fast as they are read.

The first part of the address says how: ``/whole`` to the end, ``/hang`` a few tokens and then nothing; it tells the steady
time at which a client went.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import final

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_HANG_AFTER = 5
"""Pieces that are sent before it hangs: enough for a token to come through."""

Streams = Mapping[str, Sequence[bytes]]
"""The pieces of a stream by the end of the path that asks for it."""


@final
class ModelProcess:
    """The other process."""

    def __init__(self, pipe: Connection, port: int) -> None:
        self.port = port
        self._pipe = pipe

    def url(self, how: str) -> str:
        """The base address of its API."""
        return f"http://127.0.0.1:{self.port}/{how}"

    async def left_ns(self) -> int:
        """When the next client left a stream that hangs."""
        seen: int = await asyncio.to_thread(self._pipe.recv)
        return seen


@contextmanager
def model_process(streams: Streams) -> Iterator[ModelProcess]:
    """Run the server."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_serve, args=(there, streams), daemon=True)
    process.start()
    try:
        yield ModelProcess(here, here.recv())
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, streams: Streams) -> None:
    framed = {path: [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] for path, pieces in streams.items()}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length"))
                await reader.readexactly(length)
                path = lines[0].split()[1]
                pieces = next(pieces for end, pieces in framed.items() if path.endswith(end))
                writer.write(_HEAD)
                if path.startswith("/hang"):
                    writer.write(b"".join(pieces[:_HANG_AFTER]))
                    await reader.read()
                    pipe.send(time.monotonic_ns())
                    break
                for start in range(0, len(pieces), 20):
                    writer.write(b"".join(pieces[start : start + 20]))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())
