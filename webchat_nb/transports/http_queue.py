"""The waiting prompts of a conversation, as resources.

Rule: RN11.
"""

from __future__ import annotations

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire.requests import MoveRequest


class QueueHandler(ApiHandler):
    """``v1/sessions/{id}/queue``."""

    async def get(self, conv_id: str) -> None:
        """The prompts that wait, the next one first."""
        asked = session_id(conv_id)
        self.reply({"sessionId": asked, "queue": list(await self.backend.queue(self.who, asked))})


class QueuedRunHandler(ApiHandler):
    """``v1/sessions/{id}/queue/{run_id}``."""

    async def patch(self, conv_id: str, run_id: str) -> None:
        """Another place in the line."""
        position = self.read_body(MoveRequest).position
        moved = await self.backend.move(self.who, session_id(conv_id), run_id, position, key=self.idempotency_key)
        self.reply(moved)

    async def delete(self, conv_id: str, run_id: str) -> None:
        """Drop it; repeatable."""
        dropped = await self.backend.drop(self.who, session_id(conv_id), run_id, key=self.idempotency_key)
        repeated = {"deduplicated": True} if dropped.deduplicated else {}
        self.reply({"status": dropped.status, "runId": run_id, **repeated})
