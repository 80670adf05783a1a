from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from webchat_nb.chat.engine import (
    EngineEvent,
    Finish,
    TextDelta,
    ToolCallExecuting,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import Tell, ToolDecision, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.engines.past import PastCall
from webchat_nb.engines.tool_loop import Dialogue, converse, use_tools
from webchat_nb.errors import EngineError
from webchat_nb.testing.engine_contract import ask, in_time

PLAN = EnginePlan(profile="p", engine="e")


class Rounds:
    """A dialogue that says what it is given, round by round."""

    def __init__(self, *rounds: Sequence[EngineEvent]) -> None:
        self.rounds = list(rounds)
        self.answers: list[Sequence[ToolCallResult]] = []

    async def ask(self) -> AsyncIterator[EngineEvent]:
        for record in self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]:
            yield record

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        raise NotImplementedError

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        self.answers.append(results)


class Bench:
    """Tools that end when the test lets them."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}
        self.cancelled: list[str] = []

    def schemas(self) -> Sequence[ToolSchema]:
        return ()

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        self.open[use.name] = asyncio.Event()
        tell(ToolCallExecuting(use.call_id))
        try:
            await self.open[use.name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(use.name)
            raise
        tell(ToolCallProgress(use.call_id, "nearly"))
        return ToolOutcome(result=use.name)

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        raise NotImplementedError


def begun(dialogue: Dialogue) -> Callable[[], Awaitable[Dialogue]]:
    async def begin() -> Dialogue:
        return dialogue

    return begin


def call(call_id: str, name: str) -> list[EngineEvent]:
    return [ToolCallStarted(call_id, name), ToolCallRequested(call_id, "{}")]


def uses(*names: str) -> list[ToolUse]:
    return [ToolUse(call_id=name, name=name, input="{}") for name in names]


@pytest.mark.rule("EN8")
async def test_calls_work_at_the_same_time_and_results_come_as_they_are_ready() -> None:
    bench = Bench()
    news: Any = use_tools(bench, uses("slow", "quick"))
    told = [await anext(news), await anext(news)]
    assert told == [ToolCallExecuting("slow"), ToolCallExecuting("quick")]
    bench.open["quick"].set()
    assert await anext(news) == ToolCallProgress("quick", "nearly")
    assert await anext(news) == ToolCallResult("quick", "quick")
    bench.open["slow"].set()
    assert [item async for item in news] == [ToolCallProgress("slow", "nearly"), ToolCallResult("slow", "slow")]


@pytest.mark.rule("EN8")
async def test_the_model_gets_the_results_in_the_order_of_its_calls() -> None:
    bench, rounds = Bench(), Rounds([*call("1", "slow"), *call("2", "quick")], [TextDelta("done")])
    loop: Any = converse(begun(rounds), ask(plan=PLAN, tools=bench))
    seen = []
    async for record in loop:
        seen.append(record)
        if len(bench.open) == 2 and not bench.open["quick"].is_set():
            bench.open["quick"].set()
        if record == ToolCallResult("2", "quick"):
            bench.open["slow"].set()
    assert [result.call_id for result in rounds.answers[0]] == ["1", "2"]
    assert seen[-1] == TextDelta("done")


@pytest.mark.rule("EN8", "RN4")
async def test_closing_cancels_the_tools_that_work() -> None:
    bench = Bench()
    loop: Any = converse(begun(Rounds([*call("1", "a"), *call("2", "b")])), ask(plan=PLAN, tools=bench))
    while len(bench.open) < 2:
        await anext(loop)
    await in_time(loop.aclose())
    assert sorted(bench.cancelled) == ["a", "b"]


@pytest.mark.rule("EN8")
async def test_a_box_that_raises_is_an_error_of_its_tool() -> None:
    class Broken(Bench):
        async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
            raise ZeroDivisionError("secret")

    (result,) = [item async for item in use_tools(Broken(), uses("a"))]
    assert result == ToolCallResult("a", "The tool failed; the server's log says why.", is_error=True)


@pytest.mark.rule("EN8")
@pytest.mark.parametrize("max_rounds", [1, 3])
async def test_the_rounds_have_a_limit_and_the_last_calls_an_error(max_rounds: int) -> None:
    class Endless:
        count = 0

        async def ask(self) -> AsyncIterator[EngineEvent]:
            self.count += 1
            for record in [*call(str(self.count), "a"), Usage(1, 1), Finish("tool_calls")]:
                yield record

        def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None: ...

        def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None: ...

    seen: list[EngineEvent] = []
    endless = Endless()

    async def listen() -> None:
        async for record in converse(begun(endless), ask(plan=PLAN), max_rounds=max_rounds):
            seen.append(record)

    with pytest.raises(EngineError, match=f"after {max_rounds} rounds") as caught:
        await listen()
    assert (endless.count, caught.value.engine_code) == (max_rounds, "too_many_rounds")
    assert seen[-1] == ToolCallResult(str(max_rounds), "not called: the limit of rounds is reached", is_error=True)
    assert not any(isinstance(record, Finish) for record in seen)


@pytest.mark.rule("EN1")
async def test_usage_is_the_sum_so_far_and_the_finish_comes_once() -> None:
    first: list[EngineEvent] = [Usage(5, 1), *call("1", "a"), Usage(5, 2), Finish("tool_calls")]
    second: list[EngineEvent] = [Usage(7, 0), TextDelta(""), TextDelta("a"), Finish("stop"), Usage(7, 3)]
    seen = [record async for record in converse(begun(Rounds(first, second)), ask(plan=PLAN))]
    assert [record for record in seen if isinstance(record, Usage)] == [
        Usage(5, 1),
        Usage(5, 2),
        Usage(12, 2),
        Usage(12, 5),
    ]
    assert seen[-2:] == [Usage(12, 5), Finish("stop")]
    assert TextDelta("") not in seen
