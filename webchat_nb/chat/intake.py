"""Where a prompt goes: which message it follows, or which prompt is answered once more.

Rule: RN10, RN14.
"""

from __future__ import annotations

from typing import Any

import msgspec

from webchat_nb.errors import BadRequestError
from webchat_nb.stream import CommandTurn, Hub, SessionId


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the tree of a conversation.

    Attributes:
        prompt_id: The user message to answer once more; "" for a new prompt.
        parent_id: What a new prompt follows; "" is the beginning.
        is_named: The prompt said so. Else ``parent_id`` is how it looks now: what it follows is seen when it begins.
    """

    prompt_id: str = ""
    parent_id: str = ""
    is_named: bool = False


async def find_place(hub: Hub, turn: CommandTurn) -> Place:
    """The place that a ``ChatStartInference`` asks for.

    Raises:
        BadRequestError: It names a message that is not in this conversation, or is neither a prompt nor an answer.
    """
    request: Any = turn.command.payload
    session_id = turn.session.session_id
    if request.regenerate:
        message = await _message(hub, session_id, "regenerate", request.regenerate)
        if message.role == "user":
            return Place(prompt_id=await _own_prompt(hub, session_id, message))
        return Place(prompt_id=(await _message(hub, session_id, "regenerate", message.parent_message_id)).message_id)
    if not request.HasField("parent_message_id"):
        return Place(parent_id=turn.session.attributes.get("last_message", ""))
    parent_id = request.parent_message_id
    if parent_id:
        await _message(hub, session_id, "parent", parent_id)
    return Place(parent_id=parent_id, is_named=True)


async def _message(hub: Hub, session_id: SessionId, field: str, message_id: str) -> Any:
    entity = await hub.entity(session_id, "ChatMessage", message_id)
    message: Any = entity.payload if entity is not None else None
    if message is None:
        raise BadRequestError(f"{field}: no message {message_id[:200]!r} in this conversation")
    if message.role not in ("user", "assistant"):
        raise BadRequestError(f"{field}: expected a prompt or an answer, {message_id!r} is of role {message.role!r}")
    return message


async def _own_prompt(hub: Hub, session_id: SessionId, message: Any) -> str:
    """Its id, unless it was steered into the answer of another prompt."""
    entity = await hub.entity(session_id, "ChatRun", message.run_id)
    run: Any = entity.payload if entity is not None else None
    if run is not None and run.message_id != message.message_id:
        raise BadRequestError(f"regenerate: {message.message_id!r} was handed to the answer of {run.message_id!r}")
    return str(message.message_id)
