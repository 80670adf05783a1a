"""What a client is told of an exception: the same three words over HTTP and in frames.

Rule: PROTOCOL §2 (500 ``internal`` carries no detail), AC7.
"""

from __future__ import annotations

import logging

import msgspec

from webchat_nb.errors import WebchatError

_log = logging.getLogger(__name__)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The error body of HTTP, ``ws.error`` and ``ws.nack``.

    Attributes:
        code: Stable word for programs.
        message: For people.
        retryable: Whether the same request may work later.
    """

    code: str
    message: str
    retryable: bool = False


INTERNAL = Refusal(code="internal", message="something went wrong on the server; its log says what")


def refusal_of(error: BaseException) -> Refusal:
    """What may be told: all of a ``WebchatError``, except of one that is a fault inside the server."""
    if not isinstance(error, WebchatError) or is_internal(error):
        return INTERNAL
    return Refusal(code=error.code, message=error.message, retryable=error.retryable)


def is_internal(error: BaseException) -> bool:
    """Whether it belongs in the server's log with its traceback, and not on the wire."""
    return not isinstance(error, WebchatError) or error.http_status == 500


def log_fault(error: BaseException) -> None:
    """Log it with its traceback when it is a fault of ours; a client's faults are told to the client only."""
    if is_internal(error):
        _log.error("a request over a connection failed", exc_info=error)
