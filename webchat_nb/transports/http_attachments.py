"""Files in and out: uploaded for a prompt, downloaded from a conversation.

What is served is never run: it is a download, its type is not guessed, text is plain text, and a page of it would be in
a sandbox without anything.

Rule: AT1, AT2, AT4.
"""

from __future__ import annotations

from webchat_nb.stream.model import session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.transports.limited_body import LimitedBodyHandler


class AttachmentsHandler(LimitedBodyHandler):
    """``v1/sessions/{id}/attachments``."""

    limit_name = "max_attachment_bytes"

    async def post(self, conv_id: str) -> None:
        """Keep the body for a prompt to come; its type is in ``Content-Type``, its name in ``?filename=``."""
        attachment = await self.backend.upload_attachment(
            self.who,
            session_id(conv_id),
            content_type=self.request.headers.get("Content-Type"),
            filename=self.text_argument("filename"),
            content=self.whole_body(),
        )
        self.reply(
            {
                "attachmentId": attachment.attachment_id,
                "mediaType": attachment.media_type,
                "filename": attachment.filename,
                "sizeBytes": attachment.size_bytes,
            },
            status=201,
        )


class AttachmentHandler(ApiHandler):
    """``v1/sessions/{id}/attachments/{attachmentId}``."""

    async def get(self, conv_id: str, attachment_id: str) -> None:
        """Its bytes, as a download."""
        attachment, content = await self.backend.read_attachment(self.who, session_id(conv_id), attachment_id)
        is_text = attachment.media_type.startswith("text/")  # a script or a style sheet would work as a text
        media_type = "text/plain; charset=utf-8" if is_text else attachment.media_type
        await self.reply_with_file(content, media_type=media_type, filename=attachment.filename)
