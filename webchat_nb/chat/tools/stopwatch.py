"""The time of one call, which stands still while a person is asked; and what is left when it is over.

Rule: TL1, TL5.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, final

from webchat_nb.errors import ToolError
from webchat_nb.stream.clock import Clock, Timer

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class TimeOverError(Exception):
    """The time of a call is over; not ``TimeoutError``, which a tool may raise for reasons of its own."""


@final
class Stopwatch:
    """Calls once when so much time has been spent.

    Args:
        clock: What the time is measured by.
        limit_s: How much may be spent.
    """

    def __init__(self, clock: Clock, limit_s: float) -> None:
        self._clock = clock
        self._left_s = limit_s
        self._over: Callable[[], None] | None = None
        self._pause_count = 0
        self._started_s = 0.0
        self._timer: Timer | None = None

    def start(self, over: Callable[[], None]) -> None:
        """Begin; ``over`` is called when the time is spent."""
        self._over = over
        self._run()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Time does not count meanwhile; several may hold it at once."""
        self._halt()
        self._pause_count += 1
        try:
            yield
        finally:
            self._pause_count -= 1
            self._run()

    def stop(self) -> None:
        """Forget it."""
        self._halt()
        self._over = None

    def _run(self) -> None:
        if self._over is not None and not self._pause_count:
            self._started_s = self._clock.steady_s()
            self._timer = self._clock.call_later(max(0.0, self._left_s), self._over)

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._left_s -= self._clock.steady_s() - self._started_s


async def finish_in_time(
    watch: Stopwatch,
    work: Coroutine[Any, Any, _T],
    leaving: set[asyncio.Task[Any]],
    *,
    leave: Callable[[], None] = lambda: None,
) -> _T:
    """Do some work, and leave it when its time is over: what does not let go is not waited for.

    Args:
        watch: Its time, which begins now.
        work: What is done.
        leaving: Holds the tasks that were left and have not let go yet.
        leave: Called before the work is cancelled.

    Raises:
        TimeOverError: Its time is over; it was cancelled.
        ToolError: It was cancelled from elsewhere.
        Exception: Whatever it raises.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(_: object = None) -> None:
        if not ended.done():
            ended.set_result(None)

    task = asyncio.create_task(work)
    task.add_done_callback(end)
    watch.start(end)
    try:
        await ended
    except asyncio.CancelledError:
        leave()
        task.cancel()
        await asyncio.wait({task})
        raise
    finally:
        watch.stop()
    if not task.done():
        leaving.add(task)
        task.add_done_callback(lambda left: _let_go(left, leaving))
        leave()
        task.cancel()
        raise TimeOverError
    if task.cancelled():
        raise ToolError("The tool was cancelled.")
    return task.result()


def _let_go(task: asyncio.Task[Any], leaving: set[asyncio.Task[Any]]) -> None:
    leaving.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.debug("a call whose time was over ended with %s", type(error).__name__)
