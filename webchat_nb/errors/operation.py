"""Our side could not do it; what was acknowledged stays."""

from __future__ import annotations

from webchat_nb.errors.base import OperationError


class SchemaError(OperationError):
    """A name and a message type do not fit the schema registry."""

    code = "schema"


class UnknownNameError(SchemaError):
    """The name is not registered."""


class DuplicateNameError(SchemaError):
    """The name is registered already."""


class PayloadTypeError(SchemaError):
    """The payload is not of the registered message type, or no concrete type at all."""


class ProjectionError(OperationError):
    """A projection raised or returned an op that cannot be applied; nothing was stored."""

    code = "projection"


class LogPrunedError(OperationError):
    """The beginning of the log that this needs was pruned. Nothing is changed."""

    code = "log_pruned"
    http_status = 410


class SupersededError(OperationError):
    """Another server ended what these events belong to. Nothing of them is stored."""

    code = "superseded"
    http_status = 409


class EngineError(OperationError):
    """An engine failed; the message may be shown to the user.

    Args:
        message: Safe to show: no secret, no stack.
        code: A stable word of the engine's, such as ``rate_limited``.
        retryable: Whether trying again may help.
    """

    def __init__(self, message: str, *, code: str = "engine_failed", retryable: bool = False) -> None:
        super().__init__(message)
        self.engine_code = code
        self.retryable = retryable


class ToolError(OperationError):
    """A tool failed in a way that a model can be told: raised by the tool, told as the call's error result (TL1).

    Args:
        message: For the model and the person; no secret, no stack.
    """


class RunFailedError(OperationError):
    """The run that a program waits for did not finish; what came of its answer is on the timeline.

    Args:
        message: Safe to show.
        status: ``failed``, ``stopped`` or ``interrupted``.
        retryable: Whether the same prompt may work later.
    """

    code = "run_failed"
    http_status = 502

    def __init__(self, message: str, *, status: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable


class ShuttingDownError(OperationError):
    """The service is ending; ask again after it is back."""

    code = "shutting_down"
    http_status = 503
    retryable = True
    retry_after_s = 2.0
