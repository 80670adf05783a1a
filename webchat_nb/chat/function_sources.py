"""How the values of a function are had one by one: from an async generator, or from a thread that the function works in."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol, final

from webchat_nb.chat.tools.ports import Ask

_AHEAD: Final = 256
"""How many values a thread may be ahead of whoever takes them."""


class Source(Protocol):
    """The values of one call of a function."""

    async def next(self, reply: Any) -> Any:
        """The next value.

        Args:
            reply: What a ``yield`` of the function gives back: the outcome of a call or the answer to a question that
                it yielded, else None.

        Raises:
            StopAsyncIteration: There is none any more.
        """

    async def aclose(self) -> None:
        """Let the function end; what it still yields is not heard."""


@final
class OneValue:
    """A function that returned its whole answer."""

    def __init__(self, value: Any) -> None:
        self._values = [value]

    async def next(self, reply: Any) -> Any:
        """The value, once."""
        if not self._values:
            raise StopAsyncIteration
        return self._values.pop()

    async def aclose(self) -> None:
        """Nothing to do."""


@final
class AsyncValues:
    """An async generator, or any other async iterator, which is told no replies."""

    def __init__(self, values: AsyncIterator[Any]) -> None:
        self._values: Any = values

    async def next(self, reply: Any) -> Any:
        """The next value; a cancelled wait cancels what the function waits for."""
        return await (self._values.__anext__() if reply is None else self._values.asend(reply))

    async def aclose(self) -> None:
        """Close the generator: ``GeneratorExit`` is raised where it stands."""
        if hasattr(self._values, "aclose"):
            await self._values.aclose()


class _Raised:
    """What the function raised, or how it came to its end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@final
class ThreadValues:
    """A plain function or generator at work in a thread of its own, so that it may block as it likes.

    Python cannot end a thread. Closing it does not wait: a generator is closed when it comes to its next ``yield``, and
    a function that returns its answer in one piece works on to its end, unheard.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._values: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._slots = threading.Semaphore(_AHEAD)
        self._replies: deque[Any] = deque()
        self._replied = threading.Semaphore(0)
        self._is_owed = False
        self._is_closed = False
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._work,), name="webchat-function", daemon=True).start()

    async def next(self, reply: Any) -> Any:
        """The next value that the thread has put."""
        if self._is_owed:
            self._is_owed = False
            self._replies.append(reply)
            self._replied.release()
        while not self._values:
            self._arrived.clear()
            if not self._values:  # the thread may have put one in between
                await self._arrived.wait()
        value = self._values.popleft()
        self._slots.release()
        self._is_owed = _wants_reply(value)
        if not isinstance(value, _Raised):
            return value
        if value.error is not None:
            raise value.error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Tell the thread that nobody listens any more."""
        self._is_closed = True
        self._slots.release()
        self._replied.release()

    def _work(self) -> None:
        try:
            result = self._call()
            if isinstance(result, Iterator):
                self._drain(result)
            else:
                self._put(result)
        except BaseException as error:  # noqa: BLE001 - it is raised where the values are taken
            # What would end the program, or only the loop that takes the values, is no more than a failure there.
            is_plain = isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration)
            self._put(_Raised(error if is_plain else RuntimeError(f"the function raised {type(error).__name__}")))
        else:
            self._put(_Raised(None))

    def _drain(self, values: Iterator[Any]) -> None:
        reply: Any = None
        while not self._is_closed:
            try:
                value = next(values) if reply is None else _answered(values, reply)
            except StopIteration:
                return
            self._put(value)
            reply = self._await_reply() if _wants_reply(value) else None
        if isinstance(values, Generator):
            values.close()

    def _await_reply(self) -> Any:
        self._replied.acquire()
        return self._replies.popleft() if self._replies else None

    def _put(self, value: Any) -> None:
        self._slots.acquire()
        if self._is_closed:
            return
        self._values.append(value)
        if not self._arrived.is_set():
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._arrived.set)


def _wants_reply(value: Any) -> bool:
    """Whether the function waits at its ``yield``: for the outcome of a call, or for a person's answer."""
    return isinstance(value, Ask) or (isinstance(value, dict) and ("call" in value or "ask" in value))


def _answered(values: Any, reply: Any) -> Any:
    """The next value, after a reply; a list that is passed on with ``yield from`` cannot be told any."""
    innermost = values
    while (inner := getattr(innermost, "gi_yieldfrom", None)) is not None:
        innermost = inner
    return values.send(reply) if hasattr(innermost, "send") else next(values)
