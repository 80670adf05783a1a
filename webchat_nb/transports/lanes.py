"""Work in order per conversation, and at the same time across conversations.

Rule: FR14.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import final

from webchat_nb.stream.model import SessionId

Job = Callable[[], Awaitable[None]]
"""Something to do; it handles its own errors."""


@final
class Lanes:
    """One queue for each conversation that has something to do; a task works it off and ends with it."""

    __slots__ = ("_queues", "_tasks", "_waiting_count")

    def __init__(self) -> None:
        self._queues: dict[SessionId, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting_count = 0

    @property
    def waiting_count(self) -> int:
        """Jobs that are under way or wait."""
        return self._waiting_count

    def add(self, conv_id: SessionId, job: Job) -> None:
        """Do this after all that was added for the conversation before."""
        self._waiting_count += 1
        queue = self._queues.get(conv_id)
        if queue is not None:
            queue.append(job)
            return
        self._queues[conv_id] = deque([job])
        task = asyncio.ensure_future(self._work(conv_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _work(self, conv_id: SessionId) -> None:
        queue = self._queues[conv_id]
        try:
            while queue:
                try:
                    await queue.popleft()()
                finally:
                    self._waiting_count -= 1
        finally:
            self._waiting_count -= len(queue)
            del self._queues[conv_id]
