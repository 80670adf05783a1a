from webchat_nb.contracts.v1 import entities_pb2 as _entities_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatConversationCreated(_message.Message):
    __slots__ = ("profile", "owner", "title")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    profile: str
    owner: str
    title: str
    def __init__(self, profile: _Optional[str] = ..., owner: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class ChatConversationRenamed(_message.Message):
    __slots__ = ("title",)
    TITLE_FIELD_NUMBER: _ClassVar[int]
    title: str
    def __init__(self, title: _Optional[str] = ...) -> None: ...

class ChatUserMessageAccepted(_message.Message):
    __slots__ = ("message_id", "run_id", "prompt", "parent_message_id", "actor", "profile", "attachments")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    prompt: str
    parent_message_id: str
    actor: str
    profile: str
    attachments: _containers.RepeatedCompositeFieldContainer[_entities_pb2.ChatAttachment]
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., prompt: _Optional[str] = ..., parent_message_id: _Optional[str] = ..., actor: _Optional[str] = ..., profile: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_entities_pb2.ChatAttachment, _Mapping]]] = ...) -> None: ...

class ChatInferenceQueued(_message.Message):
    __slots__ = ("run_id", "turn_id", "message_id", "profile", "overrides_json", "queue_position", "actor", "has_parent")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TURN_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    HAS_PARENT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    turn_id: str
    message_id: str
    profile: str
    overrides_json: str
    queue_position: int
    actor: str
    has_parent: bool
    def __init__(self, run_id: _Optional[str] = ..., turn_id: _Optional[str] = ..., message_id: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., queue_position: _Optional[int] = ..., actor: _Optional[str] = ..., has_parent: _Optional[bool] = ...) -> None: ...

class ChatInferenceMoved(_message.Message):
    __slots__ = ("run_id", "queue_position", "actor")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    queue_position: int
    actor: str
    def __init__(self, run_id: _Optional[str] = ..., queue_position: _Optional[int] = ..., actor: _Optional[str] = ...) -> None: ...

class ChatInferenceStarted(_message.Message):
    __slots__ = ("run_id", "turn_id", "message_id", "profile", "overrides_json", "actor", "has_parent")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TURN_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    HAS_PARENT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    turn_id: str
    message_id: str
    profile: str
    overrides_json: str
    actor: str
    has_parent: bool
    def __init__(self, run_id: _Optional[str] = ..., turn_id: _Optional[str] = ..., message_id: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., actor: _Optional[str] = ..., has_parent: _Optional[bool] = ...) -> None: ...

class ChatSteeringOffered(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ChatUserMessageSteered(_message.Message):
    __slots__ = ("message_id", "run_id", "prompt", "parent_message_id", "actor", "profile", "overrides_json", "own_run_id", "own_turn_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    OWN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OWN_TURN_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    prompt: str
    parent_message_id: str
    actor: str
    profile: str
    overrides_json: str
    own_run_id: str
    own_turn_id: str
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., prompt: _Optional[str] = ..., parent_message_id: _Optional[str] = ..., actor: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., own_run_id: _Optional[str] = ..., own_turn_id: _Optional[str] = ...) -> None: ...

class ChatSteeringTaken(_message.Message):
    __slots__ = ("run_id", "own_run_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OWN_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    own_run_id: str
    def __init__(self, run_id: _Optional[str] = ..., own_run_id: _Optional[str] = ...) -> None: ...

class ChatInferenceContinued(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ChatInferenceFinished(_message.Message):
    __slots__ = ("run_id", "finish_reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    finish_reason: str
    def __init__(self, run_id: _Optional[str] = ..., finish_reason: _Optional[str] = ...) -> None: ...

class ChatInferenceStopped(_message.Message):
    __slots__ = ("run_id", "actor", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    actor: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChatInferenceFailed(_message.Message):
    __slots__ = ("run_id", "error", "code", "retryable")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    error: str
    code: str
    retryable: bool
    def __init__(self, run_id: _Optional[str] = ..., error: _Optional[str] = ..., code: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class ChatInferenceInterrupted(_message.Message):
    __slots__ = ("run_id", "reason", "retryable")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    retryable: bool
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class ChatTextSegmentStarted(_message.Message):
    __slots__ = ("message_id", "run_id", "parent_message_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    parent_message_id: str
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., parent_message_id: _Optional[str] = ...) -> None: ...

class ChatTokensDelta(_message.Message):
    __slots__ = ("message_id", "text")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    text: str
    def __init__(self, message_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ChatTextSegmentFinished(_message.Message):
    __slots__ = ("message_id", "status", "finish_reason")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    status: str
    finish_reason: str
    def __init__(self, message_id: _Optional[str] = ..., status: _Optional[str] = ..., finish_reason: _Optional[str] = ...) -> None: ...

class ChatReasoningStarted(_message.Message):
    __slots__ = ("message_id", "run_id", "parent_message_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    parent_message_id: str
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., parent_message_id: _Optional[str] = ...) -> None: ...

class ChatReasoningDelta(_message.Message):
    __slots__ = ("message_id", "text")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    text: str
    def __init__(self, message_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ChatReasoningFinished(_message.Message):
    __slots__ = ("message_id", "status")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    status: str
    def __init__(self, message_id: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class ChatToolCallStarted(_message.Message):
    __slots__ = ("tool_call_id", "tool_name", "message_id", "run_id", "recall_id")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RECALL_ID_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    tool_name: str
    message_id: str
    run_id: str
    recall_id: str
    def __init__(self, tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., recall_id: _Optional[str] = ...) -> None: ...

class ChatToolCallArgumentsDelta(_message.Message):
    __slots__ = ("tool_call_id", "text")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    text: str
    def __init__(self, tool_call_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ChatToolCallRequested(_message.Message):
    __slots__ = ("tool_call_id", "input")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    input: str
    def __init__(self, tool_call_id: _Optional[str] = ..., input: _Optional[str] = ...) -> None: ...

class ChatToolCallExecutionStarted(_message.Message):
    __slots__ = ("tool_call_id", "place", "answer_schema")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    place: str
    answer_schema: str
    def __init__(self, tool_call_id: _Optional[str] = ..., place: _Optional[str] = ..., answer_schema: _Optional[str] = ...) -> None: ...

class ChatToolCallProgress(_message.Message):
    __slots__ = ("tool_call_id", "progress")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    progress: str
    def __init__(self, tool_call_id: _Optional[str] = ..., progress: _Optional[str] = ...) -> None: ...

class ChatToolCallResultReady(_message.Message):
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

class ChatToolCallFinished(_message.Message):
    __slots__ = ("tool_call_id", "status", "error", "duration_ms")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    status: str
    error: str
    duration_ms: int
    def __init__(self, tool_call_id: _Optional[str] = ..., status: _Optional[str] = ..., error: _Optional[str] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class ChatUsageReported(_message.Message):
    __slots__ = ("run_id", "input_tokens", "output_tokens")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    input_tokens: int
    output_tokens: int
    def __init__(self, run_id: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ...) -> None: ...

class ChatEntityEmitted(_message.Message):
    __slots__ = ("kind", "id", "payload_json", "run_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    payload_json: str
    run_id: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., payload_json: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class ChatEntityImported(_message.Message):
    __slots__ = ("kind", "id", "payload_json")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    payload_json: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., payload_json: _Optional[str] = ...) -> None: ...

class ChatFeedbackGiven(_message.Message):
    __slots__ = ("message_id", "value", "comment", "actor")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    value: str
    comment: str
    actor: str
    def __init__(self, message_id: _Optional[str] = ..., value: _Optional[str] = ..., comment: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ChatBlockStarted(_message.Message):
    __slots__ = ("block_id", "tag", "run_id")
    BLOCK_ID_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    block_id: str
    tag: str
    run_id: str
    def __init__(self, block_id: _Optional[str] = ..., tag: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class ChatBlockGrew(_message.Message):
    __slots__ = ("block_id", "text")
    BLOCK_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    block_id: str
    text: str
    def __init__(self, block_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ChatBlockEnded(_message.Message):
    __slots__ = ("block_id", "text", "problem")
    BLOCK_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    block_id: str
    text: str
    problem: str
    def __init__(self, block_id: _Optional[str] = ..., text: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class ChatToolApprovalRequested(_message.Message):
    __slots__ = ("approval_id", "tool_call_id", "tool_name", "input", "input_hash", "expires_at_ms", "run_id", "question", "schema")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_HASH_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    tool_call_id: str
    tool_name: str
    input: str
    input_hash: str
    expires_at_ms: int
    run_id: str
    question: str
    schema: str
    def __init__(self, approval_id: _Optional[str] = ..., tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., input: _Optional[str] = ..., input_hash: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., run_id: _Optional[str] = ..., question: _Optional[str] = ..., schema: _Optional[str] = ...) -> None: ...

class ChatToolApprovalDecided(_message.Message):
    __slots__ = ("approval_id", "status", "input", "reason", "actor")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    status: str
    input: str
    reason: str
    actor: str
    def __init__(self, approval_id: _Optional[str] = ..., status: _Optional[str] = ..., input: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ChatToolCallClaimed(_message.Message):
    __slots__ = ("tool_call_id", "client_id", "actor")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    client_id: str
    actor: str
    def __init__(self, tool_call_id: _Optional[str] = ..., client_id: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ChatToolCallAnswered(_message.Message):
    __slots__ = ("tool_call_id", "result", "is_error", "actor", "is_expired")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    IS_ERROR_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    result: str
    is_error: bool
    actor: str
    is_expired: bool
    def __init__(self, tool_call_id: _Optional[str] = ..., result: _Optional[str] = ..., is_error: _Optional[bool] = ..., actor: _Optional[str] = ..., is_expired: _Optional[bool] = ...) -> None: ...
