from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class StreamProjectionFailure(_message.Message):
    __slots__ = ("projection", "policy", "ordinal", "event_name", "event_payload", "error", "count", "at_ms")
    PROJECTION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EVENT_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    projection: str
    policy: str
    ordinal: int
    event_name: str
    event_payload: bytes
    error: str
    count: int
    at_ms: int
    def __init__(self, projection: _Optional[str] = ..., policy: _Optional[str] = ..., ordinal: _Optional[int] = ..., event_name: _Optional[str] = ..., event_payload: _Optional[bytes] = ..., error: _Optional[str] = ..., count: _Optional[int] = ..., at_ms: _Optional[int] = ...) -> None: ...
