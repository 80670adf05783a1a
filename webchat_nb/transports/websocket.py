"""The websocket ``v1/ws`` on tornado: a ``Connection`` with a socket.

Rule: FR1, FR9, FR11, AC1, AC2, AC4, AC6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast, final

from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from webchat_nb.errors import ShuttingDownError
from webchat_nb.transports.connection import Connection
from webchat_nb.transports.framing import send_text
from webchat_nb.transports.greeting import Join
from webchat_nb.transports.host import VERBS, Host, LoggedIn, Mount, refuse_method, when_ready
from webchat_nb.transports.http_base import JsonErrors, read_profile_cookie
from webchat_nb.transports.subscriber import TOO_MANY_CONNECTIONS

_MESSAGE_SLACK = 2
"""A message up to this many times ``max_frame_bytes`` is answered with ``ws.error``; tornado closes above it (1009)."""


@final
class SocketSink:
    """Sends to one websocket."""

    __slots__ = ("_handler",)

    def __init__(self, handler: WebSocketHandler) -> None:
        self._handler = handler

    def send(self, frames: Sequence[bytes]) -> Awaitable[None] | None:
        """All frames in one write; there is room for more when the operating system has taken them."""
        return send_text(self._handler, frames)

    def ping(self) -> None:
        """A ping of the websocket protocol, which browsers answer by themselves."""
        try:
            self._handler.ping()
        except WebSocketClosedError:
            return

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake; tornado drops the socket when it is not answered."""
        self._handler.close(code, reason)


class SocketHandler(JsonErrors, WebSocketHandler):
    """``v1/ws``; the host's base class comes after it (``bind_socket``)."""

    # Beside tornado's own attributes in the instance's dict they would double what it weighs.
    __slots__ = ("connection", "mount")

    def initialize(self, mount: Mount) -> None:
        """Called by tornado with the route's keywords."""
        self.mount = mount
        self.connection: Connection | None = None

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """The handshake; refused while the application does not run."""
        self.mount.backend()
        if self.mount.connections.is_closing:
            raise ShuttingDownError("the server is ending")
        await WebSocketHandler.get(self, *args, **kwargs)

    @property
    def max_message_size(self) -> int:
        """Largest message that is read at all (AC6)."""
        return _MESSAGE_SLACK * self.mount.backend().limits.max_frame_bytes

    @property
    def ping_interval(self) -> float:
        """0: the connection has a heartbeat of its own, and hosts mean different units by this."""
        return 0

    def get_compression_options(self) -> dict[str, Any] | None:
        """None: it costs 200 KB for each connection, and frames could not be shared."""
        return None

    async def open(self, *_: str, **__: str) -> None:
        """Start the connection, or refuse it when there are too many."""
        self.set_nodelay(True)
        if self.mount.connections.is_full:
            self.close(TOO_MANY_CONNECTIONS.code, TOO_MANY_CONNECTIONS.reason)
            return
        login = cast(LoggedIn, self)
        self.connection = Connection(
            backend=self.mount.backend(),
            sink=SocketSink(self),
            who=login.principal(),
            connection_id=self.mount.new_id(),
            join=self._join(),
            host_check=login.is_still_allowed,
            settings=self.mount.connection_settings,
        )
        self.mount.connections.add(self.connection)
        try:
            await self.connection.start()
        except BaseException:  # tornado logs it and drops the socket, without asking on_close
            self.on_close()
            raise

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Pass a frame on; the next one is read after it was taken."""
        return None if self.connection is None else self.connection.receive(message)

    def on_pong(self, data: bytes) -> None:
        """The client lives."""
        if self.connection is not None:
            self.connection.hear()

    def on_close(self) -> None:
        """Let go of the subscriptions; runs go on (RN4)."""
        if self.connection is not None:
            self.connection.detach()
            self.mount.connections.discard(self.connection)

    def _join(self) -> Join:
        asked = {
            name: self.get_query_argument(name, None) for name in ("conv_id", "profile", "epoch", "since", "window")
        }
        return Join(**asked, cookie_profile=read_profile_cookie(self))


def bind_socket(host: Host) -> type[web.RequestHandler]:
    """Give the websocket handler its host's base class, and close its handshake."""
    methods = {verb: host.protect_socket(refuse_method) for verb in VERBS}
    methods["get"] = host.protect_socket(when_ready(SocketHandler.get))
    return type("WebchatSocketHandler", (SocketHandler, host.socket), methods)
