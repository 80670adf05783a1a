"""The context of a call, for a function that may work in a thread.

Rule: TL3.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, final

from webchat_nb.chat.tools.ports import Ask, ToolContext, ToolDecision
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.errors import ToolError


@final
class ThreadSafeContext:
    """Passes on what any thread says, in order, as long as the call lasts; fits ``ToolContext``.

    Args:
        context: Of the call; it is used on the running event loop alone.
    """

    def __init__(self, context: ToolContext) -> None:
        self.session_id = context.session_id
        self.run_id = context.run_id
        self.actor = context.actor
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._said: deque[str] = deque()
        self._asking: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        """Nothing: it was told before the function was called."""

    def progress(self, text: str) -> None:
        """A word for the person; nobody hears it any more when the call is over."""
        if not text or self._is_closed:
            return
        self._said.append(clean(text))
        if self._is_on_loop():
            self._pass_on()
        else:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._pass_on)

    async def ask(self, ask: Ask) -> ToolDecision:
        """Ask the person and wait, on whichever loop; the question is withdrawn when the call ends.

        Raises:
            ToolError: The call is over.
        """
        if self._is_on_loop():
            return await self._ask(ask)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._ask_for_thread(ask), self._loop))

    def close(self) -> None:
        """The call is over: what was said before is passed on, what comes later is not."""
        self._pass_on()
        self._is_closed = True
        for task in self._asking:
            task.cancel()

    async def _ask_for_thread(self, ask: Ask) -> ToolDecision:
        """Ask in a task of its own, which ends with the call."""
        task = asyncio.current_task()
        assert task is not None
        self._asking.add(task)
        try:
            return await self._ask(ask)
        finally:
            self._asking.discard(task)

    async def _ask(self, ask: Ask) -> ToolDecision:
        if self._is_closed:
            raise ToolError("the call is over: nobody can be asked any more")
        self._pass_on()
        return await self._context.ask(ask)

    def _pass_on(self) -> None:
        while self._said and not self._is_closed:
            self._context.progress(self._said.popleft())

    def _is_on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False
