"""Conversations out and in: downloads of a conversation, and an export that becomes one.

Rule: EX1, EX2.
"""

from __future__ import annotations

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.transports.limited_body import LimitedBodyHandler


class ExportHandler(ApiHandler):
    """``v1/sessions/{id}/export``."""

    async def get(self, conv_id: str) -> None:
        """The conversation as a file to save; ``format`` says which."""
        form = self.text_argument("format") or "json"
        download = await self.backend.export_session(self.who, session_id(conv_id), format=form)
        await self.reply_with_file(download.content, media_type=download.media_type, filename=download.filename)


class ImportHandler(LimitedBodyHandler):
    """``v1/sessions/import``."""

    limit_name = "max_import_bytes"

    async def post(self) -> None:
        """A new conversation out of an export in JSON."""
        conv_id = await self.backend.import_session(self.who, self.whole_body(), key=self.idempotency_key)
        self.reply({"sessionId": conv_id}, status=201)
