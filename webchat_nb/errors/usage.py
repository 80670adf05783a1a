"""The caller asked for something wrong; nothing was changed."""

from __future__ import annotations

from webchat_nb.errors.base import UsageError


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
