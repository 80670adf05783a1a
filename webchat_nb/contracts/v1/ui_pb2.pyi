from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class UiChatMessage(_message.Message):
    __slots__ = ("message_id", "run_id")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class UiRun(_message.Message):
    __slots__ = ("run_id", "status", "message_id", "queue_position", "error", "retryable")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    status: str
    message_id: str
    queue_position: int
    error: str
    retryable: bool
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[str] = ..., message_id: _Optional[str] = ..., queue_position: _Optional[int] = ..., error: _Optional[str] = ..., retryable: _Optional[bool] = ...) -> None: ...

class UiText(_message.Message):
    __slots__ = ("message_id", "run_id", "status")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    run_id: str
    status: str
    def __init__(self, message_id: _Optional[str] = ..., run_id: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class UiTool(_message.Message):
    __slots__ = ("tool_call_id", "tool_name", "status")
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    tool_call_id: str
    tool_name: str
    status: str
    def __init__(self, tool_call_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class UiUsage(_message.Message):
    __slots__ = ("run_id", "input_tokens", "output_tokens")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    input_tokens: int
    output_tokens: int
    def __init__(self, run_id: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ...) -> None: ...

class UiConversation(_message.Message):
    __slots__ = ("title", "profile")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    title: str
    profile: str
    def __init__(self, title: _Optional[str] = ..., profile: _Optional[str] = ...) -> None: ...

class UiEntity(_message.Message):
    __slots__ = ("kind", "id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class UiApproval(_message.Message):
    __slots__ = ("approval_id", "tool_call_id", "status")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    tool_call_id: str
    status: str
    def __init__(self, approval_id: _Optional[str] = ..., tool_call_id: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...
