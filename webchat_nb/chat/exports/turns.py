"""A conversation as a person reads it: turn by turn, each what was said and done in it, and how it ended.

The order is that of SPEC §10. A tool's result stands with its call; a run's status ends its turn.

Rule: EX3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from webchat_nb.chat.exports.document import ExportDocument, ExportedAttachment, ExportedEntity, attached_to


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked; shown as it was typed."""

    id: str
    text: str
    attachments: Sequence[ExportedAttachment] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine said; Markdown."""

    id: str
    text: str


class Thought(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine thought; Markdown."""

    id: str
    text: str


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool and what came of it.

    Attributes:
        input: JSON text; cut off where the arguments did not come to their end.
        result: Text or JSON text; None when there is none.
        status: As the call's: ``finished``, ``failed``, …
        attachments: An image that it gave.
    """

    id: str
    name: str
    input: str
    result: str | None
    status: str
    error: str = ""
    attachments: Sequence[ExportedAttachment] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A word of the system: how a turn ended, a warning, an error, another mode."""

    id: str
    text: str
    level: Literal["info", "warning", "error"]


class OtherEntity(msgspec.Struct, frozen=True, kw_only=True):
    """An entity of a kind that only its plugin knows."""

    id: str
    kind: str
    payload: Mapping[str, Any]


Piece = Prompt | Answer | Thought | ToolUse | Notice | OtherEntity

Turn = Sequence[Piece]

_LEVELS: Mapping[str, Literal["info", "warning", "error"]] = {"warning": "warning", "error": "error"}

_FEEDBACK: Mapping[str, str] = {"up": "Found helpful", "down": "Found not helpful"}

_ENDINGS: Mapping[str, str] = {
    "stopped": "Stopped",
    "failed": "The answer failed",
    "interrupted": "The answer was interrupted",
    "queued": "Was waiting for its turn",
    "running": "Was still being answered",
}
"""How a turn ended, where that has to be said."""


def turns_of(document: ExportDocument) -> list[Turn]:
    """The conversation, turn by turn; turns without anything to read are left out."""
    attachments = {one.attachment_id: one for one in document.attachments}
    by_id = {(entity.kind, entity.id): entity for entity in document.entities}
    turns = [
        [piece for entity in entities for piece in _pieces(entity, by_id, attachments)]
        for entities in _grouped(document.entities)
    ]
    return [turn for turn in turns if turn]


def _grouped(entities: Sequence[ExportedEntity]) -> Iterator[Sequence[ExportedEntity]]:
    """Entities with one run id are one turn; what names no run belongs to the one that spoke last.

    Feedback belongs to the answer that it is on, however late it was given.
    """
    spoken_in = {entity.id: entity.text("runId") for entity in entities if entity.kind == "ChatMessage"}
    groups: dict[str, list[ExportedEntity]] = {}
    lines: dict[str, ExportedEntity] = {}
    speaking: str | None = None
    for entity in entities:
        is_line = entity.kind == "ChatRun"
        run_id = entity.id if is_line else entity.text("runId")
        if entity.kind == "ChatFeedback":
            run_id = spoken_in.get(entity.text("messageId"), "")
        turn = run_id or speaking or f"{entity.kind} {entity.id}"
        if not is_line and entity.payload.get("role") != "user":
            speaking = turn
        group = groups.setdefault(turn, [])
        if is_line:
            lines[turn] = entity
        else:
            group.append(entity)
    for turn, group in groups.items():
        yield [*group, lines[turn]] if turn in lines else group


def _pieces(
    entity: ExportedEntity,
    by_id: Mapping[tuple[str, str], ExportedEntity],
    attachments: Mapping[str, ExportedAttachment],
) -> Iterator[Piece]:
    match entity.kind:
        case "ChatMessage":
            yield from _message(entity, attachments)
        case "ChatToolCall":
            result = by_id.get(("ChatToolResult", f"{entity.id}:result"))
            yield ToolUse(
                id=entity.id,
                name=entity.text("toolName"),
                input=entity.text("input"),
                result=result.text("result") if result is not None else None,
                status=entity.text("status"),
                error=entity.text("error"),
                attachments=_attached(result, attachments) if result is not None else (),
            )
        case "ChatToolResult":
            if ("ChatToolCall", entity.text("toolCallId")) not in by_id:
                yield ToolUse(
                    id=entity.id,
                    name=entity.text("toolName"),
                    input="",
                    result=entity.text("result"),
                    status="",
                    attachments=_attached(entity, attachments),
                )
        case "ChatApproval":
            yield Notice(id=entity.id, text=_decided(entity), level="info")
        case "ChatRun":
            yield from _ending(entity)
        case "AgentMode":
            told = f"{entity.text('title') or 'Mode'}: {entity.text('from') or '–'} → {entity.text('to') or '–'}"
            yield Notice(id=entity.id, text=told, level="info")
        case "ChatFeedback":
            told = _FEEDBACK.get(entity.text("value"), entity.text("value"))
            yield Notice(id=entity.id, text=": ".join(filter(None, (told, entity.text("comment")))), level="info")
        case _:
            yield OtherEntity(id=entity.id, kind=entity.kind, payload=entity.payload)


def _message(entity: ExportedEntity, attachments: Mapping[str, ExportedAttachment]) -> Iterator[Piece]:
    role, text = entity.text("role"), entity.text("content")
    if role == "user":
        yield Prompt(id=entity.id, text=text, attachments=_attached(entity, attachments))
    elif role == "thinking":
        yield Thought(id=entity.id, text=text)
    elif role in _LEVELS:
        yield Notice(id=entity.id, text=text, level=_LEVELS[role])
    else:
        yield Answer(id=entity.id, text=text)
    if entity.text("error"):
        yield Notice(id=entity.id, text=entity.text("error"), level="error")


def _attached(entity: ExportedEntity, attachments: Mapping[str, ExportedAttachment]) -> Sequence[ExportedAttachment]:
    ids = [one.get("attachmentId", "") for one in attached_to(entity)]
    return tuple(attachments[id] for id in ids if id in attachments)


def _decided(approval: ExportedEntity) -> str:
    """A question to a person, what it came to, and what they said."""
    question = approval.text("question") or f"May {approval.text('toolName') or 'the tool'} be called?"
    is_answer = approval.text("question") and approval.text("status") == "approved"
    said = approval.text("input") if is_answer else approval.text("reason")
    return ": ".join(filter(None, (f"{question} – {approval.text('status')}", said)))


def _ending(run: ExportedEntity) -> Iterator[Notice]:
    told = _ENDINGS.get(run.text("status"))
    if told is not None:
        error = run.text("error")
        level: Literal["info", "error"] = "error" if run.text("status") == "failed" else "info"
        yield Notice(id=run.id, text=f"{told}: {error}" if error else told, level=level)


def pretty(text: str) -> tuple[str, str]:
    """A text that may be JSON, for reading, and its language: ``json``, or empty."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text, ""
    if not isinstance(value, (dict, list)):
        return text, ""
    return msgspec.json.format(text, indent=2), "json"


def shown_size(count: int) -> str:
    """A number of bytes for people: ``812 B``, ``3.4 KB``, ``10 MB``."""
    if count < 1000:
        return f"{count} B"
    size, unit = (count / 1000, "KB") if count < 1_000_000 else (count / 1_000_000, "MB")
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"
