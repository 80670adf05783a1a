"""What all formats are made of: a conversation as it stands, read once, at one position.

It holds what any reader of the conversation sees, and nothing else: no system prompt, no overrides, no private kind, not
who owns it.

Rule: EX1, AC7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from webchat_nb.chat.attachments import Attachments
from webchat_nb.errors import NotFoundError
from webchat_nb.stream import Hub, Session, SessionId

EVERYTHING = 1 << 30
"""A window that no timeline fills: read page by page, one that goes on could be read at several positions."""


class ExportedEntity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entity.

    Attributes:
        payload: Its protobuf JSON.
    """

    kind: str
    id: str
    payload: dict[str, Any]

    def text(self, field: str) -> str:
        """A text of the payload; empty where it is left out or something else."""
        value = self.payload.get(field)
        return value if isinstance(value, str) else ""


class ExportedAttachment(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """An attachment that a message or a tool's result refers to.

    Attributes:
        data: Its bytes; None when they are not there any more, or were too many for one export.
    """

    attachment_id: str
    media_type: str
    filename: str = ""
    size_bytes: int = 0
    data: bytes | None = None


class ExportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation.

    Attributes:
        entities: In the order of a timeline: by created ordinal, then id, then kind.
        attachments: In the order of the entities that refer to them.
    """

    session_id: str
    title: str
    profile: str
    created_at_ms: int
    updated_at_ms: int
    exported_at_ms: int
    entities: Sequence[ExportedEntity]
    attachments: Sequence[ExportedAttachment] = ()


async def read_document(hub: Hub, session: Session, attachments: Attachments, *, max_data_bytes: int) -> ExportDocument:
    """Read a conversation.

    Args:
        hub: Where it is.
        session: One that exists.
        attachments: Where its attachments are.
        max_data_bytes: The bytes of attachments beyond this are left out; the attachments are still named.
    """
    snapshot = await hub.snapshot(session.session_id, window=EVERYTHING)
    rows = sorted(snapshot.entities, key=lambda row: (row.created, row.id, row.kind))
    entities = [ExportedEntity(kind=row.kind, id=row.id, payload=msgspec.json.decode(row.payload)) for row in rows]
    return ExportDocument(
        session_id=session.session_id,
        title=snapshot.attributes.get("title", ""),
        profile=snapshot.attributes.get("profile", ""),
        created_at_ms=session.created_at_ms,
        updated_at_ms=session.updated_at_ms,
        exported_at_ms=hub.clock.now_ms(),
        entities=entities,
        attachments=await _read_attachments(attachments, session.session_id, entities, max_data_bytes),
    )


def attached_to(entity: ExportedEntity) -> list[Mapping[str, Any]]:
    """What an entity says of its attachments, in protobuf JSON; of a tool's image its id and type alone."""
    if entity.kind == "ChatToolResult":
        return [entity.payload] if entity.text("attachmentId") else []
    found = entity.payload.get("attachments")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _read_attachments(
    attachments: Attachments, session_id: SessionId, entities: Sequence[ExportedEntity], max_data_bytes: int
) -> list[ExportedAttachment]:
    named = {one.get("attachmentId", ""): one for entity in entities for one in attached_to(entity)}
    read: list[ExportedAttachment] = []
    for id, one in named.items():
        stored = await attachments.find(session_id, id)
        size_bytes = stored.size_bytes if stored is not None else int(one.get("sizeBytes", 0))
        filename = stored.filename if stored is not None else one.get("filename", "")
        data: bytes | None = None
        if size_bytes <= max_data_bytes:
            try:
                data = (await attachments.read(session_id, id))[1]
                max_data_bytes -= size_bytes
            except NotFoundError:
                pass  # the folder was lost, or a copy of the database was restored without it
        read.append(
            ExportedAttachment(
                attachment_id=id,
                media_type=one.get("mediaType", ""),
                filename=filename,
                size_bytes=size_bytes,
                data=data,
            )
        )
    return read
