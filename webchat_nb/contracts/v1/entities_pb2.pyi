from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatMessage(_message.Message):
    __slots__ = ("message_id", "role", "content", "status", "streaming", "run_id", "parent_message_id", "finish_reason", "error", "attachments")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    role: str
    content: str
    status: str
    streaming: bool
    run_id: str
    parent_message_id: str
    finish_reason: str
    error: str
    attachments: _containers.RepeatedCompositeFieldContainer[ChatAttachment]
    def __init__(self, message_id: _Optional[str] = ..., role: _Optional[str] = ..., content: _Optional[str] = ..., status: _Optional[str] = ..., streaming: _Optional[bool] = ..., run_id: _Optional[str] = ..., parent_message_id: _Optional[str] = ..., finish_reason: _Optional[str] = ..., error: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[ChatAttachment, _Mapping]]] = ...) -> None: ...

class ChatAttachment(_message.Message):
    __slots__ = ("attachment_id", "media_type", "filename", "size_bytes")
    ATTACHMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    attachment_id: str
    media_type: str
    filename: str
    size_bytes: int
    def __init__(self, attachment_id: _Optional[str] = ..., media_type: _Optional[str] = ..., filename: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class ChatToolCall(_message.Message):
    __slots__ = ("tool_call_id", "tool_name", "input", "executing", "status", "progress", "message_id", "run_id", "error", "duration_ms", "place", "answer_schema")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    EXECUTING_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    tool_name: str
    input: str
    executing: bool
    status: str
    progress: str
    message_id: str
    run_id: str
    error: str
    duration_ms: int
    place: str
    answer_schema: str
    def __init__(self, tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., input: _Optional[str] = ..., executing: _Optional[bool] = ..., status: _Optional[str] = ..., progress: _Optional[str] = ..., message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., error: _Optional[str] = ..., duration_ms: _Optional[int] = ..., place: _Optional[str] = ..., answer_schema: _Optional[str] = ...) -> None: ...

class ChatToolResult(_message.Message):
    __slots__ = ("tool_call_id", "tool_name", "result", "status", "media_type", "content", "attachment_id")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_ID_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    tool_name: str
    result: str
    status: str
    media_type: str
    content: str
    attachment_id: str
    def __init__(self, tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., result: _Optional[str] = ..., status: _Optional[str] = ..., media_type: _Optional[str] = ..., content: _Optional[str] = ..., attachment_id: _Optional[str] = ...) -> None: ...

class ChatRun(_message.Message):
    __slots__ = ("run_id", "status", "profile", "queue_position", "error", "retryable", "usage", "created_at_ms", "started_at_ms", "ended_at_ms", "message_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    status: str
    profile: str
    queue_position: int
    error: str
    retryable: bool
    usage: ChatUsage
    created_at_ms: int
    started_at_ms: int
    ended_at_ms: int
    message_id: str
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[str] = ..., profile: _Optional[str] = ..., queue_position: _Optional[int] = ..., error: _Optional[str] = ..., retryable: _Optional[bool] = ..., usage: _Optional[_Union[ChatUsage, _Mapping]] = ..., created_at_ms: _Optional[int] = ..., started_at_ms: _Optional[int] = ..., ended_at_ms: _Optional[int] = ..., message_id: _Optional[str] = ...) -> None: ...

class ChatUsage(_message.Message):
    __slots__ = ("input_tokens", "output_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    output_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ...) -> None: ...

class ChatOpenRun(_message.Message):
    __slots__ = ("run_id", "turn_id", "message_id", "profile", "overrides_json", "status", "started_ordinal", "actor", "rank", "has_parent", "accepts_steering", "continued_count", "steers_run_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TURN_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    HAS_PARENT_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_STEERING_FIELD_NUMBER: _ClassVar[int]
    CONTINUED_COUNT_FIELD_NUMBER: _ClassVar[int]
    STEERS_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    turn_id: str
    message_id: str
    profile: str
    overrides_json: str
    status: str
    started_ordinal: int
    actor: str
    rank: int
    has_parent: bool
    accepts_steering: bool
    continued_count: int
    steers_run_id: str
    def __init__(self, run_id: _Optional[str] = ..., turn_id: _Optional[str] = ..., message_id: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., status: _Optional[str] = ..., started_ordinal: _Optional[int] = ..., actor: _Optional[str] = ..., rank: _Optional[int] = ..., has_parent: _Optional[bool] = ..., accepts_steering: _Optional[bool] = ..., continued_count: _Optional[int] = ..., steers_run_id: _Optional[str] = ...) -> None: ...

class ChatFeedback(_message.Message):
    __slots__ = ("message_id", "value", "comment", "actor", "at_ms")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    value: str
    comment: str
    actor: str
    at_ms: int
    def __init__(self, message_id: _Optional[str] = ..., value: _Optional[str] = ..., comment: _Optional[str] = ..., actor: _Optional[str] = ..., at_ms: _Optional[int] = ...) -> None: ...

class ChatApproval(_message.Message):
    __slots__ = ("approval_id", "tool_call_id", "tool_name", "input", "input_hash", "status", "expires_at_ms", "decided_by", "reason", "run_id", "question", "schema")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    tool_call_id: str
    tool_name: str
    input: str
    input_hash: str
    status: str
    expires_at_ms: int
    decided_by: str
    reason: str
    run_id: str
    question: str
    schema: str
    def __init__(self, approval_id: _Optional[str] = ..., tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., input: _Optional[str] = ..., input_hash: _Optional[str] = ..., status: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., decided_by: _Optional[str] = ..., reason: _Optional[str] = ..., run_id: _Optional[str] = ..., question: _Optional[str] = ..., schema: _Optional[str] = ...) -> None: ...

class ChatBrowserCall(_message.Message):
    __slots__ = ("tool_call_id", "client_id", "actor", "is_answered", "is_expired")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IS_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    IS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    client_id: str
    actor: str
    is_answered: bool
    is_expired: bool
    def __init__(self, tool_call_id: _Optional[str] = ..., client_id: _Optional[str] = ..., actor: _Optional[str] = ..., is_answered: _Optional[bool] = ..., is_expired: _Optional[bool] = ...) -> None: ...
