"""What the engine is told of the conversation so far.

Read from the timeline, along the branch that the prompt ends: turn by turn from the beginning, so that a prompt that was
queued while an earlier answer was still coming stands after that answer. Stopped and failed answers stay, marked as such.

Rule: RN7, RN10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from webchat_nb.chat.branches import AttachmentRow, Branches, ChatMessageRow, OlderNeededError
from webchat_nb.chat.engine import AttachedFile, HistoryMessage
from webchat_nb.stream import Hub, Ordinal, SessionId

PAGE = 1000
"""Timeline entities that are read at once."""


Files = Callable[[Sequence[AttachmentRow]], Sequence[AttachedFile]]
"""Makes what an engine can read out of what a message names."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt of a turn, its number on its branch, and all messages before it."""

    prompt: str
    turn: int
    messages: Sequence[HistoryMessage]
    attachments: Sequence[AttachedFile] = ()


def _no_files(rows: Sequence[AttachmentRow]) -> Sequence[AttachedFile]:
    return ()


async def read_history(hub: Hub, session_id: SessionId, *, before_message_id: str, files: Files = _no_files) -> History:
    """The history up to one user message, which is the prompt; its branch is followed back to the beginning.

    Args:
        hub: Where the timeline is.
        session_id: Which conversation.
        before_message_id: The user message that is to be answered.
        files: What becomes of attachments.

    Raises:
        LookupError: It is not on the timeline.
    """
    branches = Branches()
    before: Ordinal | None = None
    while True:
        page = await hub.snapshot(session_id, window=PAGE, before=before)
        branches.add(page.entities)
        try:
            turns = branches.turns_before(before_message_id, is_complete=not page.has_more)
        except OlderNeededError:
            if not page.has_more:
                raise LookupError(f"the prompt {before_message_id!r} is not on the timeline") from None
            before = page.oldest
            continue
        prompt = branches.prompt(before_message_id)
        return History(
            prompt=prompt.content,
            attachments=files(prompt.attachments),
            turn=len(turns) + 1,
            messages=[_told(message, files) for turn in turns for message in turn],
        )


def _told(message: ChatMessageRow, files: Files) -> HistoryMessage:
    return HistoryMessage(
        role="user" if message.role == "user" else "assistant",
        content=message.content,
        status=message.status,
        message_id=message.message_id,
        attachments=files(message.attachments),
    )
