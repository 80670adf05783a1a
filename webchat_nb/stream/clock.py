"""Time as a port: what the stream asks of a clock, and the real one.

Tests pass ``webchat_nb.testing.ManualClock`` and jump; nothing in the package reads the time in any other way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, final


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Forget the call; harmless when it was made already."""


class Clock(Protocol):
    """Wall time for records, steady time for intervals, and calls to come."""

    def now_ms(self) -> int:
        """Wall time, in milliseconds since 1970."""

    def steady_s(self) -> float:
        """Seconds that never run backwards; only differences mean something."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call once after ``delay_s`` seconds, on the event loop."""

    async def sleep(self, delay_s: float) -> None:
        """Return after ``delay_s`` seconds."""


async def done_within(clock: Clock, future: asyncio.Future[Any], delay_s: float) -> bool:
    """Wait for a future, no longer than ``delay_s`` seconds of a clock; whether it is done. It is never cancelled here."""
    if future.done() or delay_s <= 0:
        return future.done()
    is_over = asyncio.Event()

    def end(_: object) -> None:
        is_over.set()

    future.add_done_callback(end)
    timer = clock.call_later(delay_s, is_over.set)
    try:
        await is_over.wait()
    finally:
        timer.cancel()
        future.remove_done_callback(end)
    return future.done()


@final
class SystemClock:
    """The real clock, on the running event loop."""

    def now_ms(self) -> int:
        """Wall time, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def steady_s(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call once after ``delay_s`` seconds."""
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        """Return after ``delay_s`` seconds."""
        await asyncio.sleep(delay_s)
