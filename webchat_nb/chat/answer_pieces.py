"""What a program is told of an answer: typed pieces, made of what changes on the timeline. Pure.

Rule: HO1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import msgspec

from webchat_nb.contracts.encode import json_dict
from webchat_nb.stream import EntityRow, Ordinal, Snapshot
from webchat_nb.stream.delivery import AppendOp, Delivery, UpsertOp, WireOp

_CHAT_KINDS = frozenset({"ChatMessage", "ChatToolCall", "ChatToolResult", "ChatRun"})
_PIECE_ROLES = frozenset({"assistant", "thinking"})


class TextPiece(msgspec.Struct, frozen=True):
    """The next piece of the answer's text."""

    text: str
    message_id: str


class ThoughtPiece(msgspec.Struct, frozen=True):
    """The next piece of a thought."""

    text: str
    message_id: str


class ToolCalled(msgspec.Struct, frozen=True):
    """A tool is called; ``input`` is the whole JSON text of its arguments."""

    call_id: str
    tool_name: str
    input: str


class ToolReturned(msgspec.Struct, frozen=True):
    """A tool answered; ``result`` is text, or JSON text.

    Attributes:
        media_type: Of what a person is shown beside the text; empty when there is nothing.
        content: The JSON text of a table.
        attachment_id: The attachment that holds an image.
    """

    call_id: str
    tool_name: str
    result: str
    is_error: bool
    media_type: str = ""
    content: str = ""
    attachment_id: str = ""


class EntityShown(msgspec.Struct, frozen=True):
    """Something of another kind was put on the timeline or replaced there; ``payload`` is its protobuf JSON."""

    kind: str
    id: str
    payload: dict[str, Any]


class AnswerFinished(msgspec.Struct, frozen=True):
    """The answer is whole; the last piece.

    Attributes:
        finish_reason: Why it ends, where the engine said so; else "".
    """

    run_id: str
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


AnswerPiece = TextPiece | ThoughtPiece | ToolCalled | ToolReturned | EntityShown | AnswerFinished


class RunEnd(msgspec.Struct, frozen=True):
    """How the run ended, from its ``ChatRun``."""

    status: str
    error: str
    retryable: bool
    finished: AnswerFinished


@final
class AnswerReader:
    """Makes pieces of one run's changes; what was told once is not told again.

    Snapshots and ops may overlap or repeat: a subscriber that fell behind starts over with a snapshot.

    Args:
        run_id: The run.
        since: The ordinal at which its prompt was accepted.
    """

    def __init__(self, run_id: str, since: Ordinal) -> None:
        self._run_id = run_id
        self._since = since
        self._told_lengths: dict[str, int] = {}
        self._roles: dict[str, str] = {}
        self._called: dict[str, str] = {}
        self._returned: set[str] = set()
        self._shown: dict[tuple[str, str], Ordinal] = {}
        self._finish_reason = ""
        self.end: RunEnd | None = None

    def has_ended(self) -> bool:
        """Whether the run's end was seen."""
        return self.end is not None

    def read_snapshot(self, snapshot: Snapshot) -> Iterator[AnswerPiece]:
        """The pieces of a whole timeline."""
        for row in snapshot.entities:
            if not row.removed:
                yield from self._read_entity(row, msgspec.json.decode(row.payload))

    def read_delivery(self, delivery: Delivery) -> Iterator[AnswerPiece]:
        """The pieces of one delivery; look at ``end`` after all of them, since a batch may name the run first."""
        ops = delivery.ops
        if delivery.seq - delivery.prev > 1:  # one op for each entity, the last changed last: a result before its call
            ops = sorted(ops, key=_created)
        for op in ops:
            if isinstance(op, AppendOp):
                yield from self._read_append(op)
            elif isinstance(op, UpsertOp):
                payload = op.payload
                is_json = isinstance(payload, bytes)
                yield from self._read_entity(op, msgspec.json.decode(payload) if is_json else json_dict(payload))  # type: ignore[arg-type]

    def see_run(self, run: dict[str, Any]) -> None:
        """Take the run's state from its ``ChatRun``."""
        status = run.get("status", "")
        if status in ("finished", "stopped", "failed", "interrupted"):
            usage = run.get("usage", {})
            finished = AnswerFinished(
                run_id=self._run_id,
                finish_reason=self._finish_reason,
                input_tokens=int(usage.get("inputTokens", 0)),
                output_tokens=int(usage.get("outputTokens", 0)),
            )
            self.end = RunEnd(status, run.get("error", ""), run.get("retryable", False), finished)

    def _read_entity(self, entity: UpsertOp | EntityRow, payload: dict[str, Any]) -> Iterator[AnswerPiece]:
        match entity.kind:
            case "ChatMessage" if payload.get("runId") == self._run_id:
                yield from self._read_message(entity.id, payload)
            case "ChatToolCall" if payload.get("runId") == self._run_id:
                yield from self._read_call(entity.id, payload)
            case "ChatToolResult":
                yield from self._read_result(payload)
            case "ChatRun" if entity.id == self._run_id:
                self.see_run(payload)
            case kind if kind not in _CHAT_KINDS:
                yield from self._read_other(entity, payload)

    def _read_message(self, id: str, payload: dict[str, Any]) -> Iterator[AnswerPiece]:
        role = payload.get("role", "")
        if role not in _PIECE_ROLES:
            return
        self._roles[id] = role
        if role == "assistant":
            self._finish_reason = payload.get("finishReason", self._finish_reason)
        content = payload.get("content", "")
        told = self._told_lengths.get(id, 0)
        if len(content) > told:
            yield self._text(id, content[told:])

    def _read_append(self, op: AppendOp) -> Iterator[AnswerPiece]:
        if op.kind == "ChatMessage" and op.field == "content" and op.id in self._roles:
            yield self._text(op.id, op.text)

    def _text(self, id: str, text: str) -> AnswerPiece:
        self._told_lengths[id] = self._told_lengths.get(id, 0) + len(text)
        return TextPiece(text, id) if self._roles[id] == "assistant" else ThoughtPiece(text, id)

    def _read_call(self, id: str, payload: dict[str, Any]) -> Iterator[AnswerPiece]:
        if id not in self._called and payload.get("status") not in ("", None, "streaming"):
            self._called[id] = payload.get("toolName", "")
            yield ToolCalled(id, self._called[id], payload.get("input", ""))

    def _read_result(self, payload: dict[str, Any]) -> Iterator[AnswerPiece]:
        call_id = payload.get("toolCallId", "")
        if call_id in self._called and call_id not in self._returned:
            self._returned.add(call_id)
            is_error = payload.get("status") == "error"
            yield ToolReturned(
                call_id,
                self._called[call_id],
                payload.get("result", ""),
                is_error,
                media_type=payload.get("mediaType", ""),
                content=payload.get("content", ""),
                attachment_id=payload.get("attachmentId", ""),
            )

    def _read_other(self, entity: UpsertOp | EntityRow, payload: dict[str, Any]) -> Iterator[AnswerPiece]:
        key = (entity.kind, entity.id)
        if entity.updated > max(self._since, self._shown.get(key, Ordinal(0))):
            self._shown[key] = entity.updated
            yield EntityShown(entity.kind, entity.id, payload)


def _created(op: WireOp) -> int:
    """Pieces of text first: they belong to what was there before."""
    return op.created if isinstance(op, UpsertOp) else 0
