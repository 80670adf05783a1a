"""The HTTP side of a model's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Literal, final

import msgspec
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from webchat_nb.testing.engine_contract import Reply


class WireAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent.

    Attributes:
        pieces: Each is written and flushed on its own.
        end: ``whole``: in order. ``silent``: nothing more, until the client goes. ``cut``: the connection breaks.
    """

    pieces: Sequence[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({"Content-Type": "text/event-stream; charset=utf-8"})
    end: Literal["whole", "silent", "cut"] = "whole"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


Wire = Callable[[Reply], WireAnswer]
"""Writes a reply in a vendor's words."""


def cut(answer: WireAnswer, length: int) -> WireAnswer:
    """The same bytes in pieces of another length: through characters, lines and JSON; 0: as they are."""
    if not length:
        return answer
    stream = b"".join(answer.pieces)
    pieces = [stream[start : start + length] for start in range(0, len(stream), length)]
    return msgspec.structs.replace(answer, pieces=pieces)


def json_answer(status: int, body: Any, **headers: str) -> WireAnswer:
    """An answer that is no stream."""
    plain = {"Content-Type": "application/json", **headers}
    return WireAnswer(status=status, headers=plain, pieces=[msgspec.json.encode(body)])


@final
class ModelServer:
    """Answers each request with the next answer, and with the last one ever after.

    Attributes:
        asked: The requests so far.
        connections: The addresses that they came from.
        url: Where it listens, without a slash at the end.
    """

    def __init__(self, answers: Sequence[WireAnswer]) -> None:
        self.asked: list[Asked] = []
        self.connections: set[object] = set()
        self.url = ""
        self._answers = answers
        self._left = asyncio.Event()

    def next(self) -> WireAnswer:
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    def client_left(self) -> None:
        self._left.set()

    async def left(self) -> None:
        """Return when a client has closed a connection before its answer was whole."""
        await self._left.wait()


class _Handler(RequestHandler):
    def initialize(self, server: ModelServer) -> None:
        self._server = server
        self._gone = asyncio.Event()

    def on_connection_close(self) -> None:
        self._gone.set()
        self._server.client_left()

    async def post(self) -> None:
        body = msgspec.json.decode(self.request.body)
        self._server.asked.append(Asked(path=self.request.path, headers=dict(self.request.headers), body=body))
        connection: Any = self.request.connection
        self._server.connections.add(connection.stream.socket.getpeername())
        answer = self._server.next()
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        try:
            for piece in answer.pieces:
                self.write(piece)
                await self.flush()
        except StreamClosedError:
            return
        if answer.end == "silent":
            await self.flush()
            await self._gone.wait()
        elif answer.end == "cut":
            connection.stream.close()


@asynccontextmanager
async def serving(*answers: WireAnswer) -> AsyncIterator[ModelServer]:
    """Run a server on a port of its own."""
    server = ModelServer(answers)
    http = HTTPServer(Application([("/.*", _Handler, {"server": server})], log_function=lambda handler: None))
    sockets = bind_sockets(0, "127.0.0.1")
    http.add_sockets(sockets)
    server.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        http.stop()
        await http.close_all_connections()
