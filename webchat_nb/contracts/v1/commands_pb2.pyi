from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ChatCreateConversation(_message.Message):
    __slots__ = ("profile", "title")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    profile: str
    title: str
    def __init__(self, profile: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class ChatStartInference(_message.Message):
    __slots__ = ("prompt", "profile", "overrides_json", "on_busy")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_JSON_FIELD_NUMBER: _ClassVar[int]
    ON_BUSY_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    profile: str
    overrides_json: str
    on_busy: str
    def __init__(self, prompt: _Optional[str] = ..., profile: _Optional[str] = ..., overrides_json: _Optional[str] = ..., on_busy: _Optional[str] = ...) -> None: ...

class ChatStopInference(_message.Message):
    __slots__ = ("run_id", "idempotency_key")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    idempotency_key: str
    def __init__(self, run_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

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
