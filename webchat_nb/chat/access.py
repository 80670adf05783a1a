"""Who may do what: one policy object.

Rule: AC3.
"""

from __future__ import annotations

from typing import Protocol, final

from webchat_nb.stream import Session
from webchat_nb.wire.requests import Action, Principal


class AccessPolicy(Protocol):
    """Decides every request; a host replaces it to have rules of its own."""

    def may(self, who: Principal, action: Action, session: Session) -> bool:
        """Whether ``who`` may do this to a session that exists."""


@final
class OwnerPolicy:
    """A conversation belongs to the user who made it.

    On a single-user server every principal is the owner (``user`` is empty), and so is every conversation's.
    """

    def may(self, who: Principal, action: Action, session: Session) -> bool:
        """Whether it is theirs, or nobody's."""
        owner = session.attributes.get("owner", "")
        return not owner or owner == who.user
