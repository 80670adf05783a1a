"""Who may use a conversation that does not exist yet: the first who named it.

Without this, a stranger could subscribe to an id before its owner writes the first prompt, and would then see it.
"""

from __future__ import annotations

from typing import final

from webchat_nb.stream import SessionId

MAX_CLAIMS = 10_000
"""Claims kept in memory; the oldest goes first."""


@final
class Claims:
    """Users by the id of a conversation that has no log yet."""

    def __init__(self) -> None:
        self._users: dict[SessionId, str] = {}

    def claim(self, conv_id: SessionId, user: str) -> bool:
        """Whether the id is free or already this user's; it is theirs afterwards."""
        holder = self._users.setdefault(conv_id, user)
        while len(self._users) > MAX_CLAIMS:
            del self._users[next(iter(self._users))]
        return holder == user

    def drop(self, conv_id: SessionId) -> None:
        """The conversation exists now: its owner is in the log."""
        self._users.pop(conv_id, None)
