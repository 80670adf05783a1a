"""Our own server on a free port, with a real chat in memory behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.unit.transports.chats import chat_in
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.transports.connections import Connections
from webchat_nb.transports.standalone import make_application, mount_path

TOKEN = "the-token"
AUTH = {"Authorization": f"token {TOKEN}"}


class Socket:
    """A websocket client that reads events."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection

    async def say(self, frame: dict[str, Any] | str) -> None:
        await self.connection.write_message(frame if isinstance(frame, str) else json.dumps(frame))

    async def hear(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self.connection.read_message(), 5)
        assert message is not None, (self.connection.close_code, self.connection.close_reason)
        event: dict[str, Any] = json.loads(message)["event"]
        return event

    async def until(self, type: str) -> list[dict[str, Any]]:
        """All events up to the first of a type."""
        events = [await self.hear()]
        while events[-1]["type"] != type:
            events.append(await self.hear())
        return events

    async def closed(self) -> int | None:
        """The close code, after whatever came before it."""
        while await asyncio.wait_for(self.connection.read_message(), 5) is not None:
            pass
        return self.connection.close_code


class StandaloneTests(AsyncTests):
    """Starts the server for each test: ``self.fetch``, ``self.join``."""

    base_path = "/"
    config: dict[str, Any] = {}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path, _loop: None) -> Iterator[None]:
        async def start() -> None:
            self.app = chat_in(tmp_path, **self.config)
            await self.app.start()
            self.connections = Connections()
            self.sockets: list[Socket] = []
            self.application = make_application(
                lambda: self.app.service, token=TOKEN, base_path=self.base_path, connections=self.connections
            )
            self.server = HTTPServer(self.application)
            socket, self.port = bind_unused_port(address="127.0.0.1")
            self.server.add_socket(socket)
            self.path = mount_path(self.base_path)

        async def stop() -> None:
            for socket in self.sockets:
                socket.connection.close()
            self.server.stop()
            await self.connections.close_all()
            await self.server.close_all_connections()
            await self.app.stop()

        self.runner.run(start())
        yield
        self.runner.run(stop())

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path if path.startswith('/') else self.path + path}"

    async def fetch(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        """A request, with the token unless headers are given; errors are answers, not exceptions."""
        data = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        request = HTTPRequest(
            self.url(path),
            method=method,
            body=data if data is not None else b"" if method in ("POST", "PATCH", "PUT") else None,
            headers=HTTPHeaders(AUTH if headers is None else headers),
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def get_json(self, path: str, status: int = 200, **options: Any) -> Any:
        answer = await self.fetch(path, **options)
        assert answer.code == status, (answer.code, answer.body)
        return json.loads(answer.body)

    async def refused(self, path: str, status: int, code: str, **options: Any) -> str:
        """A request that is refused with this code; its message."""
        answer = await self.get_json(path, status, **options)
        assert answer.keys() == {"code", "message", "retryable"} and answer["code"] == code, answer
        message: str = answer["message"]
        return message

    async def join(self, query: str = "", *, headers: dict[str, str] | None = None) -> Socket:
        request = HTTPRequest(
            self.url("v1/ws" + query, "ws"), headers=HTTPHeaders(AUTH if headers is None else headers)
        )
        socket = Socket(await websocket_connect(request))
        self.sockets.append(socket)
        return socket
