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
        ├── ToolError                a tool failed: its words are the result of the call
        └── ShuttingDownError        503 shutting_down

``code`` is stable and documented; nobody should match on message texts.
"""

from __future__ import annotations

from webchat_nb.errors.base import OperationError, ProtocolError, UsageError, WebchatError
from webchat_nb.errors.operation import (
    DuplicateNameError,
    EngineError,
    LogPrunedError,
    PayloadTypeError,
    ProjectionError,
    RunFailedError,
    SchemaError,
    ShuttingDownError,
    SupersededError,
    ToolError,
    UnknownNameError,
)
from webchat_nb.errors.stores import (
    StoreConflictError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreUnreachableError,
    StoreVersionError,
)
from webchat_nb.errors.usage import (
    AlreadyAnsweredError,
    AlreadyDecidedError,
    ApprovalExpiredError,
    BadRequestError,
    BusyError,
    ConfigError,
    EmptyPromptError,
    ForbiddenError,
    IdempotencyConflictError,
    InvalidIdError,
    InvalidOverrideError,
    NoKernelsError,
    NotFoundError,
    NotWaitingError,
    OverridesLockedError,
    ProfileIncompleteError,
    QueueFullError,
    RateLimitedError,
    TooLargeError,
    UnknownApprovalError,
    UnknownKernelError,
    UnknownProfileError,
    UnknownRunError,
    UnknownSessionError,
    UnknownToolCallError,
)

__all__ = [
    "AlreadyAnsweredError",
    "AlreadyDecidedError",
    "ApprovalExpiredError",
    "BadRequestError",
    "BusyError",
    "ConfigError",
    "DuplicateNameError",
    "EmptyPromptError",
    "EngineError",
    "ForbiddenError",
    "IdempotencyConflictError",
    "InvalidIdError",
    "InvalidOverrideError",
    "LogPrunedError",
    "NoKernelsError",
    "NotFoundError",
    "NotWaitingError",
    "OperationError",
    "OverridesLockedError",
    "PayloadTypeError",
    "ProfileIncompleteError",
    "ProjectionError",
    "ProtocolError",
    "QueueFullError",
    "RateLimitedError",
    "RunFailedError",
    "SchemaError",
    "ShuttingDownError",
    "StoreConflictError",
    "StoreDamagedError",
    "StoreError",
    "StoreFullError",
    "StoreLockedError",
    "StoreReadOnlyError",
    "StoreUnreachableError",
    "StoreVersionError",
    "SupersededError",
    "TooLargeError",
    "ToolError",
    "UnknownApprovalError",
    "UnknownKernelError",
    "UnknownNameError",
    "UnknownProfileError",
    "UnknownRunError",
    "UnknownSessionError",
    "UnknownToolCallError",
    "UsageError",
    "WebchatError",
]
