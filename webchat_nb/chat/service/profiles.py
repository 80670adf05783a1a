"""Profiles as clients may know them, and what the request policy says of a request.

Rule: HT2, EP2, PF2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from webchat_nb.chat.guard import Guard
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.resolver import ChatRequest, ResolvedRequest
from webchat_nb.chat.service.base import ServicePart
from webchat_nb.errors import UnknownProfileError
from webchat_nb.stream import Epoch, Hub, Session, SessionId, session_id
from webchat_nb.wire.requests import Principal


class Profiles(ServicePart):
    """Which profiles there are, and which one is meant."""

    def describe_profiles(self) -> Sequence[Mapping[str, Any]]:
        """The profiles, as GET ``v1/profiles`` lists them."""
        return self.planner.describe()

    def profile_problems(self) -> Sequence[str]:
        """Why the newest version of a profiles file is not in use; empty when every file is."""
        return self.planner.profiles.problems

    def profile_slug(self, slug: str | None) -> str:
        """Check a slug; None is the default one.

        Raises:
            UnknownProfileError: No profile has it.
        """
        return self.planner.profiles.get(slug).slug

    async def join(
        self, who: Principal, conv_id: str | None, *, profile: str | None, cookie_profile: str | None
    ) -> tuple[SessionId | None, str]:
        """The conversation and the profile that a websocket join means. Changes nothing (HT2).

        Raises:
            UnknownProfileError, InvalidIdError: It names what is not there.
            UsageError: The policy refuses.
        """
        asked = ChatRequest(purpose="join", conv_id=conv_id, profile=profile, cookie_profile=cookie_profile)
        resolved = await self.resolve(who, asked)
        return resolved.conv_id, self.profile_slug(resolved.profile)

    async def resolve(self, who: Principal, request: ChatRequest) -> ResolvedRequest:
        """Ask the policy; the conversation id that it gives is checked, rights are not yet."""
        resolved = await self.resolver.resolve(who, request, _Context(who, self.hub, self.guard, self.planner))
        if resolved.conv_id is not None:
            session_id(resolved.conv_id)
        return resolved


@final
class _Context:
    """Fits ``RequestContext``."""

    def __init__(self, who: Principal, hub: Hub, guard: Guard, planner: ProfilePlanner) -> None:
        self._who = who
        self._hub = hub
        self._guard = guard
        self._planner = planner

    async def session(self, conv_id: SessionId) -> Session:
        session = await self._hub.session(conv_id)
        if session.exists and not self._guard.may(self._who, "read", session):
            return Session(session_id=conv_id, epoch=Epoch(""))
        return session

    def has_profile(self, slug: str) -> bool:
        try:
            self._planner.profiles.get(slug)
        except UnknownProfileError:
            return False
        return True
