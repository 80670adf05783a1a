"""Where an engine waits for a person's decision about a tool call.

The log holds what was decided; the desk only brings it to the engine that waits. It is fed after a decision is
committed, here or on another server, and never decides by itself.

Rule: TL2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import final

from webchat_nb.chat.engine import ApprovalAsked
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.errors import WebchatError
from webchat_nb.stream.clock import Clock, done_within

Expire = Callable[[str], Awaitable[None]]
"""Asks for the approval of this id to be recorded as expired. When it was decided before, that decision stands."""

Begin = Callable[[str], Awaitable[None]]
"""Records that somebody acts upon the approval of this id from now on, so that nobody does a second time (TL9)."""


@final
class ApprovalDesk:
    """The questions of one run, and their answers. Belongs to one event loop.

    Args:
        clock: Tells when a question's time is over.
        expire: Called when it is, once for each engine that waits then.
        begin: Called before somebody is told that it is approved; None: nothing is done.
    """

    def __init__(self, *, clock: Clock, expire: Expire, begin: Begin | None = None) -> None:
        self._clock = clock
        self._expire = expire
        self._begin = begin
        self._answers: dict[str, asyncio.Future[ToolDecision]] = {}
        self._expiries: dict[str, int | None] = {}

    def recall(self, asked: ApprovalAsked) -> None:
        """Know a question from before the server was stopped: it expires as it said then (TL9)."""
        self._answer(asked.approval_id)
        self._expiries[asked.approval_id] = asked.expires_at_ms

    def put(self, approval_id: str, decision: ToolDecision) -> None:
        """Bring a recorded decision; it is kept until an engine asks. The first stands, later ones are passed over."""
        answer = self._answer(approval_id)
        if not answer.done():
            answer.set_result(decision)

    async def withdraw(self, approval_id: str) -> None:
        """Nobody waits for the answer any more, although the run goes on: the question expires."""
        if not self._answer(approval_id).done():
            with suppress(WebchatError):  # then it stays open until the run ends
                await self._expire(approval_id)

    def knows(self, approval_id: str) -> bool:
        """Whether somebody waits for it or it is decided: then it is in the log, and need not be asked again."""
        return approval_id in self._answers

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        """Wait until it is decided; may be called again, and for several questions at once.

        Args:
            approval_id: The question.
            expires_at_ms: Wall time at which nobody is waited for any more; None is without end. What is returned then
                is what the log says: somebody may have been faster.

        Raises:
            WebchatError: The expiry could not be recorded, and the question stays open; or that somebody acts upon the
                approval could not, and nobody may.
        """
        answer = self._answer(approval_id)
        expires_at_ms = self._expiries.get(approval_id, expires_at_ms)
        if expires_at_ms is not None:
            left_s = (expires_at_ms - self._clock.now_ms()) / 1000
            if not await done_within(self._clock, answer, left_s):
                await self._expire(approval_id)
        decision = await asyncio.shield(answer)  # one who is cancelled takes it from nobody else
        if decision.is_approved and self._begin is not None:
            await self._begin(approval_id)
        return decision

    def _answer(self, approval_id: str) -> asyncio.Future[ToolDecision]:
        answer = self._answers.get(approval_id)
        if answer is None:
            answer = self._answers[approval_id] = asyncio.get_running_loop().create_future()
        return answer
