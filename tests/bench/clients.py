"""Websocket clients in a process of their own: they cost the server under test nothing but its sends.

They read as fast as Python can: no frame is parsed, the bytes are searched for what tells that it is over.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, final

import msgspec

_READ_BYTES = 1 << 18
_TIMEOUT_S = 120.0
"""Longest time without a byte: something is wrong then."""

_FRAME = b'{"sem":true'
_STAMP = re.compile(rb"<(\d+)>")
_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2ViY2hhdC1uYi1iZW5jaA==\r\n\r\n"
)


class Heard(msgspec.Struct, frozen=True):
    """What came.

    Attributes:
        ended_ns: Steady time at which the last client saw the end.
        byte_count: Over all clients.
        frame_count: Of SEM frames, over all clients.
        delays_us: By client: from each stamp in a text to its first arrival.
    """

    ended_ns: int
    byte_count: int
    frame_count: int
    delays_us: Sequence[Sequence[float]]


def stamp() -> str:
    """A piece of text that tells when it was made; the same clock in every process of the machine."""
    return f"<{time.monotonic_ns()}>"


@final
class Clients:
    """The other process. One request at a time; what it answers is awaited."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def open(self, port: int, paths: Sequence[str], *, until: bytes = b"") -> None:
        """Connect one client for each path and read until each has seen ``until``."""
        await self._ask(_open, port, list(paths), until)

    def hear(self, until: bytes) -> asyncio.Future[Heard]:
        """Read from now on, until every client has seen ``until``."""
        return self._ask(_hear, until)

    async def close(self) -> None:
        """Disconnect them all."""
        await self._ask(_close)

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        self._pipe.send((call, arguments))
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def receive() -> None:
            loop.remove_reader(self._pipe.fileno())
            outcome = self._pipe.recv()
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        loop.add_reader(self._pipe.fileno(), receive)
        return answer


@contextmanager
def client_process() -> Iterator[Clients]:
    """Start the process; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Clients(ours)
    finally:
        ours.close()
        process.join(5)
        process.kill()


# In the other process.


def _work(pipe: Connection) -> None:
    sockets: list[socket.socket] = []
    while True:
        try:
            call, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer = call(sockets, *arguments)
        except Exception as error:  # noqa: BLE001 - raised on the other side
            answer = error
        pipe.send(answer)


def _open(sockets: list[socket.socket], port: int, paths: Sequence[str], until: bytes) -> None:
    for path in paths:
        client = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(_HANDSHAKE.format(path=path, port=port).encode())
        sockets.append(client)
        came = b""
        while b"\r\n\r\n" not in came or until not in came:
            chunk = client.recv(_READ_BYTES)
            came += chunk
            if not chunk or not came.startswith(b"HTTP/1.1 101"[: len(came)]):
                raise ConnectionError(f"{path}: the server answered {came[:200]!r}")


def _hear(sockets: list[socket.socket], until: bytes) -> Heard:
    byte_count = frame_count = 0
    tails = dict.fromkeys(sockets, b"")
    delays_us: list[list[float]] = [[] for _ in sockets]
    newest_ns = [0] * len(sockets)
    overlap = max(len(until), len(_FRAME)) - 1
    with selectors.DefaultSelector() as selector:
        for index, client in enumerate(sockets):
            selector.register(client, selectors.EVENT_READ, index)
        while tails:
            ready = selector.select(_TIMEOUT_S)
            now_ns = time.monotonic_ns()
            if not ready:
                raise TimeoutError(f"{len(tails)} clients wait for {until!r}")
            for key, _ in ready:
                chunk = key.fileobj.recv(_READ_BYTES)  # type: ignore[union-attr]
                if not chunk:
                    raise ConnectionError("the server closed a connection")
                tail = tails[key.fileobj]  # type: ignore[index]
                byte_count += len(chunk)
                frame_count += (tail[-len(_FRAME) + 1 :] + chunk).count(_FRAME)
                for made_ns in map(int, _STAMP.findall(chunk)):
                    if made_ns > newest_ns[key.data]:  # else it is told again: the end of a message repeats its text
                        newest_ns[key.data] = made_ns
                        delays_us[key.data].append((now_ns - made_ns) / 1000)
                if until in tail + chunk:
                    selector.unregister(key.fileobj)
                    del tails[key.fileobj]  # type: ignore[arg-type]
                else:
                    tails[key.fileobj] = chunk[-overlap:]  # type: ignore[index]
    return Heard(time.monotonic_ns(), byte_count, frame_count, delays_us)


def _close(sockets: list[socket.socket]) -> None:
    while sockets:
        sockets.pop().close()
