"""The port of a place that keeps attachments: bytes by their SHA-256, and who refers to them.

The same bytes are kept once, whoever uploaded them and however often. They go with the last attachment that refers to
them. Every store passes the contract in ``tests/contract/test_attachment_stores.py``; the memory store is the readable
definition.

Rule: AT1, AT3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from webchat_nb.stream import SessionId

AttachmentKey = tuple[SessionId, str]
"""(conversation, attachment id)."""


class StoredAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an attachment beside its bytes.

    Attributes:
        session_id: The conversation that it was uploaded to; the only one that may show it.
        digest: SHA-256 of the bytes, in hex: where they are kept.
        filename: For people; never a path.
        actor: Who uploaded it.
        at_ms: When it was uploaded, or last named by a prompt: its time of grace begins here.
        is_kept: A message that refers to it was found in the timeline; it stays as long as the conversation.
    """

    session_id: SessionId
    attachment_id: str
    digest: str
    media_type: str
    filename: str
    size_bytes: int
    actor: str
    at_ms: int
    is_kept: bool = False

    @property
    def key(self) -> AttachmentKey:
        """What it is found by."""
        return (self.session_id, self.attachment_id)


class AttachmentStore(Protocol):
    """Keeps attachments. Each method is one step: a crash leaves all of it or nothing that anybody sees.

    Every method raises ``StoreError`` (or a finer one) when the store cannot do it; nothing is then changed.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other processes write to it as well."""

    async def open(self) -> None:
        """Make ready, and clear up what a crash left half done."""

    async def close(self) -> None:
        """Let go; harmless when called twice."""

    async def put(self, attachment: StoredAttachment, content: bytes) -> None:
        """Keep an attachment, durably; the same again changes nothing."""

    async def find(self, session_id: SessionId, attachment_id: str) -> StoredAttachment | None:
        """One attachment; None when there is none, whatever text the id is."""

    async def read(self, digest: str) -> bytes | None:
        """The bytes; None when no attachment refers to them."""

    async def touch(self, session_id: SessionId, attachment_id: str, *, at_ms: int) -> bool:
        """Let its time of grace begin anew. False when it is gone."""

    async def keep(self, session_id: SessionId, attachment_id: str) -> None:
        """Mark it as kept; harmless when it is gone."""

    async def drop(self, attachment: StoredAttachment) -> bool:
        """Take one away, unless it was touched since it was read. Its bytes go when nothing else refers to them."""

    async def forget(self, session_id: SessionId) -> None:
        """Take all of a conversation away, and the bytes that nothing else refers to."""

    async def page(self, *, after: AttachmentKey | None, limit: int) -> Sequence[StoredAttachment]:
        """Attachments in an order of the store's own, beginning after one; those of one conversation are neighbours."""
