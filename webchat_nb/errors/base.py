"""What all errors carry, and the three families: by whose fault it is."""

from __future__ import annotations

from typing import ClassVar


class WebchatError(Exception):
    """Base of all: carries what an HTTP answer or a ``ws.error`` frame tells.

    Attributes:
        code: Stable word for programs.
        http_status: The status an HTTP transport answers with.
        retryable: Whether the same request may work later.
        retry_after_s: Seconds to wait first, where known.
    """

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    retryable: bool = False
    retry_after_s: float | None = None

    @property
    def message(self) -> str:
        """The sentence for a person: what was expected, what came, where."""
        return str(self)


class UsageError(WebchatError):
    """The caller asked for something wrong; nothing was changed."""

    code = "bad_request"
    http_status = 400


class ProtocolError(WebchatError):
    """The other side of a connection broke the protocol; the connection usually stays."""

    code = "protocol"
    http_status = 400


class OperationError(WebchatError):
    """Our side could not do it; what was acknowledged stays as it was."""
