"""What messages are made of: records, results and files in a form that JSON can hold.

Rule: TL6, EN9.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from webchat_nb.chat.engine import EngineEvent, HistoryMessage
from webchat_nb.chat.tools import ToolContent, ToolNews, ToolOutcome

_RECORDS: Final = {record.__name__: record for record in (*get_args(EngineEvent), *get_args(ToolNews))}

Packed = tuple[str, dict[str, Any]]
"""A record of an engine, or news of a tool: the name of its class, and its fields."""


def pack(record: Any) -> Packed:
    """A record, to be sent."""
    return type(record).__name__, msgspec.to_builtins(record)


def unpack(packed: Packed) -> Any:
    """The record again.

    Raises:
        msgspec.ValidationError: It is none.
    """
    name, fields = packed
    if name not in _RECORDS:
        raise msgspec.ValidationError(f"there is no record {name!r}")
    return msgspec.convert(fields, _RECORDS[name])


def send_plain(send: Callable[[Any], object], message: Any) -> None:
    """Send a message as plain values; halves of surrogate pairs, which cannot be sent, become question marks."""
    plain = msgspec.to_builtins(message)
    try:
        send(plain)
    except UnicodeEncodeError:
        send(json.loads(json.dumps(plain, ensure_ascii=False).encode(errors="replace")))


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """``ToolContent`` for JSON: the bytes of an image in base64."""

    media_type: str
    text: str | None = None
    base64: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``ToolOutcome`` for JSON, of a tool or of a box."""

    result: str
    is_error: bool = False
    shown: Content | None = None
    media_type: str = ""
    content: str = ""
    attachment_id: str = ""

    @classmethod
    def of(cls, outcome: ToolOutcome) -> Result:
        """What is sent of an outcome."""
        shown = outcome.shown
        content = None
        if shown is not None and isinstance(shown.data, bytes):
            content = Content(media_type=shown.media_type, base64=base64.b64encode(shown.data).decode())
        elif shown is not None:
            content = Content(media_type=shown.media_type, text=str(shown.data))
        return cls(
            result=outcome.result,
            is_error=outcome.is_error,
            shown=content,
            media_type=outcome.media_type,
            content=outcome.content,
            attachment_id=outcome.attachment_id,
        )

    def to_outcome(self) -> ToolOutcome:
        """The outcome again.

        Raises:
            ValueError: The base64 is none.
        """
        shown = None
        if self.shown is not None:
            data: str | bytes = self.shown.text or ""
            if self.shown.base64 is not None:
                data = base64.b64decode(self.shown.base64, validate=True)
            shown = ToolContent(self.shown.media_type, data)
        return ToolOutcome(
            result=self.result,
            is_error=self.is_error,
            shown=shown,
            media_type=self.media_type,
            content=self.content,
            attachment_id=self.attachment_id,
        )

    @property
    def size_bytes(self) -> int:
        """How much there is of it, about."""
        shown = self.shown
        return len(self.result) + len(self.content) + (len(shown.text or shown.base64 or "") if shown else 0)


class File(msgspec.Struct, frozen=True, kw_only=True):
    """An attached file, whose bytes are asked for when they are needed."""

    attachment_id: str
    media_type: str
    filename: str
    size_bytes: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """``HistoryMessage`` for JSON."""

    role: str
    content: str
    status: str = "finished"
    message_id: str = ""
    attachments: tuple[File, ...] = ()

    @classmethod
    def of(cls, message: HistoryMessage) -> Message:
        """What is sent of a message."""
        files = tuple(msgspec.convert(file, File, from_attributes=True) for file in message.attachments)
        return cls(
            role=message.role,
            content=message.content,
            status=message.status,
            message_id=message.message_id,
            attachments=files,
        )
