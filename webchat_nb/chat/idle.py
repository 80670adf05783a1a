"""Waiting until a conversation has nothing to do.

Rule: RN1.
"""

from __future__ import annotations

import asyncio
from typing import final

from webchat_nb.chat.conversations import Conversations
from webchat_nb.stream import Hub, SessionId


@final
class IdleWaiters:
    """Who waits for which conversation."""

    def __init__(self, hub: Hub, conversations: Conversations) -> None:
        self._hub = hub
        self._conversations = conversations
        self._waiters: dict[SessionId, list[asyncio.Future[None]]] = {}

    async def wait(self, session_id: SessionId) -> None:
        """Return when the conversation has no run and an empty queue."""
        while not (await self._conversations.open_runs(session_id)).is_idle:
            if self._hub.store.sharing is None or self._conversations.get(session_id).active is not None:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.setdefault(session_id, []).append(waiter)
                await waiter
            else:
                await self._wait_for_others(session_id)

    async def _wait_for_others(self, session_id: SessionId) -> None:
        """Return when another server ended a run."""
        subscription = await self._hub.subscribe(session_id, window=1)
        try:
            if (await self._conversations.open_runs(session_id)).is_idle:
                return
            async for delivery in subscription:
                if not delivery.is_text:
                    return
        finally:
            subscription.close()

    def tell(self, session_id: SessionId) -> None:
        """It has nothing to do, as far as this server knows."""
        for waiter in self._waiters.pop(session_id, ()):
            if not waiter.done():
                waiter.set_result(None)
