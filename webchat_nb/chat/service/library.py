"""Conversations as things: made, listed, renamed, erased; their logs.

Rule: HT1, AC7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from webchat_nb.chat.service.profiles import Profiles
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.stream import (
    Command,
    EntityRow,
    LoggedEvent,
    Ordinal,
    Session,
    session_id,
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

    async def create_session(self, who: Principal, *, profile: str | None = None) -> Session:
        """A new, empty conversation."""
        slug = self.profile_slug(profile)
        conv_id = session_id(f"c-{self.new_id()}")
        await self.hub.submit(
            Command(
                session_id=conv_id,
                name="ChatCreateConversation",
                payload=cmd.ChatCreateConversation(profile=slug),
                actor=who.user,
            )
        )
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

    async def rename_session(self, who: Principal, conv_id: str, title: str) -> Session:
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
        await self.hub.submit(
            Command(
                session_id=session.session_id,
                name="ChatRenameConversation",
                payload=cmd.ChatRenameConversation(title=title.strip()),
                actor=who.user,
            )
        )
        return await self.hub.session(session.session_id)

    async def erase_session(self, who: Principal, conv_id: str) -> None:
        """Erase a conversation; a run of it is stopped first. A later one with the same id has a new epoch."""
        session = await self.guard.existing(who, "administer", conv_id)
        await self.runs.erase(session.session_id)

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
