"""How long it is remembered what a command was answered under its idempotency key.

Rule: HT3.
"""

from __future__ import annotations

from typing import Final, final

from webchat_nb.stream import Hub

MAX_AGE_S: Final = 30 * 24 * 3600.0
"""Far longer than any client goes on repeating a request."""

LOOKED_AT: Final = 100
"""Conversations in one round: the whole store is gone through, little by little."""


@final
class ReceiptKeeping:
    """Forgets old receipts; a chore of upkeep.

    Args:
        hub: Started.
        max_age_s: Receipts older than this are forgotten.
    """

    def __init__(self, hub: Hub, max_age_s: float) -> None:
        self._hub = hub
        self._max_age_s = max_age_s
        self._cursor: str | None = None

    async def forget_old(self) -> None:
        """Go on where the last round ended; after the last conversation begins the first.

        Raises:
            StoreError: The store refused; the next round tries again.
        """
        before_ms = self._hub.clock.now_ms() - int(self._max_age_s * 1000)
        page = await self._hub.store.sessions(limit=LOOKED_AT, cursor=self._cursor, where={}, search=None)
        for session in page.sessions:
            await self._hub.store.forget_receipts(session.session_id, before_ms=before_ms)
        self._cursor = page.next
