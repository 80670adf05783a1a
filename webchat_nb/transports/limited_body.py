"""Bodies that may be large: taken in piece by piece, and never further than their limit.

A body that is a little too large is read to its end and thrown away, so that the client hears why; one that is far too
large, or a stranger's, is not waited for.

Rule: AC1, AC6. Source: tornado's ``stream_request_body``.
"""

from __future__ import annotations

from inspect import isawaitable
from typing import Any, cast

from tornado import web
from tornado.http1connection import HTTP1Connection

from webchat_nb.errors import TooLargeError
from webchat_nb.transports.http_base import ApiHandler

_PATIENCE = 5
"""A body is read to its end up to this many times its limit."""

_SMALL_BYTES = 64 << 10
"""What is read, and thrown away, of a stranger's body."""


@web.stream_request_body
class LimitedBodyHandler(ApiHandler):
    """Base of handlers whose bodies have a limit of their own; the host's base class comes after it."""

    limit_name = ""
    """The name of the limit in ``Limits``."""

    async def prepare(self) -> None:
        """Called by tornado before the body comes: whoever is not logged in gets no more than the method's refusal."""
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._limit_bytes = 0
        outcome: Any = super().prepare()
        if isawaitable(outcome):
            await outcome
        if self._finished:
            return
        connection = cast(HTTP1Connection, self.request.connection)
        if not self.current_user:
            connection.set_max_body_size(_SMALL_BYTES)
            return
        await self.mount.ready()
        self._limit_bytes = getattr(self.backend.limits, self.limit_name)
        most = max(_SMALL_BYTES, _PATIENCE * self._limit_bytes)
        announced = self.request.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > most:
            raise self._too_large(int(announced))
        connection.set_max_body_size(most)

    def data_received(self, chunk: bytes) -> None:
        """Called by tornado with each piece of the body."""
        self._size_bytes += len(chunk)
        if self._size_bytes <= self._limit_bytes:
            self._pieces.append(chunk)
        else:
            self._pieces.clear()

    def whole_body(self) -> bytes:
        """The body.

        Raises:
            TooLargeError: It is larger than the limit.
        """
        if self._size_bytes > self._limit_bytes:
            raise self._too_large(self._size_bytes)
        return b"".join(self._pieces)

    def _too_large(self, size_bytes: int) -> TooLargeError:
        return TooLargeError(f"the body has {size_bytes} bytes, the limit is {self.limit_name} ({self._limit_bytes})")
