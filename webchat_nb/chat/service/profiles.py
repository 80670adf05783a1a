"""Profiles, as clients may know them.

Rule: HT2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.errors import UnknownProfileError
from webchat_nb.stream import (
    Session,
    session_id,
)


class Profiles(ServicePart):
    """Which profiles there are, and which one is meant."""

    def describe_profiles(self) -> Sequence[Mapping[str, Any]]:
        """The profiles, as GET ``v1/profiles`` lists them."""
        return self.planner.profiles.describe()

    def profile_slug(self, slug: str | None) -> str:
        """Check a slug; None is the default one.

        Raises:
            UnknownProfileError: No profile has it.
        """
        return self.planner.profiles.get(slug).slug

    async def join_profile(self, conv_id: str | None, *, query: str | None, cookie: str | None) -> str:
        """The profile that a websocket join is told; changes nothing (HT2)."""
        session = await self.hub.session(session_id(conv_id)) if conv_id else None
        return self._profile(query, session, cookie)

    def _profile(self, asked: str | None, session: Session | None, cookie: str | None) -> str:
        try:
            self.profile_slug(cookie or None)
        except UnknownProfileError:  # a cookie from before the profiles changed
            cookie = None
        return self.profile_slug(self.resolver.profile(asked=asked, session=session, cookie=cookie))
