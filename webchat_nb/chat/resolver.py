"""Request policy: from who asks and what, to which conversation, which profile and which overrides.

One replaceable object (EP2): a host that wants "conversation id from user and workspace" or "overrides for administrators
only" gives its own, most easily one that asks ``DefaultResolver`` first or last. Transports hold no policy; plans are made
from what this returns, before the conversation is touched.

Rule: EP2, HT2. Source: seed 000 §8 (``RequestResolver``), seed 004.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, final

import msgspec

from webchat_nb.stream import Session, SessionId, session_id
from webchat_nb.wire.requests import Principal, SubmitRequest


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for, whichever door it came through. Nothing in it is checked yet.

    Attributes:
        purpose: ``submit`` a prompt, ``join`` by a websocket, ``create`` an empty conversation.
        overrides: Of a prompt, as they came from JSON.
        cookie_profile: The profile that the browser's cookie names; it may be gone.
        submission: The whole prompt, for policies that look into it; None unless ``purpose`` is ``submit``.
    """

    purpose: Literal["submit", "join", "create"]
    conv_id: str | None = None
    profile: str | None = None
    overrides: dict[str, Any] | None = None
    cookie_profile: str | None = None
    submission: SubmitRequest | None = None


class ResolvedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is done instead of what was asked; checked afterwards like any other request.

    Attributes:
        conv_id: The conversation; None begins a new one (RN9), or leaves a websocket without one.
        profile: Its slug; None is the default one.
        overrides: Of a prompt, in the shape of JSON.
    """

    conv_id: SessionId | None
    profile: str | None = None
    overrides: dict[str, Any] | None = None


class RequestContext(Protocol):
    """What a resolver may look at before it decides; reading changes nothing."""

    async def session(self, conv_id: SessionId) -> Session:
        """The conversation, if whoever asks may read it; else one that does not exist."""

    def has_profile(self, slug: str) -> bool:
        """Whether there is such a profile."""


class RequestResolver(Protocol):
    """The request policy."""

    async def resolve(self, who: Principal, request: ChatRequest, context: RequestContext) -> ResolvedRequest:
        """Decide what a request means. It is asked before anything is touched, also for a repeated prompt.

        Args:
            who: Who asks, as the host's login says (AC5).
            request: What for.
            context: What may be looked at.

        Raises:
            UsageError: The request is refused, with its code and message; nothing is started.
        """


@final
class DefaultResolver:
    """As asked; the profile from the request, then the conversation, then the cookie, then the default (HT2)."""

    async def resolve(self, who: Principal, request: ChatRequest, context: RequestContext) -> ResolvedRequest:
        """Change nothing of what was asked.

        Raises:
            InvalidIdError: The request names a conversation by what is no id.
        """
        conv_id = None if request.conv_id is None else session_id(request.conv_id)
        profile = request.profile
        if not profile and conv_id is not None:
            session = await context.session(conv_id)
            profile = session.attributes.get("profile") if session.exists else None
        cookie = request.cookie_profile
        if not profile and cookie and context.has_profile(cookie):
            profile = cookie
        return ResolvedRequest(conv_id=conv_id, profile=profile or None, overrides=request.overrides)
