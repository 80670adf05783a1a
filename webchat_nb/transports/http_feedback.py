"""Feedback on answers.

Rule: FB1.
"""

from __future__ import annotations

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire.requests import FeedbackRequest


class FeedbackHandler(ApiHandler):
    """``v1/sessions/{id}/feedback``."""

    async def post(self, conv_id: str) -> None:
        """Up, down, or take it back."""
        request = self.read_body(FeedbackRequest)
        asked = session_id(conv_id)
        is_repeated = await self.backend.give_feedback(self.who, asked, request, key=self.idempotency_key)
        self.reply({"accepted": True, **({"deduplicated": True} if is_repeated else {})})
