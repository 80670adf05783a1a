"""The prompts that wait: seen, moved, dropped.

Rule: RN11, AC3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError
from webchat_nb.wire.requests import CancelAnswer, MoveAnswer, Principal, WaitingPrompt


class Queue(ServicePart):
    """The line of a conversation."""

    async def queue(self, who: Principal, conv_id: str) -> Sequence[WaitingPrompt]:
        """The waiting prompts, the next one first.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """
        session = await self.guard.existing(who, "read", conv_id)
        prompts: list[WaitingPrompt] = []
        for position, run in enumerate(await self.runs.waiting(session.session_id), start=1):
            entity = await self.hub.entity(session.session_id, "ChatMessage", run.message_id)
            message: Any = entity.payload if entity is not None else None
            prompts.append(
                WaitingPrompt(
                    run_id=run.run_id,
                    turn_id=run.turn_id,
                    message_id=run.message_id,
                    position=position,
                    prompt=message.content if message is not None else "",
                    profile=run.profile,
                    actor=run.actor,
                )
            )
        return prompts

    async def move(
        self, who: Principal, conv_id: str, run_id: str, position: int, *, key: str | None = None
    ) -> MoveAnswer:
        """Give a waiting prompt another place in the line; beyond the end is the last one.

        Raises:
            BadRequestError: The position is below 1.
            UnknownSessionError, ForbiddenError: It is not the principal's to do.
            UnknownRunError: The conversation has no such run.
            NotWaitingError: It began, or was dropped. Nothing is changed.
        """
        session = await self.guard.existing(who, "submit", conv_id)
        if not 1 <= position < 2**31:
            raise BadRequestError(f"position: expected 1 or more, got {position}")
        command = cmd.ChatMoveInference(run_id=run_id, position=position)
        receipt = await self.change(who, session.session_id, command, key=key)
        return MoveAnswer(**receipt.answer, deduplicated=receipt.deduplicated)

    async def drop(self, who: Principal, conv_id: str, run_id: str, *, key: str | None = None) -> CancelAnswer:
        """Take a waiting prompt out of the line; its message stays. Repeatable.

        Raises:
            UnknownSessionError, ForbiddenError: It is not the principal's to do.
            UnknownRunError: The conversation has no such run.
            NotWaitingError: It has begun, and goes on.
        """
        session = await self.guard.existing(who, "cancel", conv_id)
        command = cmd.ChatStopInference(run_id=run_id, only_waiting=True)
        receipt = await self.change(who, session.session_id, command, key=key)
        return msgspec.convert({**receipt.answer, "deduplicated": receipt.deduplicated}, CancelAnswer)
