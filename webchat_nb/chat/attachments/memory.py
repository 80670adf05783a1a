"""MemoryAttachments: the readable definition of an attachment store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import msgspec

from webchat_nb.chat.attachments.store import AttachmentKey, StoredAttachment
from webchat_nb.stream import SessionId


@final
class MemoryAttachments:
    """Keeps attachments until the process ends.

    Rule: AT1, AT3.
    """

    is_shared: Final = False

    def __init__(self) -> None:
        self._kept: dict[AttachmentKey, StoredAttachment] = {}
        self._contents: dict[str, bytes] = {}

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._contents.clear()

    async def put(self, attachment: StoredAttachment, content: bytes) -> None:
        """Keep an attachment; the same again changes nothing."""
        self._contents[attachment.digest] = content
        self._kept.setdefault(attachment.key, attachment)

    async def find(self, session_id: SessionId, attachment_id: str) -> StoredAttachment | None:
        """One attachment."""
        return self._kept.get((session_id, attachment_id))

    async def read(self, digest: str) -> bytes | None:
        """The bytes."""
        return self._contents.get(digest)

    async def touch(self, session_id: SessionId, attachment_id: str, *, at_ms: int) -> bool:
        """Let its time of grace begin anew."""
        return self._change((session_id, attachment_id), at_ms=at_ms)

    async def keep(self, session_id: SessionId, attachment_id: str) -> None:
        """Mark it as kept."""
        self._change((session_id, attachment_id), is_kept=True)

    async def drop(self, attachment: StoredAttachment) -> bool:
        """Take one away, unless it was touched since it was read."""
        if self._kept.get(attachment.key) != attachment:
            return False
        del self._kept[attachment.key]
        self._forget_contents()
        return True

    async def forget(self, session_id: SessionId) -> None:
        """Take all of a conversation away."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.session_id != session_id}
        self._forget_contents()

    async def page(self, *, after: AttachmentKey | None, limit: int) -> Sequence[StoredAttachment]:
        """Attachments by key, beginning after one."""
        keys = sorted(key for key in self._kept if after is None or key > after)
        return [self._kept[key] for key in keys[:limit]]

    def _change(self, key: AttachmentKey, **changes: object) -> bool:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept[key] = msgspec.structs.replace(kept, **changes)
        return kept is not None

    def _forget_contents(self) -> None:
        """Bytes go with the last attachment that refers to them."""
        wanted = {kept.digest for kept in self._kept.values()}
        self._contents = {digest: content for digest, content in self._contents.items() if digest in wanted}
