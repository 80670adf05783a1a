"""Questions to a person, as records.

Rule: TL5.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from webchat_nb.chat.engine import ApprovalAsked
from webchat_nb.chat.tools.ports import Ask, ToolUse
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.chat.tools.schemas.forms import check_form
from webchat_nb.errors import BadRequestError

TEXT_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "minLength": 1}},
    "required": ["answer"],
    "additionalProperties": False,
}
"""The form of a question that names none."""


async def check_question(ask: Ask) -> None:
    """See that a question can be asked.

    Raises:
        BadRequestError: Its schema is no JSON Schema of an object.
    """
    if ask.schema is not None:
        await check_form(ask.schema, "schema")


def question_asked(ask: Ask, *, approval_id: str, now_ms: int, use: ToolUse | None = None) -> ApprovalAsked:
    """The record of a question that was checked.

    Args:
        ask: The question.
        approval_id: Unique in the conversation.
        now_ms: Wall time, from which it stands.
        use: The call that asks; None when it is the engine itself.

    Raises:
        BadRequestError: Nothing is asked.
    """
    if not ask.question.strip():
        raise BadRequestError("question: expected words for the person, got none")
    schema = TEXT_FORM if ask.schema is None else ask.schema
    return ApprovalAsked(
        approval_id=approval_id,
        call_id="" if use is None else use.call_id,
        tool_name="" if use is None else use.name,
        expires_at_ms=None if ask.expires_s is None else now_ms + round(ask.expires_s * 1000),
        question=clean(ask.question),
        schema=msgspec.json.encode(schema).decode(),
    )
