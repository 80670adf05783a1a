"""Work in the kernel's main thread that another thread can interrupt, and nothing else.

A cell's code and a tool's take turns in the main thread. An interrupt that comes a moment too late would hit a cell, so
it is sent under a lock that says whose turn it is, and waited for before the turn ends.

Rule: TL6.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from types import FrameType
from typing import Any, TypeVar, final

from webchat_nb.notebook.kernel.figures import Figures

_T = TypeVar("_T")

_AGAIN_S = 1.0
"""Code that catches the interrupt and goes on gets another one after this time."""

_ARRIVAL_S = 1.0
"""How long an interrupt that was sent is waited for; it takes microseconds."""


class InterruptedStepError(Exception):
    """The work was interrupted: by its user, or because nobody wants it any more."""


@final
class MainThread:
    """Whose turn it is in the main thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job_id = ""
        self._is_armed = False
        self._sent_count = 0
        self._arrived = threading.Semaphore(0)

    def run(self, job_id: str, step: Callable[[], _T]) -> _T:
        """Do a step of a job; called in the main thread.

        Raises:
            InterruptedStepError: It was interrupted.
            Exception: Whatever the step raises.
        """
        before, outer = signal.getsignal(signal.SIGINT), self._job_id
        signal.signal(signal.SIGINT, self._handle)
        self._begin(job_id)
        try:
            self._is_armed = True
            return step()
        except KeyboardInterrupt:
            raise InterruptedStepError from None
        finally:
            self._is_armed = False
            self._end(outer)
            self._is_armed = bool(outer)
            signal.signal(signal.SIGINT, before)

    def interrupt(self, job_id: str) -> None:
        """Interrupt the job while it has its turn; called in another thread. Repeated until the turn is over."""
        with self._lock:
            if self._job_id != job_id:
                return
            if self._sent_count:
                self._is_armed = True
            self._sent_count += 1
            _interrupt_main()
        again = threading.Timer(_AGAIN_S, self.interrupt, (job_id,))
        again.daemon = True
        again.start()

    def _begin(self, job_id: str) -> None:
        with self._lock:
            self._job_id, self._sent_count = job_id, 0

    def _end(self, outer: str) -> None:
        """End the turn; an interrupt that was sent and has not come yet comes here, and not in somebody else's turn."""
        while self._job_id != outer:
            try:
                with self._lock:
                    self._job_id = outer
            except KeyboardInterrupt:
                continue
        while self._sent_count:
            self._sent_count -= 1
            self._arrived.acquire(timeout=_ARRIVAL_S)
        while self._arrived.acquire(blocking=False):
            pass

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Of SIGINT: ours, or the user's. One of ours is raised once, so that it cannot be raised while the turn ends."""
        self._arrived.release()
        if self._is_armed:
            self._is_armed = not self._sent_count
            raise KeyboardInterrupt


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)  # ends a wait in the system too
    else:
        _thread.interrupt_main(signal.SIGINT)


@final
class Guarded(Coroutine[Any, Any, _T]):
    """A coroutine whose every step can be interrupted, also one that blocks the loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, _T], job_id: str, main: MainThread) -> None:
        self._coroutine = coroutine
        self._job_id = job_id
        self._main = main

    def send(self, value: Any) -> Any:
        """The next step."""
        return self._main.run(self._job_id, lambda: self._coroutine.send(value))

    def throw(self, *error: Any) -> Any:
        """The next step, with an exception where it stands."""
        return self._main.run(self._job_id, lambda: self._coroutine.throw(*error))

    def close(self) -> None:
        """End it."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, _T]:
        raise TypeError("a guarded coroutine is run as a task")


@final
class MainValues:
    """The values of a plain function that works here, in the main thread; fits ``Source``.

    Args:
        call: Begins it; gives an iterator.
    """

    def __init__(self, call: Callable[[], Generator[Any, Any, Any]]) -> None:
        self._values = call()
        self._figures = Figures()

    async def next(self, reply: Any) -> Any:
        """The next value; cells and other calls get their turn before it.

        Raises:
            StopAsyncIteration: There is none any more.
        """
        await asyncio.sleep(0)
        try:
            with self._figures.noted():
                return next(self._values) if reply is None else self._values.send(reply)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Close it: ``GeneratorExit`` is raised where it stands."""
        self._values.close()
        self._figures.close()
