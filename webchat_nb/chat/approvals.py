"""Where an engine waits for a person's decision about a tool call.

The log holds what was decided; the desk only brings it to the engine that waits. It is fed after a decision is
committed, here or on another server, and never decides by itself.

Rule: TL2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import final

from webchat_nb.chat.tools import ToolDecision
from webchat_nb.stream.clock import Clock

Expire = Callable[[str], Awaitable[None]]
"""Asks for the approval of this id to be recorded as expired. When it was decided before, that decision stands."""


@final
class ApprovalDesk:
    """The questions of one run, and their answers. Belongs to one event loop.

    Args:
        clock: Tells when a question's time is over.
        expire: Called when it is, once for each engine that waits then.
    """

    def __init__(self, *, clock: Clock, expire: Expire) -> None:
        self._clock = clock
        self._expire = expire
        self._answers: dict[str, asyncio.Future[ToolDecision]] = {}

    def put(self, approval_id: str, decision: ToolDecision) -> None:
        """Bring a recorded decision; it is kept until an engine asks. The first stands, later ones are passed over."""
        answer = self._answer(approval_id)
        if not answer.done():
            answer.set_result(decision)

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        """Wait until it is decided; may be called again, and for several questions at once.

        Args:
            approval_id: The question.
            expires_at_ms: Wall time at which nobody is waited for any more; None is without end. What is returned then
                is what the log says: somebody may have been faster.

        Raises:
            WebchatError: The expiry could not be recorded. The question stays open.
        """
        answer = self._answer(approval_id)
        if expires_at_ms is not None and not answer.done():
            await self._wait_until(answer, expires_at_ms)
            if not answer.done():
                await self._expire(approval_id)
        return await asyncio.shield(answer)  # one who is cancelled takes it from nobody else

    async def _wait_until(self, answer: asyncio.Future[ToolDecision], at_ms: int) -> None:
        is_over = asyncio.Event()
        answer.add_done_callback(lambda _: is_over.set())
        timer = self._clock.call_later(max(0, at_ms - self._clock.now_ms()) / 1000, is_over.set)
        try:
            await is_over.wait()
        finally:
            timer.cancel()

    def _answer(self, approval_id: str) -> asyncio.Future[ToolDecision]:
        answer = self._answers.get(approval_id)
        if answer is None:
            answer = self._answers[approval_id] = asyncio.get_running_loop().create_future()
        return answer
