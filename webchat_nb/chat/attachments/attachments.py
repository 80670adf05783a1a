"""Attachments: uploaded to a conversation, bound to its prompts, read by its engines, gone with it.

The log says which message has which attachments; the store keeps their bytes. An upload that no message refers to goes
after its time of grace.

Rule: AT1-AT3, AC3, AC5.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, final

import msgspec

from webchat_nb.chat.attachments.checking import check_content, check_media_type, read_media_type, safe_filename
from webchat_nb.chat.attachments.store import AttachmentKey, AttachmentStore, StoredAttachment
from webchat_nb.chat.engine import AttachedFile
from webchat_nb.chat.ids import IdFactory
from webchat_nb.contracts.v1.entities_pb2 import ChatAttachment
from webchat_nb.errors import BadRequestError, EngineError, NotFoundError, TooLargeError
from webchat_nb.stream import Hub, SessionId
from webchat_nb.wire.requests import Limits

GRACE_S = 24 * 3600.0
"""How long an upload waits for its prompt; a prompt that is being written may be old."""

PAGE = 500
"""Attachments that one round of the sweep looks at: all of them are gone through, little by little."""

_log = logging.getLogger(__name__)


@final
class Attachments:
    """What the chat does with attachments.

    Args:
        hub: Its log says what is used.
        store: Opened and closed by ``start`` and ``stop``.
        limits: What may be uploaded.
        new_id: Where ids come from.
        grace_s: How long an unused upload stays.
    """

    def __init__(
        self, *, hub: Hub, store: AttachmentStore, limits: Limits, new_id: IdFactory, grace_s: float = GRACE_S
    ) -> None:
        self._hub = hub
        self._store = store
        self._limits = limits
        self._new_id = new_id
        self._grace_ms = round(grace_s * 1000)
        self._cursor: AttachmentKey | None = None

    async def start(self) -> None:
        """Open the store, and take away what an erasure left that did not come to its end.

        Raises:
            StoreError: It cannot be opened.
        """
        await self._store.open()
        if not self._store.is_shared:  # nobody else is just about to make the conversation
            self._cursor = None
            while await self._look_at_page(unknown_grace_ms=0):
                pass

    async def stop(self) -> None:
        """Close the store; harmless when called twice."""
        await self._store.close()

    async def upload(
        self, session_id: SessionId, actor: str, *, content_type: str | None, filename: str | None, content: bytes
    ) -> StoredAttachment:
        """Keep a file for a prompt to come; it is durable when this returns.

        Raises:
            BadRequestError: Its type is not allowed, or it is not what it says. Nothing is kept.
            TooLargeError: It is over the limit. Nothing is kept.
            StoreError: It cannot be kept. Nothing is.
        """
        media_type = read_media_type(content_type)
        check_media_type(media_type, self._limits.attachment_types)
        return await self._put(session_id, actor, media_type=media_type, filename=filename, content=content)

    async def keep_image(
        self, session_id: SessionId, actor: str, *, media_type: str, filename: str, content: bytes
    ) -> StoredAttachment:
        """Keep an image that a tool gave; the result that is told next names it (TL3).

        Raises:
            BadRequestError: It is not what it says. Nothing is kept.
            TooLargeError: It is over the limit. Nothing is kept.
            StoreError: It cannot be kept. Nothing is.
        """
        return await self._put(session_id, actor, media_type=media_type, filename=filename, content=content)

    async def _put(
        self, session_id: SessionId, actor: str, *, media_type: str, filename: str | None, content: bytes
    ) -> StoredAttachment:
        check_content(media_type, content, self._limits)
        attachment = StoredAttachment(
            session_id=session_id,
            attachment_id=f"a-{self._new_id()}",
            digest=hashlib.sha256(content).hexdigest(),
            media_type=media_type,
            filename=safe_filename(filename, default="attachment"),
            size_bytes=len(content),
            actor=actor,
            at_ms=self._hub.clock.now_ms(),
        )
        await self._store.put(attachment, content)
        return attachment

    async def put_back(self, attachment: StoredAttachment, content: bytes) -> None:
        """Keep an attachment of an imported conversation under the id that it had."""
        await self._store.put(attachment, content)

    async def take_back(self, attachment: StoredAttachment) -> None:
        """Undo ``put_back``: the conversation was not imported."""
        await self._store.drop(attachment)

    async def bind(self, session_id: SessionId, actor: str, ids: Sequence[str] | None) -> list[ChatAttachment]:
        """The attachments of a prompt that is about to be accepted; their time of grace begins anew.

        Raises:
            BadRequestError: One is unknown here, somebody else's, or named twice. Nothing is changed.
            TooLargeError: They are more than ``max_message_attachments``.
        """
        ids = ids or ()
        most = self._limits.max_message_attachments
        if len(ids) > most:
            raise TooLargeError(f"attachments: {len(ids)} of them, the limit is max_message_attachments ({most})")
        bound: list[ChatAttachment] = []
        for index, id in enumerate(ids):
            if id in ids[:index]:
                raise BadRequestError(f"attachments[{index}]: {id[:40]!r} is named twice")
            found = await self._store.find(session_id, id)
            is_theirs = found is not None and found.actor == actor
            now_ms = self._hub.clock.now_ms()
            if found is None or not is_theirs or not await self._store.touch(session_id, id, at_ms=now_ms):
                raise BadRequestError(
                    f"attachments[{index}]: no attachment {id[:40]!r} was uploaded to this conversation"
                )
            bound.append(
                ChatAttachment(
                    attachment_id=found.attachment_id,
                    media_type=found.media_type,
                    filename=found.filename,
                    size_bytes=found.size_bytes,
                )
            )
        return bound

    async def find(self, session_id: SessionId, attachment_id: str) -> StoredAttachment | None:
        """What is known of an attachment; None when the conversation has none with this id."""
        return await self._store.find(session_id, attachment_id)

    async def read(self, session_id: SessionId, attachment_id: str) -> tuple[StoredAttachment, bytes]:
        """An attachment of a conversation, and its bytes.

        Raises:
            NotFoundError: The conversation has none with this id.
        """
        found = await self._store.find(session_id, attachment_id)
        content = await self._store.read(found.digest) if found is not None else None
        if found is None or content is None:
            raise NotFoundError(f"no attachment {attachment_id[:40]!r} in this conversation")
        return found, content

    def files(self, session_id: SessionId, attachments: Sequence[Any]) -> list[AttachedFile]:
        """Attachments of a message as engines get them; nothing is read yet.

        Args:
            session_id: Whose message.
            attachments: Each with the fields of ``ChatAttachment``.
        """
        return [
            AttachedFile(
                attachment_id=attachment.attachment_id,
                media_type=attachment.media_type,
                filename=attachment.filename,
                size_bytes=int(attachment.size_bytes),
                load=partial(self._load, session_id, attachment.attachment_id),
            )
            for attachment in attachments
        ]

    async def _load(self, session_id: SessionId, attachment_id: str) -> bytes:
        try:
            return (await self.read(session_id, attachment_id))[1]
        except NotFoundError:
            raise EngineError("an attachment of this conversation is not there any more") from None

    async def forget(self, session_id: SessionId) -> None:
        """The conversation was erased: its attachments go, and the bytes that no other one refers to."""
        await self._store.forget(session_id)

    async def sweep(self) -> None:
        """Take away what nobody needs: a page of attachments is looked at each time.

        Raises:
            StoreError: A store does not answer; the next sweep goes on from there.
        """
        await self._look_at_page(unknown_grace_ms=self._grace_ms)

    async def _look_at_page(self, *, unknown_grace_ms: int) -> bool:
        """Returns whether there are more behind it."""
        page = await self._store.page(after=self._cursor, limit=PAGE)
        known: dict[SessionId, bool] = {}
        for attachment in page:
            session_id = attachment.session_id
            if session_id not in known:
                known[session_id] = await self._hub.store.session(session_id) is not None
            age_ms = self._hub.clock.now_ms() - attachment.at_ms
            if not known[session_id]:
                if age_ms >= unknown_grace_ms:
                    await self._store.drop(attachment)
            elif not attachment.is_kept and age_ms >= self._grace_ms:
                await self._settle(attachment)
        self._cursor = page[-1].key if len(page) == PAGE else None
        return self._cursor is not None

    async def _settle(self, attachment: StoredAttachment) -> None:
        """Keep it for good, or not at all; a prompt that names it meanwhile has touched it."""
        if await self._is_named(attachment):
            await self._store.keep(*attachment.key)
        elif await self._store.drop(attachment):
            _log.debug("an unused upload of conversation %s is gone", attachment.session_id)

    async def _is_named(self, attachment: StoredAttachment) -> bool:
        """Whether a message has it, or a tool's result."""
        for kind in ("ChatMessage", "ChatToolResult"):
            rows = await self._hub.store.entities(attachment.session_id, kind)
            if any(attachment.attachment_id in _named_ids(row.payload) for row in rows):
                return True
        return False


class _Attached(msgspec.Struct, rename="camel"):
    attachment_id: str = ""


class _Naming(_Attached, rename="camel"):
    attachments: list[_Attached] = []


_decoder = msgspec.json.Decoder(_Naming)


def _named_ids(payload: bytes) -> set[str]:
    naming = _decoder.decode(payload)
    return {naming.attachment_id, *(attached.attachment_id for attached in naming.attachments)}
