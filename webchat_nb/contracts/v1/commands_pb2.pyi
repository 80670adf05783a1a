from webchat_nb.contracts.v1 import entities_pb2 as _entities_pb2
from webchat_nb.contracts.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatCreateConversation(_message.Message):
    __slots__ = ("profile", "title")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    profile: str
    title: str
    def __init__(self, profile: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class ChatStartInference(_message.Message):
    __slots__ = ("prompt", "profile", "overrides_json", "on_busy", "parent_message_id", "regenerate", "attachments")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    ON_BUSY_FIELD_NUMBER: _ClassVar[int]
    PARENT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    REGENERATE_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    profile: str
    overrides_json: str
    on_busy: str
    parent_message_id: str
    regenerate: str
    attachments: _containers.RepeatedCompositeFieldContainer[_entities_pb2.ChatAttachment]
    def __init__(self, prompt: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., on_busy: _Optional[str] = ..., parent_message_id: _Optional[str] = ..., regenerate: _Optional[str] = ..., attachments: _Optional[_Iterable[_Union[_entities_pb2.ChatAttachment, _Mapping]]] = ...) -> None: ...

class ChatStopInference(_message.Message):
    __slots__ = ("run_id", "idempotency_key", "only_waiting")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ONLY_WAITING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    idempotency_key: str
    only_waiting: bool
    def __init__(self, run_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., only_waiting: _Optional[bool] = ...) -> None: ...

class ChatMoveInference(_message.Message):
    __slots__ = ("run_id", "position")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    position: int
    def __init__(self, run_id: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class ChatRenameConversation(_message.Message):
    __slots__ = ("title",)
    TITLE_FIELD_NUMBER: _ClassVar[int]
    title: str
    def __init__(self, title: _Optional[str] = ...) -> None: ...

class ChatSettleInference(_message.Message):
    __slots__ = ("run_id", "status", "finish_reason", "error", "code", "retryable")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    status: str
    finish_reason: str
    error: str
    code: str
    retryable: bool
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[str] = ..., finish_reason: _Optional[str] = ..., error: _Optional[str] = ..., code: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class ChatImportConversation(_message.Message):
    __slots__ = ("title", "profile", "entities")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    title: str
    profile: str
    entities: _containers.RepeatedCompositeFieldContainer[_events_pb2.ChatEntityImported]
    def __init__(self, title: _Optional[str] = ..., profile: _Optional[str] = ..., entities: _Optional[_Iterable[_Union[_events_pb2.ChatEntityImported, _Mapping]]] = ...) -> None: ...

class ChatGiveFeedback(_message.Message):
    __slots__ = ("message_id", "value", "comment")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    value: str
    comment: str
    def __init__(self, message_id: _Optional[str] = ..., value: _Optional[str] = ..., comment: _Optional[str] = ...) -> None: ...

class ChatDecideApproval(_message.Message):
    __slots__ = ("approval_id", "decision", "input", "reason")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    decision: str
    input: str
    reason: str
    def __init__(self, approval_id: _Optional[str] = ..., decision: _Optional[str] = ..., input: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChatClaimToolCall(_message.Message):
    __slots__ = ("tool_call_id", "client_id")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    client_id: str
    def __init__(self, tool_call_id: _Optional[str] = ..., client_id: _Optional[str] = ...) -> None: ...

class ChatAnswerToolCall(_message.Message):
    __slots__ = ("tool_call_id", "result", "is_error", "client_id", "is_expired")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    IS_ERROR_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    IS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    result: str
    is_error: bool
    client_id: str
    is_expired: bool
    def __init__(self, tool_call_id: _Optional[str] = ..., result: _Optional[str] = ..., is_error: _Optional[bool] = ..., client_id: _Optional[str] = ..., is_expired: _Optional[bool] = ...) -> None: ...
