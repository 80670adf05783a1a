"""A thread for calls that wait for the disk, so that the event loop never does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar, final

T = TypeVar("T")


@final
class DiskThread:
    """Makes calls one after the other, in the order they were asked for.

    A thread of its own and not the loop's executor: nobody else's work stands before a commit, and the handoff costs
    one queue and one wake-up of the loop. The thread is a daemon: a store that nobody closed does not keep the process.

    Args:
        name: Of the thread, for debuggers.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the calls asked for so far; does not wait for them."""
        self._calls.put(None)

    def post(self, call: Callable[[], None]) -> None:
        """Make a call that nobody waits for; it must not raise."""
        self._calls.put(call)

    async def run(self, call: Callable[[], T]) -> T:
        """Make a call and return what it returns, or raise what it raises.

        Who is cancelled while waiting still waits to the end of the call and is cancelled then: a commit is never
        left behind half-known.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def make_call() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - handed over as it is
                _tell(loop, lambda error=error: future.set_exception(error))  # type: ignore[misc]
            else:
                _tell(loop, lambda: future.set_result(result))

        self._calls.put(make_call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            future.exception()  # taken note of: the cancellation is what the caller gets
            raise

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _tell(loop: asyncio.AbstractEventLoop, tell: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
        loop.call_soon_threadsafe(tell)
