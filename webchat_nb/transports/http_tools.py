"""Tools of pages: what they offer, what they answer.

Rule: TL7.
"""

from __future__ import annotations

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire.tool_requests import ManifestRequest, ToolResultRequest


class ToolManifestHandler(ApiHandler):
    """``v1/sessions/{id}/tools/manifest``."""

    async def post(self, conv_id: str) -> None:
        """All tools of one page."""
        request = self.read_body(ManifestRequest)
        self.reply(await self.backend.offer_tools(self.who, session_id(conv_id), request))


class ToolResultHandler(ApiHandler):
    """``v1/sessions/{id}/tools/results``."""

    async def post(self, conv_id: str) -> None:
        """The result of a call, or the claim to make it."""
        request = self.read_body(ToolResultRequest)
        is_accepted = await self.backend.answer_tool_call(
            self.who, session_id(conv_id), request, key=self.idempotency_key
        )
        self.reply({"accepted": is_accepted})
