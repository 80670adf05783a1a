"""Decisions about tool calls.

Rule: TL2.
"""

from __future__ import annotations

from urllib.parse import unquote

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire.requests import DecisionRequest


class ApprovalHandler(ApiHandler):
    """``v1/sessions/{id}/approvals/{approvalId}``."""

    async def post(self, conv_id: str, approval_id: str) -> None:
        """Approve, with other arguments perhaps, or deny."""
        request = self.read_body(DecisionRequest)
        status = await self.backend.decide(
            self.who, session_id(conv_id), unquote(approval_id), request, key=self.idempotency_key
        )
        self.reply({"status": status})
