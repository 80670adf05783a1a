"""What the engine is told of the conversation so far.

Read from the timeline, ordered by turn: a prompt that was queued while an earlier answer was still coming stands after
that answer. Stopped and failed answers stay, marked as such.

Rule: RN7.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from webchat_nb.chat.engine import HistoryMessage
from webchat_nb.stream import EntityRow, Hub, SessionId

MAX_HISTORY_ENTITIES = 1000
"""How far back the history reaches, in timeline entities."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt of a turn, its number, and all messages before it."""

    prompt: str
    turn: int
    messages: Sequence[HistoryMessage]


class _Message(msgspec.Struct, rename="camel"):
    """The fields of a ``ChatMessage`` that history looks at."""

    message_id: str = ""
    role: str = ""
    content: str = ""
    status: str = ""
    run_id: str = ""


_decoder = msgspec.json.Decoder(_Message)


async def read_history(hub: Hub, session_id: SessionId, *, before_message_id: str) -> History:
    """The history up to one user message, which is the prompt.

    Args:
        hub: Where the timeline is.
        session_id: Which conversation.
        before_message_id: The user message that is to be answered.
    """
    snapshot = await hub.snapshot(session_id, window=MAX_HISTORY_ENTITIES)
    messages = [_decoder.decode(row.payload) for row in snapshot.entities if _is_message(row)]
    prompts = [message for message in messages if message.role == "user"]
    answers: dict[str, list[_Message]] = {}
    for message in messages:
        if message.role == "assistant":
            answers.setdefault(message.run_id, []).append(message)
    history: list[HistoryMessage] = []
    for index, prompt in enumerate(prompts):
        if prompt.message_id == before_message_id:
            later_count = len(prompts) - index - 1
            turn = int(snapshot.attributes.get("turns", "1")) - later_count
            return History(prompt=prompt.content, turn=turn, messages=history)
        for message in (prompt, *answers.get(prompt.run_id, ())):
            role = "user" if message.role == "user" else "assistant"
            history.append(
                HistoryMessage(
                    role=role,  # type: ignore[arg-type]
                    content=message.content,
                    status=message.status,
                    message_id=message.message_id,
                )
            )
    raise LookupError(f"the prompt {before_message_id!r} is not on the timeline")


def _is_message(row: EntityRow) -> bool:
    return row.kind == "ChatMessage" and not row.removed
