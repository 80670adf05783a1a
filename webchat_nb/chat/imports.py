"""An export comes in again: checked as a whole, then one command that makes the whole conversation or nothing.

What it says becomes events (``ChatConversationCreated``, then one ``ChatEntityImported`` for each entity), so the log
stays the truth and a rebuild gives the same. Whoever imports it owns it.

Rule: EX2, AC5, AC6.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, final

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from webchat_nb.chat.attachments import StoredAttachment
from webchat_nb.chat.attachments.checking import (
    IMAGE_TYPES,
    check_content,
    check_media_type,
    read_media_type,
    safe_filename,
)
from webchat_nb.chat.exports.document import ExportedAttachment, attached_to
from webchat_nb.chat.exports.export_file import ExportFile
from webchat_nb.contracts.encode import json_bytes
from webchat_nb.contracts.v1.entities_pb2 import ChatApproval, ChatMessage, ChatRun, ChatToolCall
from webchat_nb.contracts.v1.events_pb2 import ChatConversationCreated, ChatEntityImported
from webchat_nb.errors import BadRequestError, TooLargeError, UnknownNameError, UsageError
from webchat_nb.stream import CommandTurn, Event, Hub, SchemaRegistry, SessionId, session_id
from webchat_nb.wire.requests import Limits

MAX_ID_CHARS = 300
"""Longest id of an entity."""

INTERRUPTED = "The conversation was exported before this ended."

_ID_FIELDS = {"ChatMessage": "message_id", "ChatRun": "run_id", "ChatToolCall": "tool_call_id"}
"""Kinds that say their id in their payload too: both have to be the same, since the chat itself goes by them."""

_OPEN = ("queued", "running", "streaming", "requested", "executing")
"""States of what had not come to its end."""

_decoder = msgspec.json.Decoder(ExportFile)


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An export that was found good.

    Attributes:
        entities: With what was open settled as interrupted.
    """

    session_id: SessionId
    title: str
    profile: str
    entities: Sequence[ChatEntityImported]
    attachments: Sequence[ExportedAttachment]


def read_import(body: bytes, registry: SchemaRegistry, limits: Limits) -> Import:
    """Check an export.

    Raises:
        BadRequestError: It is not JSON, or something in it cannot be used; the message names the path of the key.
        InvalidIdError: ``sessionId`` is none.
        TooLargeError: It is over a limit, which the message names.
    """
    if len(body) > limits.max_import_bytes:
        raise TooLargeError(
            f"the body has {len(body)} bytes, the limit is max_import_bytes ({limits.max_import_bytes})"
        )
    try:
        file = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadRequestError(_with_path(str(error))) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None
    if len(file.entities) > limits.max_import_entities:
        raise TooLargeError(
            f"entities: {len(file.entities)} of them, the limit is max_import_entities ({limits.max_import_entities})"
        )
    if len(file.title) > limits.max_title_chars:
        raise TooLargeError(f"title: {len(file.title)} characters, the limit is {limits.max_title_chars}")
    return Import(
        session_id=session_id(file.session_id),
        title=file.title,
        profile=file.profile,
        entities=_read_entities(file, registry),
        attachments=_read_attachments(file, limits),
    )


def _with_path(message: str) -> str:
    """``Expected … - at `$.entities[0].kind``` → ``entities[0].kind: Expected …``."""
    found = re.fullmatch(r"(?P<said>.*) - at `\$\.(?P<path>.*)`", message, re.DOTALL)
    return f"{found['path']}: {found['said']}" if found else message


def _read_entities(file: ExportFile, registry: SchemaRegistry) -> list[ChatEntityImported]:
    seen: set[tuple[str, str]] = set()
    read: list[ChatEntityImported] = []
    for index, entity in enumerate(file.entities):
        path = f"entities[{index}]"
        if not 0 < len(entity.id) <= MAX_ID_CHARS:
            raise BadRequestError(f"{path}.id: expected 1-{MAX_ID_CHARS} characters, got {len(entity.id)}")
        if (entity.kind, entity.id) in seen:
            raise BadRequestError(f"{path}: {entity.kind} {entity.id!r} is there twice")
        seen.add((entity.kind, entity.id))
        message = _read_payload(path, entity.kind, entity.payload, registry)
        own = _ID_FIELDS.get(entity.kind)
        if own is not None and getattr(message, own) != entity.id:
            raise BadRequestError(
                f"{path}.payload: {own} is {getattr(message, own)!r}, the entity's id is {entity.id!r}"
            )
        _settle(message)
        payload_json = json_bytes(message).decode()
        read.append(ChatEntityImported(kind=entity.kind, id=entity.id, payload_json=payload_json))
    return read


def _read_payload(path: str, kind: str, payload: dict[str, Any], registry: SchemaRegistry) -> Any:
    if registry.is_private(kind):
        raise BadRequestError(f"{path}.kind: {kind!r} is not imported")
    try:
        message = registry.message_type("entity", kind)()
    except UnknownNameError:
        raise BadRequestError(f"{path}.kind: {kind!r} is not registered on this server") from None
    try:
        return json_format.ParseDict(payload, message)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise BadRequestError(f"{path}.payload: {error}") from None


def _settle(message: Message) -> None:
    """What had not come to its end never will: nobody carries it out any more (RN2)."""
    if isinstance(message, ChatApproval) and message.status == "pending":
        message.status = "expired"
    if not isinstance(message, (ChatMessage, ChatRun, ChatToolCall)) or message.status not in _OPEN:
        return
    message.status = "interrupted"
    for name in ("streaming", "executing", "queue_position"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    if isinstance(message, ChatRun):
        message.error = INTERRUPTED
        message.retryable = True
        message.ended_at_ms = max(message.created_at_ms, message.started_at_ms)


def _read_attachments(file: ExportFile, limits: Limits) -> list[ExportedAttachment]:
    """Those that have their bytes and that something refers to; each has to be what it says, as an upload."""
    named = {one.get("attachmentId"): entity.kind for entity in file.entities for one in attached_to(entity)}
    read: list[ExportedAttachment] = []
    for index, one in enumerate(file.attachments):
        path = f"attachments[{index}]"
        if one.attachment_id not in named:
            raise BadRequestError(f"{path}.attachmentId: no message has an attachment {one.attachment_id[:40]!r}")
        kind = named.pop(one.attachment_id)
        if not 0 < len(one.attachment_id) <= MAX_ID_CHARS:
            raise BadRequestError(f"{path}.attachmentId: expected 1-{MAX_ID_CHARS} characters")
        if one.data is None:
            continue
        try:
            allowed = IMAGE_TYPES if kind == "ChatToolResult" else limits.attachment_types
            check_media_type(read_media_type(one.media_type), allowed)
            check_content(one.media_type, one.data, limits)
        except UsageError as error:
            raise type(error)(f"{path}: {error}") from None
        read.append(one)
    return read


def stored(one: ExportedAttachment, id: SessionId, *, actor: str, at_ms: int) -> StoredAttachment:
    """An attachment as the new conversation keeps it."""
    data = one.data or b""
    return StoredAttachment(
        session_id=id,
        attachment_id=one.attachment_id,
        digest=hashlib.sha256(data).hexdigest(),
        media_type=read_media_type(one.media_type),
        filename=safe_filename(one.filename, default="attachment"),
        size_bytes=len(data),
        actor=actor,
        at_ms=at_ms,
    )


@final
class Imports:
    """The command handler; registers itself."""

    def __init__(self, hub: Hub) -> None:
        hub.on_command("ChatImportConversation", self._import)

    async def _import(self, turn: CommandTurn) -> dict[str, Any]:
        """A new conversation, whole; nothing where one has come into being meanwhile."""
        if turn.session.exists:
            return {"is_taken": True}
        request: Any = turn.command.payload
        created = ChatConversationCreated(profile=request.profile, owner=turn.command.actor, title=request.title)
        for payload in (created, *request.entities):
            turn.publish(Event(session_id=turn.session.session_id, name=payload.DESCRIPTOR.name, payload=payload))
        return {"is_taken": False}
