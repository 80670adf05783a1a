"""An engine's records as what a reader of the timeline gets of them: pieces joined, calls with all that belongs to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from webchat_nb.chat.engine import (
    Engine,
    EngineEvent,
    Finish,
    HistoryMessage,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import Tell, ToolBox, ToolDecision, ToolOutcome, ToolSchema, ToolUse


class CallAccount(msgspec.Struct, kw_only=True):
    """One call.

    Attributes:
        streamed: Its arguments as they came.
        input: Its arguments as they were said to be complete.
        steps: What happened to it, in order.
    """

    tool: str
    streamed: str = ""
    input: str | None = None
    result: str | None = None
    is_error: bool = False
    steps: list[str] = []


class Account(msgspec.Struct, kw_only=True):
    """All records of a run.

    Attributes:
        story: Text and thoughts in order, neighbours joined, a call where it began: ``("say", "…")``, ``("think",
            "…")``, ``("call", "tool")``.
        usages: Each report.
        finishes: The position of each ``Finish`` from the end: ``[0]`` when there is one and it is the last.
        records: The records themselves.
    """

    story: list[tuple[str, str]] = []
    calls: dict[str, CallAccount] = {}
    usages: list[Usage] = []
    finishes: list[int] = []
    records: list[EngineEvent] = []

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(text for kind, text in self.story if kind == "say")

    @property
    def thoughts(self) -> str:
        """All thoughts."""
        return "".join(text for kind, text in self.story if kind == "think")

    def take(self, record: EngineEvent) -> None:
        """Take the next record into account."""
        self.records.append(record)
        match record:
            case TextDelta():
                self._tell("say", record.text)
            case ThinkingDelta():
                self._tell("think", record.text)
            case ToolCallStarted():
                assert record.call_id not in self.calls, "each call has an id of its own"
                self.calls[record.call_id] = CallAccount(tool=record.tool_name, steps=["started"])
                self.story.append(("call", record.tool_name))
            case ToolCallArgumentsDelta():
                call = self.calls[record.call_id]
                assert call.input is None, "no arguments after they were complete"
                call.streamed += record.text
            case ToolCallRequested():
                call = self.calls[record.call_id]
                call.input = record.input
                call.steps.append("requested")
            case ToolCallExecuting():
                self.calls[record.call_id].steps.append("executing")
            case ToolCallProgress():
                self.calls[record.call_id].steps.append(record.progress)
            case ToolCallResult():
                call = self.calls[record.call_id]
                assert call.result is None, "one result for each call"
                call.result, call.is_error = record.result, record.is_error
                call.steps.append("result")
            case Usage():
                self.usages.append(record)
        self.finishes = [place for place, record in enumerate(reversed(self.records)) if isinstance(record, Finish)]

    def _tell(self, kind: str, text: str) -> None:
        if self.story and self.story[-1][0] == kind:
            self.story[-1] = (kind, self.story[-1][1] + text)
        else:
            self.story.append((kind, text))


class ToolDrawer(ToolBox):
    """Tools for tests: each answers with a text, or with an error.

    Attributes:
        used: The calls that were made.
    """

    def __init__(self, **outcomes: str | ToolOutcome) -> None:
        self.used: list[ToolUse] = []
        self._outcomes = outcomes

    def schemas(self) -> Sequence[ToolSchema]:
        """Each takes any object."""
        return [
            ToolSchema(name=name, description=f"Answers for {name}.", input_schema={"type": "object", "properties": {}})
            for name in self._outcomes
        ]

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        """Say that it works, then answer."""
        self.used.append(use)
        tell(ToolCallExecuting(use.call_id))
        outcome = self._outcomes.get(use.name)
        if outcome is None:
            return ToolOutcome(result=f"no tool {use.name} is registered", is_error=True)
        return ToolOutcome(result=outcome) if isinstance(outcome, str) else outcome

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        """Nobody is there."""
        return ToolDecision(is_approved=False, reason="nobody is there")


def ask(
    prompt: str = "hi",
    *,
    plan: EnginePlan,
    tools: ToolBox | None = None,
    history: Sequence[HistoryMessage] = (),
    root_id: str = "t-1",
    **fields: Any,
) -> RunRequest:
    """A request for an answer; ``fields`` are others of the request."""
    return RunRequest(
        session_id="c",
        run_id="r",
        root_id=root_id,
        prompt=prompt,
        turn=1,
        history=history,
        plan=plan,
        tools=tools,
        **fields,
    )


def records_of(engine: Engine, request: RunRequest) -> AsyncIterator[EngineEvent]:
    """The engine's records; to be closed."""
    return engine.run(request)


async def account_of(engine: Engine, request: RunRequest, into: Account | None = None) -> Account:
    """Run the engine to its end.

    Args:
        engine: The one under test.
        request: What it is asked.
        into: Where to write, so that a failing run leaves what came before.
    """
    account = Account() if into is None else into
    async with aclosing(engine.run(request)) as records:  # type: ignore[type-var]
        async for record in records:
            account.take(record)
    return account
