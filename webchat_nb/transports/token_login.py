"""The login of our own server: one token, in a header, in the query, or in the cookie that the page sets.

A request with the token itself needs no XSRF token, because no other site can send it; one with the cookie does.

Rule: AC1, AC2, AC5, AC7.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import wraps
from typing import Any

from tornado import web
from tornado.websocket import WebSocketHandler

from webchat_nb.transports.host import Host, Method
from webchat_nb.transports.sink import Access
from webchat_nb.wire.requests import Principal

_HEADER = re.compile(r"\s*(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)

_COOKIE_DAYS = 30
"""How long a browser stays logged in."""


class TokenLogin(web.RequestHandler):
    """Base of every handler of our own server. Its application's settings hold ``webchat_token``."""

    def get_current_user(self) -> Principal | None:
        """The owner, when the request carries the token or the cookie."""
        return Principal() if self.sends_token or self._has_cookie else None

    def principal(self) -> Principal:
        """Who asks: there is one owner, without a name (AC3)."""
        return Principal()

    async def is_still_allowed(self, access: Access) -> bool:
        """A token is never taken back while the server runs."""
        return True

    @property
    def sends_token(self) -> bool:
        """The token itself is in the request: in ``Authorization: token T`` or ``?token=T``."""
        found = _HEADER.fullmatch(self.request.headers.get("Authorization", ""))
        given = found.group(1) if found else self.get_query_argument("token", "")
        return bool(given) and hmac.compare_digest(given.encode(), self.settings["webchat_token"].encode())

    def remember_login(self) -> None:
        """Set the cookie that stands for the token from now on; it ends when the token changes."""
        self.set_signed_cookie(
            self._cookie_name,
            "owner",
            expires_days=_COOKIE_DAYS,
            path=self.settings["webchat_path"],
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )

    def check_xsrf_cookie(self) -> None:
        """Asked by tornado before POST, PATCH and DELETE: needed unless the request carries the token itself."""
        if not self.sends_token and self._has_cookie:
            super().check_xsrf_cookie()

    @property
    def _has_cookie(self) -> bool:
        return self.get_signed_cookie(self._cookie_name, max_age_days=_COOKIE_DAYS) == b"owner"

    @property
    def _cookie_name(self) -> str:
        """One for each host and port, because cookies are not kept apart by port."""
        return "webchat-login-" + re.sub(r"[^A-Za-z0-9]+", "-", self.request.host)


def cookie_secret(token: str) -> str:
    """A secret for signing that lives as long as the token and does not tell it."""
    return hmac.new(token.encode(), b"webchat_nb login cookie", hashlib.sha256).hexdigest()


class TokenSocket(TokenLogin, WebSocketHandler):
    """Base of the websocket; tornado checks its origin against the host."""


def token_host() -> Host:
    """Our own server as a host: whoever has the token may do everything."""
    return Host(
        api=TokenLogin,
        socket=TokenSocket,
        protect=lambda method, _: close_to_strangers(method, status=401),
        protect_socket=lambda method: close_to_strangers(method, status=403),
    )


def close_to_strangers(method: Method, *, status: int) -> Method:
    """The method, for those who are logged in; the status for everybody else."""

    @wraps(method)
    def closed(self: web.RequestHandler, *args: Any, **kwargs: Any) -> Any:
        if not self.current_user:
            raise web.HTTPError(status)
        return method(self, *args, **kwargs)

    return closed
