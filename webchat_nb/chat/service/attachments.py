"""Files in and out.

Rule: AT1, AT2, AC3.
"""

from __future__ import annotations

from webchat_nb.chat.attachments import StoredAttachment
from webchat_nb.chat.service.base import ServicePart
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import Principal


class AttachmentParts(ServicePart):
    """Upload, read."""

    async def upload_attachment(
        self, who: Principal, conv_id: str, *, content_type: str | None, filename: str | None, content: bytes
    ) -> StoredAttachment:
        """Keep a file for a prompt of a conversation, which need not exist yet.

        Raises:
            UnknownSessionError, ForbiddenError: The principal may not write to the conversation.
            BadRequestError: Its type is not allowed, or it is not what it says. Nothing is kept.
            TooLargeError: It is over the limit. Nothing is kept.
            StoreError: It cannot be kept. Nothing is.
        """
        session = await self.guard.authorized(who, "submit", session_id(conv_id))
        return await self.attachments.upload(
            session.session_id, who.user, content_type=content_type, filename=filename, content=content
        )

    async def read_attachment(self, who: Principal, conv_id: str, attachment_id: str) -> tuple[StoredAttachment, bytes]:
        """A file of a conversation, and its bytes.

        Raises:
            UnknownSessionError: No such conversation for this principal.
            NotFoundError: The conversation has no such attachment.
        """
        session = await self.guard.existing(who, "read", conv_id)
        return await self.attachments.read(session.session_id, attachment_id)
