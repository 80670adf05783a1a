"""The chat as its hosts use it: submit, cancel, read, subscribe. No sockets, no HTTP.

Both route families, the websocket's commands and Python callers come through here, so what one writes the other shows
(HT1).

Rule: HT1-HT6, RN1, RN4, AC3, AC5. Source: seeds 000 §4.1, 001 (``Service``), 003.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.access import AccessPolicy, OwnerPolicy
from webchat_nb.chat.claims import Claims
from webchat_nb.chat.ids import IdFactory, random_id
from webchat_nb.chat.plan import read_overrides
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.resolver import DefaultResolver, RequestResolver
from webchat_nb.chat.runs import Runs
from webchat_nb.chat.submission import check_submission, fingerprint, overrides_json
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import (
    BadRequestError,
    ForbiddenError,
    TooLargeError,
    UnknownProfileError,
    UnknownSessionError,
)
from webchat_nb.stream import (
    Command,
    Cursor,
    EntityRow,
    Hub,
    LoggedEvent,
    Ordinal,
    Receipt,
    Session,
    SessionId,
    Subscription,
    session_id,
)
from webchat_nb.stream.hub import DEFAULT_WINDOW
from webchat_nb.stream.model import SnapshotReason
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

DEFAULT_PAGE = 50
"""Conversations or events in a page, unless asked otherwise."""


@final
class ChatService:
    """Everything that can be done with conversations.

    Args:
        hub: The stream; started by the application.
        runs: The command handlers.
        planner: Profiles and engines.
        limits: What clients may send and get.
        policy: Who may do what.
        resolver: Which conversation and profile a request means.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        runs: Runs,
        planner: ProfilePlanner,
        limits: Limits | None = None,
        policy: AccessPolicy | None = None,
        resolver: RequestResolver | None = None,
        new_id: IdFactory = random_id,
    ) -> None:
        self.limits = limits or Limits()
        self._hub = hub
        self._runs = runs
        self._planner = planner
        self._policy = policy or OwnerPolicy()
        self._resolver = resolver or DefaultResolver(new_id)
        self._new_id = new_id
        self._claims = Claims()

    # Profiles

    def describe_profiles(self) -> Sequence[Mapping[str, Any]]:
        """The profiles, as GET ``v1/profiles`` lists them."""
        return self._planner.profiles.describe()

    def profile_slug(self, slug: str | None) -> str:
        """Check a slug; None is the default one.

        Raises:
            UnknownProfileError: No profile has it.
        """
        return self._planner.profiles.get(slug).slug

    async def join_profile(self, conv_id: str | None, *, query: str | None, cookie: str | None) -> str:
        """The profile that a websocket join is told; changes nothing (HT2)."""
        session = await self._hub.session(session_id(conv_id)) if conv_id else None
        return self._profile(query, session, cookie)

    def _profile(self, asked: str | None, session: Session | None, cookie: str | None) -> str:
        try:
            self.profile_slug(cookie or None)
        except UnknownProfileError:  # a cookie from before the profiles changed
            cookie = None
        return self.profile_slug(self._resolver.profile(asked=asked, session=session, cookie=cookie))

    # Prompts

    async def submit(
        self, who: Principal, request: SubmitRequest, *, cookie_profile: str | None = None
    ) -> SubmitAnswer:
        """Accept a prompt: start it, let it wait, or answer a repetition as the first time.

        The plan is checked before the conversation is touched (EP1); the events are committed when this returns (HT6).

        Raises:
            EmptyPromptError, TooLargeError, InvalidIdError, InvalidOverrideError: Nothing is started.
            UnknownProfileError, OverridesLockedError: Nothing is started.
            UnknownSessionError: The principal may not write to this conversation.
            BusyError, QueueFullError: A run is active. Nothing is started.
            IdempotencyConflictError: The key was used with another payload (HT3).
            StoreError: Nothing is stored.
        """
        check_submission(request, self.limits)
        conv_id = self._resolver.conversation_id(who, request)
        session = await self._authorized(who, "submit", conv_id)
        profile = self._profile(request.profile, session, cookie_profile)
        overrides = read_overrides(request.overrides)
        self._planner.check(profile, overrides)
        key = request.idempotency_key or f"k-{self._new_id()}"
        receipt = await self._hub.submit(
            Command(
                session_id=conv_id,
                name="ChatStartInference",
                payload=cmd.ChatStartInference(
                    prompt=request.prompt,
                    profile=profile,
                    overrides_json=overrides_json(request.overrides),
                    on_busy=request.on_busy or self._planner.profiles.get(profile).on_busy,
                ),
                actor=who.user,
                key=key,
                fingerprint=fingerprint(request),
            )
        )
        self._claims.drop(conv_id)
        return await self._submit_answer(conv_id, receipt)

    async def _submit_answer(self, conv_id: SessionId, receipt: Receipt) -> SubmitAnswer:
        answer, status, position = receipt.answer, receipt.answer["status"], receipt.answer.get("queue_position")
        session = await self._hub.session(conv_id)
        if receipt.deduplicated:
            run = await self._hub.entity(conv_id, "ChatRun", answer["run_id"])
            if run is not None:
                payload: Any = run.payload
                status, position = payload.status, payload.queue_position or None
        return SubmitAnswer(
            status=status,
            conv_id=conv_id,
            run_id=answer["run_id"],
            turn_id=answer["turn_id"],
            idempotency_key=receipt.key,
            epoch=session.epoch,
            seq=str(receipt.ordinal),
            profile=answer["profile"],
            queue_position=position,
            queue_depth=answer.get("queue_depth") if position else None,
            deduplicated=receipt.deduplicated,
        )

    async def cancel(self, who: Principal, request: CancelRequest) -> CancelAnswer:
        """Stop a run or drop a waiting one; repeatable, durable (RN4).

        Raises:
            UnknownSessionError: No such conversation for this principal.
            UnknownRunError: The conversation has no such run.
        """
        conv_id = session_id(request.conv_id)
        session = await self._authorized(who, "cancel", conv_id)
        if not session.exists:
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        receipt = await self._hub.submit(
            Command(
                session_id=conv_id,
                name="ChatStopInference",
                payload=cmd.ChatStopInference(
                    run_id=request.run_id or "", idempotency_key=request.idempotency_key or ""
                ),
                actor=who.user,
            )
        )
        return msgspec.convert(receipt.answer, CancelAnswer)

    async def wait_idle(self, who: Principal, conv_id: str) -> None:
        """Return when the conversation has no run and an empty queue."""
        session = await self._authorized(who, "read", session_id(conv_id))
        await self._runs.wait_idle(session.session_id)

    # Timelines

    async def timeline(
        self,
        who: Principal,
        conv_id: str,
        *,
        since_version: int | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> TimelinePage:
        """A page of the timeline: what changed after a version, or the newest entities before an ordinal (HT5).

        ``next`` continues: as ``since_version`` for changes, as ``before`` for older entities.
        """
        id = session_id(conv_id)
        session = await self._authorized(who, "read", id)
        if not session.exists:
            raise UnknownSessionError(f"no conversation {id!r}")
        if since_version is not None and before is not None:
            raise BadRequestError("since_version and before: expected one of them")
        limit = self._window(limit)
        if since_version is not None:
            session, rows, has_more = await self._hub.changed(id, after=Ordinal(since_version), limit=limit)
            next_ = str(rows[-1].updated) if has_more and rows else None
        else:
            snapshot = await self._hub.snapshot(
                id, window=limit, before=Ordinal(before) if before is not None else None
            )
            rows, session = snapshot.entities, msgspec.structs.replace(session, head=snapshot.ordinal)
            next_ = str(snapshot.oldest) if snapshot.has_more else None
        return TimelinePage(
            conv_id=id,
            epoch=session.epoch,
            version=session.head,
            server_time_ms=self._hub.clock.now_ms(),
            entities=rows,
            next=next_,
        )

    async def subscribe(
        self,
        who: Principal,
        conv_id: str,
        *,
        since: Cursor | None = None,
        window: int | None = None,
        reason: SnapshotReason = "first",
    ) -> Subscription:
        """Follow a conversation; one that does not exist yet is empty at ordinal 0 and then belongs to ``who``."""
        session = await self._authorized(who, "read", session_id(conv_id))
        return await self._hub.subscribe(session.session_id, since=since, window=self._window(window), reason=reason)

    def _window(self, asked: int | None) -> int:
        return min(asked or DEFAULT_WINDOW, self.limits.max_window)

    # Conversations

    async def create_session(self, who: Principal, *, profile: str | None = None) -> Session:
        """A new, empty conversation."""
        slug = self.profile_slug(profile)
        conv_id = session_id(f"c-{self._new_id()}")
        await self._hub.submit(
            Command(
                session_id=conv_id,
                name="ChatCreateConversation",
                payload=cmd.ChatCreateConversation(profile=slug),
                actor=who.user,
            )
        )
        return await self._hub.session(conv_id)

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
        page = await self._hub.store.sessions(
            limit=min(limit or DEFAULT_PAGE, self.limits.max_window), cursor=cursor, where=where, search=query
        )
        return page.sessions, page.next

    async def get_session(self, who: Principal, conv_id: str) -> tuple[Session, Sequence[EntityRow]]:
        """One conversation with its newest entities.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """
        session = await self._existing(who, "read", conv_id)
        snapshot = await self._hub.snapshot(session.session_id, window=DEFAULT_WINDOW)
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
        session = await self._existing(who, "administer", conv_id)
        if not title.strip():
            raise BadRequestError("title: expected some text")
        if len(title) > self.limits.max_title_chars:
            raise TooLargeError(f"title: {len(title)} characters, the limit is {self.limits.max_title_chars}")
        await self._hub.submit(
            Command(
                session_id=session.session_id,
                name="ChatRenameConversation",
                payload=cmd.ChatRenameConversation(title=title.strip()),
                actor=who.user,
            )
        )
        return await self._hub.session(session.session_id)

    async def erase_session(self, who: Principal, conv_id: str) -> None:
        """Erase a conversation; a run of it is stopped first. A later one with the same id has a new epoch."""
        session = await self._existing(who, "administer", conv_id)
        await self._runs.erase(session.session_id)

    async def list_events(
        self, who: Principal, conv_id: str, *, after: int = 0, limit: int | None = None
    ) -> Sequence[LoggedEvent]:
        """The log after an ordinal, page by page; overrides, which may hold a system prompt, are left out (AC7)."""
        session = await self._existing(who, "read", conv_id)
        events = await self._hub.events(
            session.session_id,
            after=Ordinal(after),
            limit=min(limit or DEFAULT_PAGE, self.limits.max_window),
        )
        for event in events:
            if "overrides_json" in event.payload.DESCRIPTOR.fields_by_name:
                event.payload.ClearField("overrides_json")
        return events

    def describe_schemas(self) -> Sequence[Mapping[str, str]]:
        """Every registered name, with its category and message type."""
        return [
            {"category": schema.category, "name": schema.name, "message": schema.message.DESCRIPTOR.full_name}
            for schema in self._hub.registry
            if not schema.private
        ]

    # Access

    async def authorize(self, who: Principal, action: Action, conv_id: str) -> None:
        """Check a right again, as long-lived sockets do (AC4)."""
        await self._authorized(who, action, session_id(conv_id))

    async def _existing(self, who: Principal, action: Action, conv_id: str) -> Session:
        session = await self._authorized(who, action, session_id(conv_id))
        if not session.exists:
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        return session

    async def _authorized(self, who: Principal, action: Action, conv_id: SessionId) -> Session:
        """The session, when the principal may do this; what it may not even read does not exist for it (AC3)."""
        session = await self._hub.session(conv_id)
        if not session.exists:
            if not self._claims.claim(conv_id, who.user):
                raise UnknownSessionError(f"no conversation {conv_id!r}")
            return session
        if not self._policy.may(who, "read", session):
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        if action != "read" and not self._policy.may(who, action, session):
            raise ForbiddenError(f"{action}: not allowed in this conversation")
        return session
