"""Signals by name: how a test lets a script go on that stands at ``wait_for``."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import final


@final
class Signals:
    """Counts what was sent: one signal lets one wait pass, the oldest first.

    A signal that nobody waits for yet is kept for the next who does. So a script that is used by two conversations,
    or twice, needs one signal each time. Not thread-safe: from another thread, ``loop.call_soon_threadsafe(signals.send, "go")``.
    """

    def __init__(self) -> None:
        self._sent: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))
        self._waiting_count: defaultdict[str, int] = defaultdict(int)
        self._reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def send(self, name: str, *, count: int = 1) -> None:
        """Let the next ``count`` waits for ``name`` pass."""
        for _ in range(count):
            self._sent[name].release()

    async def wait(self, name: str) -> None:
        """Return when a signal is there, and use it up; a wait that is cancelled uses none."""
        self._waiting_count[name] += 1
        self._reached[name].set()
        try:
            await self._sent[name].acquire()
        finally:
            self._waiting_count[name] -= 1
            if not self._waiting_count[name]:
                self._reached[name].clear()

    async def reached(self, name: str) -> None:
        """Return when a script stands at ``wait_for: name``; at once when one does already."""
        await self._reached[name].wait()

    def waiting_count(self, name: str) -> int:
        """Say how many stand at ``wait_for: name`` now."""
        return self._waiting_count[name]
