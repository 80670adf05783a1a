"""The second route family, in camelCase: conversations as resources.

Rule: HT1, HT3, HT6.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from webchat_nb.contracts.encode import json_bytes
from webchat_nb.stream.model import LoggedEvent, Session, session_id
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire import codec
from webchat_nb.wire.requests import CreateSessionRequest, MessageRequest, RenameRequest

_DEFAULT_EVENTS = 200
"""Events in a page of the log, unless asked otherwise."""


class SessionsHandler(ApiHandler):
    """``v1/sessions``."""

    async def get(self) -> None:
        """Conversations, newest activity first."""
        sessions, next_cursor = await self.backend.list_sessions(
            self.who,
            limit=self.limit_argument(),
            cursor=self.text_argument("cursor"),
            query=self.text_argument("q"),
        )
        answer: dict[str, Any] = {"sessions": [describe_session(session) for session in sessions]}
        if next_cursor is not None:
            answer["next"] = next_cursor
        self.reply(answer)

    async def post(self) -> None:
        """A new conversation, with the profile asked for, else the one of the cookie."""
        profile = self.read_body(CreateSessionRequest).profile
        session = await self.backend.create_session(
            self.who, profile=profile, cookie_profile=self.cookie_profile, key=self.idempotency_key
        )
        self.reply(
            {"sessionId": session.session_id, "profile": session.attributes.get("profile", "")},
            status=201,
        )


class SessionHandler(ApiHandler):
    """``v1/sessions/{id}``."""

    async def get(self, conv_id: str) -> None:
        """One conversation with its newest entities."""
        session, rows = await self.backend.get_session(self.who, session_id(conv_id))
        self.reply(
            {
                "sessionId": session.session_id,
                "epoch": session.epoch,
                "snapshotOrdinal": str(session.head),
                "status": session.attributes.get("status", "idle"),
                "title": session.attributes.get("title", ""),
                "profile": session.attributes.get("profile", ""),
                "entities": codec.encode_entities(rows),
            }
        )

    async def patch(self, conv_id: str) -> None:
        """Another title."""
        title = self.read_body(RenameRequest).title
        self.reply(
            describe_session(
                await self.backend.rename_session(self.who, session_id(conv_id), title, key=self.idempotency_key)
            )
        )

    async def delete(self, conv_id: str) -> None:
        """Erase it: log, entities, runs."""
        erased = session_id(conv_id)
        await self.backend.erase_session(self.who, erased)
        self.reply({"sessionId": erased, "erased": True})


class MessagesHandler(ApiHandler):
    """``v1/sessions/{id}/messages``."""

    async def post(self, conv_id: str) -> None:
        """Accept a prompt, as ``v1/chat`` does."""
        request = self.read_body(MessageRequest).to_submit(session_id(conv_id))
        if self.idempotency_key is not None:
            request = msgspec.structs.replace(request, idempotency_key=self.idempotency_key)
        answer = await self.backend.submit(self.who, request, cookie_profile=self.cookie_profile)
        self.reply(answer.to_camel(), status=answer.http_status)


class EventsHandler(ApiHandler):
    """``v1/sessions/{id}/events``."""

    async def get(self, conv_id: str) -> None:
        """The log after an ordinal. ``next`` is the ``after`` of the next page, which may turn out empty."""
        limit = self.limit_argument() or min(_DEFAULT_EVENTS, self.backend.limits.max_window)
        asked = session_id(conv_id)
        events = await self.backend.list_events(self.who, asked, after=self.ordinal_argument("after") or 0, limit=limit)
        answer: dict[str, Any] = {"sessionId": asked, "events": [_describe_event(event) for event in events]}
        if len(events) >= limit:
            answer["next"] = str(events[-1].ordinal)
        self.reply(answer)


def describe_session(session: Session) -> dict[str, Any]:
    """A conversation as lists show it."""
    return {
        "sessionId": session.session_id,
        "title": session.attributes.get("title", ""),
        "profile": session.attributes.get("profile", ""),
        "status": session.attributes.get("status", "idle"),
        "createdAtMs": session.created_at_ms,
        "updatedAtMs": session.updated_at_ms,
        "lastOrdinal": str(session.head),
    }


def _describe_event(event: LoggedEvent) -> dict[str, Any]:
    return {
        "ordinal": str(event.ordinal),
        "name": event.name,
        "atMs": event.at_ms,
        "payload": Raw(json_bytes(event.payload)),
    }
