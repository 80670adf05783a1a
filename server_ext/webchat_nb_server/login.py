"""Jupyter's server as a host: its base classes, its identity provider, its authorizer.

Rule: AC1-AC5.
"""

from __future__ import annotations

from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth import IdentityProvider
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketHandler

from webchat_nb.transports.host import Host, Method, Permission
from webchat_nb.transports.sink import Access
from webchat_nb.wire.requests import Principal

RESOURCE = "webchat"
"""What authorizers are asked about."""

PER_USER_SETTING = "webchat_nb_per_user"


def names_its_users(provider: IdentityProvider) -> bool:
    """Whether the provider tells one person from another for good.

    Those that come with Jupyter's server do not: they invent a name for each browser, and another one for each request
    that carries the token. JupyterHub's provider, or one of a company, is known by not being Jupyter's own.
    """
    return not type(provider).__module__.startswith("jupyter_server.")


class JupyterLogin(JupyterHandler):
    """Who asks, as Jupyter says."""

    auth_resource = RESOURCE

    def principal(self) -> Principal:
        """The user, or the one owner when Jupyter does not name its users (AC3)."""
        user = self.current_user
        if not self.settings[PER_USER_SETTING]:
            return Principal()
        return Principal(user=user.username, name=user.display_name or user.username)

    async def is_still_allowed(self, access: Access) -> bool:
        """Ask the authorizer again (AC4). About kernels it is asked as Jupyter's own routes ask it."""
        action, resource = ("execute", "kernels") if access == "kernels" else (access, RESOURCE)
        return bool(await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, resource)))


class JupyterApi(JupyterLogin, APIHandler):
    """Base of the JSON handlers."""


class JupyterSocket(WebSocketMixin, WebSocketHandler, JupyterLogin):
    """Base of the websocket, in the order of Jupyter's own."""

    def set_default_headers(self) -> None:
        """None: they are for pages."""


def jupyter_host() -> Host:
    """Jupyter's server as a host."""
    return Host(api=JupyterApi, socket=JupyterSocket, protect=_protect, protect_socket=_protect_socket)


def _protect(method: Method, permission: Permission) -> Method:
    closed: Method = web.authenticated(authorized(permission, resource=RESOURCE)(method))
    return closed


def _protect_socket(method: Method) -> Method:
    async def opened(self: Any, *args: Any, **kwargs: Any) -> None:
        if not await self.is_still_allowed("read"):
            raise web.HTTPError(403)
        await method(self, *args, **kwargs)

    closed: Method = ws_authenticated(opened)
    return closed
