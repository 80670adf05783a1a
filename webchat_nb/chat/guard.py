"""The one place where the right to do something with a conversation is checked.

Rule: AC3, AC8.
"""

from __future__ import annotations

from typing import final

from webchat_nb.chat.access import AccessPolicy
from webchat_nb.chat.claims import Claims
from webchat_nb.errors import ForbiddenError, UnknownSessionError
from webchat_nb.stream import Hub, Session, SessionId, session_id
from webchat_nb.wire.requests import Action, Principal


@final
class Guard:
    """Asks the policy, and gives the session to whoever may have it.

    Args:
        hub: Where the sessions are.
        policy: Who may do what.
        claims: Who named an id first that does not exist yet.
    """

    def __init__(self, hub: Hub, policy: AccessPolicy, claims: Claims) -> None:
        self._hub = hub
        self._policy = policy
        self._claims = claims

    async def authorized(self, who: Principal, action: Action, conv_id: SessionId) -> Session:
        """The session, when the principal may do this; what it may not even read does not exist for it.

        Raises:
            UnknownSessionError: The principal may not read it.
            ForbiddenError: It may read, but not do this.
        """
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

    async def existing(self, who: Principal, action: Action, conv_id: str) -> Session:
        """The same, for a conversation that has to exist.

        Raises:
            InvalidIdError: It is no id.
            UnknownSessionError, ForbiddenError: As ``authorized``; also when there is none.
        """
        session = await self.authorized(who, action, session_id(conv_id))
        if not session.exists:
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        return session

    def may(self, who: Principal, action: Action, session: Session) -> bool:
        """Whether the principal may do this with a session that exists."""
        return self._policy.may(who, action, session)

    def exists_now(self, conv_id: SessionId) -> None:
        """Its owner is in the log now: a claim is not needed any more."""
        self._claims.drop(conv_id)
