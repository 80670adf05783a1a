"""Request policy: from who asks and what, to which conversation and which profile.

One replaceable object (EP2): a host that wants "conversation id from user and workspace" gives its own. Transports hold
no policy; plans are made from what this returns, before the conversation is touched.

Rule: EP2, HT2. Source: seed 000 §8 (``RequestResolver``), seed 004.
"""

from __future__ import annotations

from typing import Protocol, final

from webchat_nb.chat.ids import IdFactory, derived_id
from webchat_nb.stream import Session, SessionId, session_id
from webchat_nb.wire.requests import Principal, SubmitRequest


class RequestResolver(Protocol):
    """Decides conversation id and profile of a request."""

    def conversation_id(self, who: Principal, request: SubmitRequest) -> SessionId:
        """Which conversation a prompt is for; a fresh id when the request names none.

        Raises:
            InvalidIdError: It names one that is not an id.
        """

    def profile(self, *, asked: str | None, session: Session | None, cookie: str | None) -> str | None:
        """Which profile to use; None means the default one."""


@final
class DefaultResolver:
    """Body, then the conversation's own profile, then the cookie, then the default (HT2)."""

    def __init__(self, new_id: IdFactory) -> None:
        self._new_id = new_id

    def conversation_id(self, who: Principal, request: SubmitRequest) -> SessionId:
        """The request's; else one that follows from the idempotency key, so that a retry finds it; else a fresh one."""
        if request.conv_id is not None:
            return session_id(request.conv_id)
        if request.idempotency_key:
            return session_id(f"c-{derived_id(who.user, request.idempotency_key)}")
        return session_id(f"c-{self._new_id()}")

    def profile(self, *, asked: str | None, session: Session | None, cookie: str | None) -> str | None:
        """The first of them that is given."""
        own = session.attributes.get("profile") if session is not None and session.exists else None
        return asked or own or cookie or None
