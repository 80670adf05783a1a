"""What the transports ask of the application: the port that ``chat.service.ChatService`` fits.

Transports parse, authenticate through their host, call one of these and write the answer. Every method checks the
right of the principal by itself (AC3) and raises a ``WebchatError`` whose code and status the transport passes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from webchat_nb.stream.fanout import Subscription
from webchat_nb.stream.model import Cursor, EntityRow, LoggedEvent, Session, SnapshotReason
from webchat_nb.wire.requests import (
    Action,
    CancelAnswer,
    CancelRequest,
    Limits,
    Principal,
    SubmitAnswer,
    SubmitRequest,
    TimelinePage,
)


class ChatBackend(Protocol):
    """The application, as transports see it."""

    limits: Limits

    def describe_profiles(self) -> Sequence[Mapping[str, Any]]:
        """The profiles, as GET ``v1/profiles`` lists them."""

    def profile_slug(self, slug: str | None) -> str:
        """Check a slug; None is the default one.

        Raises:
            UnknownProfileError: No profile has it.
        """

    async def submit(self, who: Principal, request: SubmitRequest, *, cookie_profile: str | None) -> SubmitAnswer:
        """Accept a prompt: its events are committed when this returns (HT6)."""

    async def cancel(self, who: Principal, request: CancelRequest) -> CancelAnswer:
        """Stop a run or drop a waiting one; repeatable."""

    async def timeline(
        self, who: Principal, conv_id: str, *, since_version: int | None, limit: int | None, before: int | None
    ) -> TimelinePage:
        """A page of the timeline (HT5)."""

    async def create_session(self, who: Principal, *, profile: str | None) -> Session:
        """A new conversation."""

    async def list_sessions(
        self, who: Principal, *, limit: int | None, cursor: str | None, query: str | None
    ) -> tuple[Sequence[Session], str | None]:
        """Conversations that the principal may read, newest activity first, and the next cursor."""

    async def get_session(self, who: Principal, conv_id: str) -> tuple[Session, Sequence[EntityRow]]:
        """One conversation with the newest window of its entities.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """

    async def rename_session(self, who: Principal, conv_id: str, title: str) -> Session:
        """Give it another title."""

    async def erase_session(self, who: Principal, conv_id: str) -> None:
        """Erase it: log, entities, runs."""

    async def list_events(
        self, who: Principal, conv_id: str, *, after: int, limit: int | None
    ) -> Sequence[LoggedEvent]:
        """The log, page by page."""

    async def join_profile(self, conv_id: str | None, *, query: str | None, cookie: str | None) -> str:
        """The profile that a websocket join is told: query → conversation → cookie → default (HT2)."""

    async def subscribe(
        self, who: Principal, conv_id: str, *, since: Cursor | None, window: int | None, reason: SnapshotReason
    ) -> Subscription:
        """Follow a conversation; one that does not exist yet is empty at ordinal 0."""

    async def authorize(self, who: Principal, action: Action, conv_id: str) -> None:
        """Check a right again, as long-lived sockets do (AC4).

        Raises:
            UnknownSessionError: The principal may not even read it.
            ForbiddenError: It may read, but not do this.
        """

    def describe_schemas(self) -> Sequence[Mapping[str, str]]:
        """Every registered name with its category and message type."""
