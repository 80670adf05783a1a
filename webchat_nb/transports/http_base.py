"""What all JSON handlers share: reading requests, writing answers, telling errors.

Rule: HT3, AC5-AC7; PROTOCOL §2 (error body, status table).
"""

from __future__ import annotations

import logging
from http.client import responses
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import quote, unquote

import msgspec
from tornado import web

from webchat_nb.errors import BadRequestError, TooLargeError, WebchatError
from webchat_nb.stream.model import SessionId, session_id
from webchat_nb.transports.host import LoggedIn, Mount
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.refusal import Refusal, is_internal, refusal_of
from webchat_nb.wire import codec
from webchat_nb.wire.requests import Principal, decode

PROFILE_COOKIE = "chat_profile"

_COOKIE_DAYS = 365
"""How long a chosen profile is remembered."""

_log = logging.getLogger(__name__)

_HTTP_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
"""Codes of errors that the host or tornado raises."""

_T = TypeVar("_T", bound=msgspec.Struct)


class JsonErrors(web.RequestHandler):
    """Every error is ``{"code", "message", "retryable"}``, whoever raised it."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an exception; ``Retry-After`` is told where it is known."""
        info = kwargs.get("exc_info")
        error = info[1] if info else None
        if isinstance(error, WebchatError):
            self.set_status(error.http_status)
            if error.retry_after_s is not None:
                self.set_header("Retry-After", str(max(1, round(error.retry_after_s))))
            told = refusal_of(error)
        elif status_code >= 500:
            told = refusal_of(error or RuntimeError())
        else:
            code = _HTTP_CODES.get(status_code, "bad_request")
            told = Refusal(code=code, message=_reason(status_code, error))
        self.set_header("Content-Type", "application/json")
        self.finish(codec.to_json(told))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what is our fault, with its traceback; never the query, which may hold a token, nor a body (AC7)."""
        if value is None or isinstance(value, web.HTTPError):
            return
        if is_internal(value):
            _log.error("%s %s failed", self.request.method, self.request.path, exc_info=value)
        elif isinstance(value, WebchatError) and value.http_status >= 500:
            _log.warning("%s %s: %s", self.request.method, self.request.path, value.code)


class ApiHandler(JsonErrors):
    """Base of the JSON handlers; the host's base class comes after it (``host.bind``)."""

    mount: Mount

    def initialize(self, mount: Mount) -> None:
        """Called by tornado with the route's keywords."""
        self.mount = mount

    @property
    def backend(self) -> ChatBackend:
        """The application.

        Raises:
            StoreError: It could not be started.
        """
        return self.mount.backend()

    @property
    def who(self) -> Principal:
        """Who asks (AC5)."""
        return cast(LoggedIn, self).principal()

    @property
    def cookie_profile(self) -> str | None:
        """The profile chosen before, unchecked."""
        return read_profile_cookie(self)

    def remember_profile(self, slug: str) -> None:
        """Keep the choice in a cookie of our mount."""
        is_https = self.request.protocol == "https"
        self.set_cookie(
            PROFILE_COOKIE,
            quote(slug, safe=""),
            expires_days=_COOKIE_DAYS,
            path=self.mount.path,
            samesite="Lax",
            httponly=True,
            secure=is_https,
        )

    def read_body(self, into: type[_T]) -> _T:
        """The JSON body as a request.

        Raises:
            TooLargeError: It is larger than ``max_body_bytes``; it was not parsed.
            BadRequestError: Not JSON, or a field is missing, unknown or wrong; the message names it.
        """
        most = self.backend.limits.max_body_bytes
        if len(self.request.body) > most:
            raise TooLargeError(f"the body has {len(self.request.body)} bytes, the limit is max_body_bytes ({most})")
        return decode(self.request.body, into)

    @property
    def idempotency_key(self) -> str | None:
        """The header ``Idempotency-Key``, which wins over the body."""
        return self.request.headers.get("Idempotency-Key")

    def text_argument(self, name: str) -> str | None:
        """A query argument, or None when it is left out."""
        return self.get_query_argument(name, None)

    def conversation_argument(self) -> SessionId:
        """The query argument ``conv_id``.

        Raises:
            BadRequestError: It is left out.
            InvalidIdError: It is no conversation id.
        """
        text = self.text_argument("conv_id")
        if text is None:
            raise BadRequestError("conv_id: missing")
        return session_id(text)

    def ordinal_argument(self, name: str) -> int | None:
        """An ordinal in the query.

        Raises:
            BadRequestError: Not a decimal number from 0 to 2^53-1; the message names it.
        """
        text = self.text_argument(name)
        return None if text is None else codec.read_ordinal(name, text)

    def limit_argument(self) -> int | None:
        """The query argument ``limit``; more than the server gives at once is cut down to that.

        Raises:
            BadRequestError: Not a whole number above 0.
        """
        count = self.ordinal_argument("limit")
        if count == 0:
            raise BadRequestError("limit: expected 1 or more, got 0")
        return None if count is None else min(count, self.backend.limits.max_window)

    def reply(self, answer: Any, *, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(codec.to_json(answer))

    async def reply_with_file(self, content: bytes, *, media_type: str, filename: str) -> None:
        """Answer with a file to save, which no browser shows, runs or guesses the type of."""
        ascii_name = "".join(char if char.isascii() and char not in '"\\%' else "_" for char in filename)
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Length", str(len(content)))
        self.set_header(
            "Content-Disposition", f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "private, no-store")
        self.write(content)
        await self.flush()  # before ``finish``, where Jupyter's handlers would make JSON of it
        self.finish()


def read_profile_cookie(handler: web.RequestHandler) -> str | None:
    """The profile chosen before, unchecked."""
    value = handler.get_cookie(PROFILE_COOKIE)
    return unquote(value) if value else None


def _reason(status: int, error: object) -> str:
    """The standard words of a status, and what the host adds for whoever programs against it."""
    reason = responses.get(status, "error")
    detail = error.log_message if isinstance(error, web.HTTPError) and not error.args else None
    return f"{reason}: {detail}" if detail else reason
