"""A clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import final


class _Call:
    __slots__ = ("call", "is_cancelled")

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


@final
class ManualClock:
    """Time stands still until ``jump``. Fits ``webchat_nb.stream.Clock``."""

    def __init__(self, *, start_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = start_ms
        self._elapsed_s = 0.0
        self._calls: list[tuple[float, int, _Call]] = []
        self._count = itertools.count()

    def now_ms(self) -> int:
        """Wall time, in milliseconds since 1970."""
        return self._start_ms + round(self._elapsed_s * 1000)

    def steady_s(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Call:
        """Call when the clock has been moved past ``delay_s`` seconds from now."""
        pending = _Call(call)
        heapq.heappush(self._calls, (self._elapsed_s + delay_s, next(self._count), pending))
        return pending

    async def sleep(self, delay_s: float) -> None:
        """Return when the clock has been moved past ``delay_s`` seconds from now."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_later(delay_s, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def jump(self, seconds: float) -> None:
        """Move forward, making the calls that fall due on the way, in order."""
        until_s = self._elapsed_s + seconds
        while self._calls and self._calls[0][0] <= until_s:
            self._elapsed_s, _, pending = heapq.heappop(self._calls)
            if not pending.is_cancelled:
                pending.call()
        self._elapsed_s = until_s
