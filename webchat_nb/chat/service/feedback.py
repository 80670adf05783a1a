"""What people think of answers.

Rule: FB1, AC3, AC5.
"""

from __future__ import annotations

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import TooLargeError
from webchat_nb.wire.requests import FeedbackRequest, Principal


class Feedback(ServicePart):
    """Thumbs up or down, and why."""

    async def give_feedback(
        self, who: Principal, conv_id: str, request: FeedbackRequest, *, key: str | None = None
    ) -> bool:
        """Keep what somebody thinks of an answer; what they said of it before is replaced.

        Returns:
            Whether this was a repetition, and nothing was done.

        Raises:
            TooLargeError: The comment is over the limit.
            BadRequestError: There is no such answer.
            UnknownSessionError, ForbiddenError: It is not the principal's to say.
        """
        session = await self.guard.existing(who, "submit", conv_id)
        most = self.limits.max_comment_chars
        if len(request.comment) > most:
            raise TooLargeError(f"comment: {len(request.comment)} characters, the limit is max_comment_chars ({most})")
        command = cmd.ChatGiveFeedback(message_id=request.message_id, value=request.value, comment=request.comment)
        return (await self.change(who, session.session_id, command, key=key)).deduplicated
