"""What a host brings: its tornado base classes, its login, its permissions.

The handlers are written once. A host (Jupyter's server, or our own) gives the base classes that know who asks, and the
decorators that close a method to everybody else; ``bind`` puts the two together and leaves no method open.

Rule: AC1, AC2, AC5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal, Protocol

import msgspec
from tornado import web

from webchat_nb.transports.connections import Connections
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.sink import Access, ConnectionSettings
from webchat_nb.wire.requests import Principal

Permission = Literal["read", "write", "execute"]
"""What a host's authorizer is asked: reading, changing conversations, making an engine run."""

Method = Callable[..., Any]

VERBS = ("get", "head", "post", "put", "patch", "delete")
"""The methods that every handler closes, whether it has them or not. OPTIONS is the host's (CORS)."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host's means.

    Attributes:
        api: Base of JSON handlers; fits ``LoggedIn``.
        socket: Base of websocket handlers; fits ``LoggedIn``, and checks the origin.
        protect: Closes a method to callers who are not logged in or lack the permission: 401 or 403.
        protect_socket: The same for a websocket's handshake; it never redirects to a login page.
    """

    api: type[web.RequestHandler]
    socket: type[web.RequestHandler]
    protect: Callable[[Method, Permission], Method]
    protect_socket: Callable[[Method], Method]


class LoggedIn(Protocol):
    """What a host's base classes know."""

    def principal(self) -> Principal:
        """Who asks, as the login says."""

    async def is_still_allowed(self, access: Access) -> bool:
        """Ask the authorizer again, later in the life of a socket (AC4)."""


async def _at_once() -> None:
    return None


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """What all handlers of one host share.

    Attributes:
        backend: Gives the application, or raises the ``StoreError`` that keeps it from running.
        connections: The open sockets.
        path: Where it is mounted, with slashes at both ends: the path of our cookies.
        connection_settings: Heartbeat and time-outs.
        new_id: Where connection ids come from.
        ready: Awaited by each request before ``backend``: a host may start the application meanwhile.
    """

    backend: Callable[[], ChatBackend]
    connections: Connections
    path: str
    new_id: Callable[[], str]
    connection_settings: ConnectionSettings = ConnectionSettings()
    ready: Callable[[], Awaitable[None]] = _at_once


def bind(handler: type[web.RequestHandler], host: Host, permissions: dict[str, Permission]) -> type[web.RequestHandler]:
    """Give a handler its host's base class, and close each of its methods.

    Args:
        handler: Has the methods named in ``permissions``, and a ``mount``.
        host: Whose base class and decorators.
        permissions: What each of its methods needs; every other method answers 405, to those who are logged in.
    """
    methods: dict[str, Method] = {}
    for verb in VERBS:
        method = when_ready(getattr(handler, verb)) if verb in permissions else refuse_method
        methods[verb] = host.protect(method, permissions.get(verb, "read"))
    return type(handler.__name__, (handler, host.api), methods)


def when_ready(method: Method) -> Method:
    """The method of a handler with a ``mount``, begun once that is ready."""

    @wraps(method)
    async def begun(self: Any, *args: Any, **kwargs: Any) -> None:
        await self.mount.ready()
        await method(self, *args, **kwargs)

    return begun


async def refuse_method(handler: web.RequestHandler, *_: str, **__: str) -> None:
    """405, for those who are logged in."""
    raise web.HTTPError(405)
