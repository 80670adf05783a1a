"""Conversations as things: made, listed, renamed, erased; their logs.

Rule: HT1, AC7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from webchat_nb.chat.resolver import ChatRequest
from webchat_nb.chat.service.profiles import Profiles
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.stream import (
    EntityRow,
    LoggedEvent,
    Ordinal,
    Session,
)
from webchat_nb.stream.hub import DEFAULT_WINDOW
from webchat_nb.stream.schema_fields import fields_of
from webchat_nb.wire.requests import (
    Principal,
)

DEFAULT_PAGE = 50
"""Conversations or events in a page, unless asked otherwise."""


class Library(Profiles):
    """The conversations of a user."""

    async def create_session(
        self,
        who: Principal,
        *,
        profile: str | None = None,
        cookie_profile: str | None = None,
        key: str | None = None,
    ) -> Session:
        """A new, empty conversation, or the one that the request policy says (EP2); for the same key the same one.

        Raises:
            UnknownProfileError: No profile has the slug.
            UnknownSessionError: The policy's conversation is somebody else's.
        """
        asked = ChatRequest(purpose="create", profile=profile, cookie_profile=cookie_profile)
        resolved = await self.resolve(who, asked)
        slug = self.profile_slug(resolved.profile)
        conv_id = resolved.conv_id or self.new_conversation_id(who, key)
        await self.guard.authorized(who, "submit", conv_id)
        await self.change(who, conv_id, cmd.ChatCreateConversation(profile=slug), key=key)
        return await self.hub.session(conv_id)

    async def list_sessions(
        self,
        who: Principal,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        query: str | None = None,
    ) -> tuple[Sequence[Session], str | None]:
        """Conversations of the principal, newest activity first, and the cursor of the next page."""
        where = {"owner": who.user} if who.user else {}
        page = await self.hub.store.sessions(
            limit=self.window(limit, DEFAULT_PAGE), cursor=cursor, where=where, search=query
        )
        return page.sessions, page.next

    async def get_session(self, who: Principal, conv_id: str) -> tuple[Session, Sequence[EntityRow]]:
        """One conversation with its newest entities.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """
        session = await self.guard.existing(who, "read", conv_id)
        snapshot = await self.hub.snapshot(session.session_id, window=DEFAULT_WINDOW)
        return (
            msgspec.structs.replace(
                session, head=snapshot.ordinal, epoch=snapshot.epoch, attributes=snapshot.attributes
            ),
            snapshot.entities,
        )

    async def rename_session(self, who: Principal, conv_id: str, title: str, *, key: str | None = None) -> Session:
        """Give a conversation another title.

        Raises:
            TooLargeError: The title is too long.
            BadRequestError: It is empty.
        """
        session = await self.guard.existing(who, "administer", conv_id)
        if not title.strip():
            raise BadRequestError("title: expected some text")
        if len(title) > self.limits.max_title_chars:
            raise TooLargeError(f"title: {len(title)} characters, the limit is {self.limits.max_title_chars}")
        await self.change(who, session.session_id, cmd.ChatRenameConversation(title=title.strip()), key=key)
        return await self.hub.session(session.session_id)

    async def erase_session(self, who: Principal, conv_id: str) -> None:
        """Erase a conversation and its attachments; a run of it is stopped first. A later same id has a new epoch."""
        session = await self.guard.existing(who, "administer", conv_id)
        await self.runs.erase(session.session_id)
        await self.attachments.forget(session.session_id)
        self.browser_tools.forget(session.session_id)

    async def list_events(
        self, who: Principal, conv_id: str, *, after: int = 0, limit: int | None = None
    ) -> Sequence[LoggedEvent]:
        """The log after an ordinal, page by page; overrides, which may hold a system prompt, are left out (AC7)."""
        session = await self.guard.existing(who, "read", conv_id)
        events = await self.hub.events(
            session.session_id,
            after=Ordinal(after),
            limit=self.window(limit, DEFAULT_PAGE),
        )
        for event in events:
            if "overrides_json" in event.payload.DESCRIPTOR.fields_by_name:
                event.payload.ClearField("overrides_json")
        return events

    def describe_schemas(self) -> Sequence[Mapping[str, Any]]:
        """Every registered name, with its category, message type and fields; private kinds left out (SC2, SC4)."""
        return [
            {
                "category": schema.category,
                "name": schema.name,
                "message": schema.message.DESCRIPTOR.full_name,
                "fields": msgspec.to_builtins(fields_of(schema.message)),
            }
            for schema in self.hub.registry
            if not schema.private
        ]
