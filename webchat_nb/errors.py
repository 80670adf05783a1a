"""Every exception that webchat_nb raises, by whose fault it is.

::

    WebchatError                     code, http_status, retryable
    ├── UsageError                   the caller asked for something wrong; nothing was changed
    │   ├── BadRequestError          400 bad_request, and the finer codes below it
    │   │   ├── InvalidIdError       400 invalid_conv_id
    │   │   ├── EmptyPromptError     400 empty_prompt
    │   │   ├── InvalidOverrideError 400 invalid_override
    │   │   └── OverridesLockedError 400 overrides_not_allowed
    │   ├── ForbiddenError           403 forbidden
    │   ├── NotFoundError            404
    │   │   ├── UnknownProfileError  404 unknown_profile
    │   │   ├── UnknownSessionError  404 unknown_session
    │   │   ├── UnknownApprovalError 404 unknown_approval
    │   │   ├── UnknownToolCallError 404 unknown_tool_call
    │   │   ├── UnknownKernelError   404 unknown_kernel
    │   │   ├── NoKernelsError       404 no_kernels
    │   │   └── UnknownRunError      404 unknown_run
    │   ├── AlreadyDecidedError      409 already_decided
    │   ├── AlreadyAnsweredError     409 already_answered
    │   ├── ApprovalExpiredError     410 expired
    │   ├── ProfileIncompleteError   409 profile_incomplete
    │   ├── BusyError                409 conversation_busy
    │   ├── NotWaitingError          409 not_waiting
    │   ├── IdempotencyConflictError 409 idempotency_conflict
    │   ├── TooLargeError            413 too_large
    │   ├── QueueFullError           429 queue_full
    │   ├── RateLimitedError         429 rate_limited
    │   └── ConfigError              a profiles file, script or setting that cannot be used: file, line, key
    ├── ProtocolError                the other side broke the wire protocol (ws.error, close 4500)
    └── OperationError               our side could not do it; what was acknowledged stays
        ├── SchemaError              a name is unknown, registered twice or bound to another message type
        │   ├── UnknownNameError
        │   ├── DuplicateNameError
        │   └── PayloadTypeError
        ├── ProjectionError          a projection raised, or returned an impossible op
        ├── StoreError               503 store_unavailable: the store refused
        │   ├── StoreUnreachableError the store's server does not answer
        │   ├── StoreLockedError     another process has it open
        │   ├── StoreReadOnlyError
        │   ├── StoreFullError       no space left
        │   ├── StoreDamagedError
        │   ├── StoreVersionError    written by a newer version
        │   └── StoreConflictError   somebody else wrote to the same log
        ├── LogPrunedError           410 log_pruned: the log no longer reaches back so far
        ├── SupersededError          409 superseded: another server ended what this belongs to
        ├── RunFailedError           502 run_failed: a program's run failed, was stopped or interrupted
        ├── EngineError              the engine failed: safe message, retryable or not
        └── ShuttingDownError        503 shutting_down

``code`` is stable and documented; nobody should match on message texts.
"""

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


class BadRequestError(UsageError):
    """A field is missing, unknown or of the wrong type; the message names it."""


class InvalidIdError(BadRequestError):
    """A conversation id is not 1-128 characters of ``A-Z a-z 0-9 . _ : -``."""

    code = "invalid_conv_id"


class EmptyPromptError(BadRequestError):
    """A prompt holds nothing but white space."""

    code = "empty_prompt"


class InvalidOverrideError(BadRequestError):
    """An override has an unknown key, a wrong type or names something unknown."""

    code = "invalid_override"


class OverridesLockedError(BadRequestError):
    """The profile does not allow overrides."""

    code = "overrides_not_allowed"


class ForbiddenError(UsageError):
    """Whoever asks may see this, but not do that."""

    code = "forbidden"
    http_status = 403


class NotFoundError(UsageError):
    """It does not exist, or whoever asks has no right to see that it does."""

    code = "not_found"
    http_status = 404


class UnknownProfileError(NotFoundError):
    """No profile has this slug."""

    code = "unknown_profile"


class UnknownSessionError(NotFoundError):
    """No conversation has this id."""

    code = "unknown_session"


class UnknownApprovalError(NotFoundError):
    """The conversation has no such approval."""

    code = "unknown_approval"


class UnknownKernelError(NotFoundError):
    """No kernel has this id."""

    code = "unknown_kernel"


class NoKernelsError(NotFoundError):
    """This server has no kernels: it is not Jupyter's."""

    code = "no_kernels"


class UnknownToolCallError(NotFoundError):
    """No such call waits for a browser of whoever asks: it is over, somebody else's, or was never there."""

    code = "unknown_tool_call"


class UnknownRunError(NotFoundError):
    """The conversation has no run with this id or key."""

    code = "unknown_run"


class ProfileIncompleteError(UsageError):
    """The profile lacks something, such as a key; the message says what. Nothing is started."""

    code = "profile_incomplete"
    http_status = 409


class BusyError(UsageError):
    """A run is active and the busy policy is ``reject``."""

    code = "conversation_busy"
    http_status = 409
    retryable = True


class NotWaitingError(UsageError):
    """The run does not wait in the line any more."""

    code = "not_waiting"
    http_status = 409


class AlreadyDecidedError(UsageError):
    """Somebody was faster; their decision stands."""

    code = "already_decided"
    http_status = 409


class AlreadyAnsweredError(UsageError):
    """Another page makes the call, or has answered it."""

    code = "already_answered"
    http_status = 409


class ApprovalExpiredError(UsageError):
    """Nobody waits for the decision any more."""

    code = "expired"
    http_status = 410


class IdempotencyConflictError(UsageError):
    """The idempotency key was used before with another payload."""

    code = "idempotency_conflict"
    http_status = 409


class TooLargeError(UsageError):
    """Something is over a limit; the message names what and the limit."""

    code = "too_large"
    http_status = 413


class QueueFullError(UsageError):
    """As many prompts wait as the limit allows."""

    code = "queue_full"
    http_status = 429
    retryable = True
    retry_after_s = 5.0


class RateLimitedError(UsageError):
    """Too many requests in too short a time."""

    code = "rate_limited"
    http_status = 429
    retryable = True
    retry_after_s = 1.0


class ConfigError(UsageError):
    """A profiles file, a script or a setting that cannot be used; says file, line and key."""

    code = "bad_config"


class ProtocolError(WebchatError):
    """The other side of a connection broke the protocol; the connection usually stays."""

    code = "protocol"
    http_status = 400


class OperationError(WebchatError):
    """Our side could not do it; what was acknowledged stays as it was."""


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


class StoreError(OperationError):
    """The store refused; nothing of the batch is stored and nobody was told."""

    code = "store_unavailable"
    http_status = 503
    retryable = True


class StoreUnreachableError(StoreError):
    """The store's server does not answer; whether it carried a write out is then not known."""

    code = "store_unreachable"
    retry_after_s = 1.0


class StoreLockedError(StoreError):
    """Another process has the store open."""

    code = "store_locked"


class StoreReadOnlyError(StoreError):
    """The store cannot be written to."""

    code = "store_read_only"


class StoreFullError(StoreError):
    """No space is left where the store lives."""

    code = "store_full"


class StoreDamagedError(StoreError):
    """The file is not a database or is damaged."""

    code = "store_damaged"
    retryable = False


class StoreVersionError(StoreError):
    """The store was written by a newer version of webchat_nb."""

    code = "store_version"
    retryable = False


class StoreConflictError(StoreError):
    """Somebody else appended to the same log; read it again and retry."""

    code = "store_conflict"


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
