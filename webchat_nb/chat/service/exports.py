"""Conversations out and in.

Rule: EX1-EX4, AC3.
"""

from __future__ import annotations

import asyncio
import hashlib

from webchat_nb.chat.exports.document import read_document
from webchat_nb.chat.exports.downloads import FORMATS, Download, filename_of
from webchat_nb.chat.exports.to_fixture import read_fixture, to_fixture
from webchat_nb.chat.imports import Import, read_import, stored
from webchat_nb.chat.service.profiles import Profiles
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError, UnknownProfileError, UsageError
from webchat_nb.stream import SessionId
from webchat_nb.wire.requests import Principal

MAX_TRIES = 5
"""New ids that are tried for an imported conversation; random ones are free at once."""


class Exports(Profiles):
    """Export, import."""

    async def export_session(self, who: Principal, conv_id: str, *, format: str = "json") -> Download:
        """A conversation as a file; it is rendered on a thread, so that others need not wait.

        Args:
            who: Whoever may read it.
            conv_id: Which one.
            format: One of ``FORMATS``.

        Raises:
            BadRequestError: There is no such format.
            UnknownSessionError: No such conversation for this principal.
            LogPrunedError: A fixture needs the whole log.
        """
        form = FORMATS.get(format)
        if form is None:
            raise BadRequestError(f"format: expected one of {', '.join(FORMATS)}, got {format[:40]!r}")
        session = await self.guard.existing(who, "read", conv_id)
        if form.render is None:
            fixture = await read_fixture(self.hub, session.session_id)
            content = await asyncio.to_thread(to_fixture, fixture)
        else:
            most = self.limits.max_import_bytes // 2  # in base64 it still fits into an import
            document = await read_document(self.hub, session, self.attachments, max_data_bytes=most)
            content = await asyncio.to_thread(form.render, document)
        title = (await self.hub.session(session.session_id)).attributes.get("title", "")
        return Download(filename=filename_of(title, form), media_type=form.media_type, content=content)

    export = export_session  # the name that programs use

    async def import_session(self, who: Principal, body: bytes, *, key: str | None = None) -> SessionId:
        """A new conversation out of an export in JSON; it keeps its id where that is free for the principal.

        Args:
            who: Whose it will be.
            body: The export.
            key: An idempotency key: the same again gives the conversation that was made the first time (HT3).

        Raises:
            IdempotencyConflictError: The key was used with another body. Nothing is stored.
            BadRequestError: It cannot be used; the message names the path of the key. Nothing is stored.
            TooLargeError: It is over a limit. Nothing is stored.
            StoreError: It could not be stored. Nothing of it is in any conversation.
        """
        found = await asyncio.to_thread(read_import, body, self.hub.registry, self.limits)
        tries = 1 if key else MAX_TRIES
        ids = [found.session_id, *(self.new_conversation_id(who, key) for _ in range(tries))]
        for conv_id in ids:
            was_made = bool(key) and await self.hub.store.receipt(conv_id, who.user, key or "") is not None
            if not was_made and not await self._is_free(who, conv_id):
                continue
            if await self._import_as(who, conv_id, found, key, hashlib.sha256(body).hexdigest()):
                return conv_id
        raise BadRequestError("sessionId: no free id was found")

    async def _is_free(self, who: Principal, conv_id: SessionId) -> bool:
        try:
            return not (await self.guard.authorized(who, "submit", conv_id)).exists
        except UsageError:  # somebody else's, and so as good as taken
            return False

    async def _import_as(
        self, who: Principal, conv_id: SessionId, found: Import, key: str | None, fingerprint: str
    ) -> bool:
        """False when somebody else was faster."""
        now_ms = self.hub.clock.now_ms()
        attachments = [stored(one, conv_id, actor=who.user, at_ms=now_ms) for one in found.attachments]
        for attachment, one in zip(attachments, found.attachments, strict=True):
            # first the bytes: without the conversation they go by themselves
            await self.attachments.put_back(attachment, one.data or b"")
        profile = self._known_profile(found.profile)
        command = cmd.ChatImportConversation(title=found.title, profile=profile, entities=found.entities)
        receipt = await self.change(who, conv_id, command, key=key, fingerprint=fingerprint)
        self.guard.exists_now(conv_id)
        if receipt.answer["is_taken"]:
            for attachment in attachments:
                await self.attachments.take_back(attachment)
            return False
        return True

    def _known_profile(self, slug: str) -> str:
        """The profile that it had, where this server has it too."""
        try:
            return self.profile_slug(slug or None)
        except UnknownProfileError:
            return self.profile_slug(None)
