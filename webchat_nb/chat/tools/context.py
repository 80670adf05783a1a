"""What one call of a tool can do beside its work: say that it begins, how it goes, and ask the person.

Rule: TL1, TL5.
"""

from __future__ import annotations

import asyncio
from typing import final

import msgspec

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.engine import ToolCallExecuting, ToolCallProgress
from webchat_nb.chat.tools.ports import Ask, Tell, ToolDecision, ToolUse
from webchat_nb.chat.tools.questions import check_question, question_asked
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.chat.tools.stopwatch import Stopwatch
from webchat_nb.errors import BadRequestError, ToolError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.model import SessionId


@final
class CallContext:
    """Fits ``ToolContext``. After ``close`` nothing of it is heard any more.

    Args:
        use: The call.
        session_id: The conversation.
        run_id: The run.
        actor: Whose prompt it is.
        desk: Where answers come in.
        tell: Takes the news of the call.
        clock: Wall time.
        watch: The call's time.
        expires_s: How long a question stands that does not say; None: as long as the run.
    """

    def __init__(
        self,
        use: ToolUse,
        *,
        session_id: SessionId,
        run_id: str,
        actor: str,
        desk: ApprovalDesk,
        tell: Tell,
        clock: Clock,
        watch: Stopwatch,
        expires_s: float | None,
    ) -> None:
        self.session_id = session_id
        self.run_id = run_id
        self.actor = actor
        self._use = use
        self._desk = desk
        self._tell = tell
        self._clock = clock
        self._watch = watch
        self._expires_s = expires_s
        self._is_executing = False
        self._is_closed = False
        self._ask_count = 0

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        """The tool begins to work now; a second time changes nothing."""
        if not self._is_executing and not self._is_closed:
            self._is_executing = True
            self._tell(ToolCallExecuting(self._use.call_id, place=place, answer_schema=answer_schema))

    def progress(self, text: str) -> None:
        """A word for the person while it works."""
        if not self._is_closed:
            self._tell(ToolCallProgress(self._use.call_id, clean(text)))

    async def ask(self, ask: Ask) -> ToolDecision:
        """Ask the person and wait; the call's time stands still meanwhile. Cancelling it withdraws the question.

        Raises:
            ToolError: The question cannot be asked as it is.
            WebchatError: Its expiry could not be recorded.
        """
        if ask.expires_s is None:
            ask = msgspec.structs.replace(ask, expires_s=self._expires_s)
        self._ask_count += 1
        approval_id = f"{self._use.call_id}:ask:{self._ask_count}"
        try:
            await check_question(ask)
            asked = question_asked(ask, approval_id=approval_id, now_ms=self._clock.now_ms(), use=self._use)
        except BadRequestError as error:
            raise ToolError(f"the question cannot be asked: {error.message}") from None
        if self._is_closed:
            return ToolDecision(is_approved=False, reason="The call has ended.")
        with self._watch.standing_still():
            if not self._desk.knows(approval_id):
                self._tell(asked)
            try:
                return await self._desk.decision(approval_id, expires_at_ms=asked.expires_at_ms)
            except asyncio.CancelledError:
                if not self._is_closed:  # the tool itself has given up, the call goes on
                    await self._desk.withdraw(approval_id)
                raise

    def close(self) -> None:
        """The call has ended."""
        self._is_closed = True
