"""Calls of a function as a tool, by a context that writes down what it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from webchat_nb.chat.tools import Ask, ToolDecision, ToolOutcome, ToolUse
from webchat_nb.chat.tools.functions.declared import FunctionTool
from webchat_nb.stream.model import SessionId


class Notes:
    """A ``ToolContext`` that only its own loop's thread may use, as the box's."""

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self.session_id = SessionId("c-1")
        self.run_id = "run-1"
        self.actor = "ada"
        self.told: list[str] = []
        self.asked: list[Ask] = []
        self.withdrawn: list[Ask] = []
        self.news = asyncio.Event()
        self._answers = list(answers)
        self._thread = threading.get_ident()

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        self._tell("executing")

    def progress(self, text: str) -> None:
        self._tell(text)

    async def ask(self, ask: Ask) -> ToolDecision:
        self._tell(f"ask: {ask.question}")
        self.asked.append(ask)
        if not self._answers:  # nobody answers
            try:
                await asyncio.Event().wait()
            finally:
                self.withdrawn.append(ask)
                self.news.set()
        answer = self._answers.pop(0)
        if answer is None:
            return ToolDecision(is_approved=False, reason="no")
        return ToolDecision(is_approved=True, input=msgspec.json.encode(answer).decode())

    async def wait_for(self, text: str) -> None:
        while text not in self.told:
            self.news.clear()
            await self.news.wait()

    def _tell(self, text: str) -> None:
        assert threading.get_ident() == self._thread
        self.told.append(text)
        self.news.set()


async def call(function: Callable[..., Any], /, context: Notes | None = None, **arguments: Any) -> ToolOutcome:
    """Call a function with arguments that come as a model's do."""
    return await call_text(function, msgspec.json.encode(arguments).decode(), context)


async def call_text(function: Callable[..., Any], text: str, context: Notes | None = None) -> ToolOutcome:
    tool = function if isinstance(function, FunctionTool) else FunctionTool(function, name="t")
    use = ToolUse(call_id="call-1", name=tool.schema.name, input=text)
    return await tool.call(use, Notes() if context is None else context)


def failed(message: str) -> ToolOutcome:
    return ToolOutcome(result=message, is_error=True)
