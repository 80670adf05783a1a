"""Our own server, without Jupyter: token login, the API, the page.

Rule: AC1, AC2, AC7, FR11; PROTOCOL §9.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from webchat_nb.transports.connections import Connections
from webchat_nb.transports.host import Mount
from webchat_nb.transports.http import routes
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.sink import ConnectionSettings
from webchat_nb.transports.token_login import cookie_secret, token_host
from webchat_nb.transports.ui import ui_routes

_log = logging.getLogger(__name__)

_MIN_BUFFER_BYTES = 8 << 20
"""Bodies up to this are read so that they can be answered with 413 in JSON; above it tornado refuses."""


def make_application(
    backend: Callable[[], ChatBackend],
    *,
    token: str,
    base_path: str = "/",
    ui: bool = True,
    connections: Connections | None = None,
    connection_settings: ConnectionSettings | None = None,
) -> web.Application:
    """The tornado application of our own server.

    Args:
        backend: Gives the chat's service.
        token: What callers have to show.
        base_path: Everything lies under it.
        ui: Whether the page is served.
        connections: Where open sockets are kept.
        connection_settings: Heartbeat and time-outs.
    """
    path = mount_path(base_path)
    mount = Mount(
        backend=backend,
        connections=connections or Connections(),
        path=path,
        new_id=lambda: secrets.token_hex(8),
        connection_settings=connection_settings or ConnectionSettings(),
    )
    prefix = re.escape(path)
    table: list[Any] = list(routes(token_host(), mount, prefix=prefix))
    if ui:
        table += ui_routes(prefix)
    return web.Application(
        table,
        webchat_token=token,
        webchat_path=path,
        cookie_secret=cookie_secret(token),
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"path": path, "samesite": "Lax"},
        log_function=_log_request,
    )


async def serve(
    backend: ChatBackend,
    *,
    ip: str = "127.0.0.1",
    port: int = 0,
    base_path: str = "/",
    token: str,
    ui: bool = True,
    debug: bool = False,
    on_listening: Callable[[], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then close all connections with 4000 and return.

    The first line on standard output is ``listening on http://…/`` once connections are accepted. The application is
    started and stopped by the caller.

    Args:
        backend: The chat's service, started.
        ip: Address to listen on.
        port: 0 takes a free one.
        base_path: Everything lies under it.
        token: What callers have to show.
        ui: Whether the page is served.
        debug: Log every request, not only those that failed.
        on_listening: Called after the first line was written.

    Raises:
        OSError: The port cannot be had; nothing is served.
    """
    if debug:
        logging.getLogger(__name__).setLevel(logging.DEBUG)
    connections = Connections()
    application = make_application(lambda: backend, token=token, base_path=base_path, ui=ui, connections=connections)
    sockets = bind_sockets(port, ip or None)
    server = HTTPServer(application, max_body_size=max(_MIN_BUFFER_BYTES, 2 * backend.limits.max_body_bytes))
    server.add_sockets(sockets)
    ended = _on_signals()
    address = f"{_shown(ip)}:{sockets[0].getsockname()[1]}"
    sys.stdout.write(f"listening on http://{address}{mount_path(base_path)}\n")
    sys.stdout.flush()
    if on_listening is not None:
        on_listening()
    try:
        await ended()
    finally:
        server.stop()
        await connections.close_all()
        await server.close_all_connections()


def mount_path(base_path: str) -> str:
    """The path with one slash at each end; ``/`` for the root."""
    inner = base_path.strip("/")
    return f"/{inner}/" if inner else "/"


def _on_signals() -> Callable[[], Awaitable[Any]]:
    """Returns what to wait for: the first SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, ended.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    return ended.wait


def _shown(ip: str) -> str:
    if ip in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{ip}]" if ":" in ip else ip


def _log_request(handler: web.RequestHandler) -> None:
    """One line for each request, without the query: it may hold the token (AC7)."""
    status = handler.get_status()
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.ERROR
    milliseconds = 1000 * handler.request.request_time()
    _log.log(level, "%d %s %s %.1f ms", status, handler.request.method, handler.request.path, milliseconds)
