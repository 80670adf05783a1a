"""TL1: whatever a tool does, the engine gets a result: found, timed, told."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from tests.unit.chat.tools.boxes import Given, Table, settled
from webchat_nb.chat.engine import ToolCallExecuting, ToolCallProgress
from webchat_nb.chat.tools import ToolContext, ToolOutcome, ToolUse
from webchat_nb.errors import EngineError, ToolError

pytestmark = pytest.mark.rule("TL1")


async def never(use: ToolUse, context: ToolContext) -> ToolOutcome:
    """Works for ever."""
    context.executing()
    await asyncio.get_running_loop().create_future()
    return ToolOutcome(result="never")


async def test_a_tool_is_called_with_its_arguments_and_told_as_it_works() -> None:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        context.executing(place="kernel")
        context.executing()
        context.progress("half")
        assert (context.session_id, context.run_id, context.actor) == ("c1", "run-1", "ann")
        return ToolOutcome(result=use.input)

    table = Table(Given(work=work))
    assert await table.call() == ToolOutcome(result='{"days": 1}')
    assert table.news == [ToolCallExecuting("1", place="kernel"), ToolCallProgress("1", "half")]


async def test_a_tool_that_is_not_there_is_an_error_that_names_no_other() -> None:
    outcome = await Table(Given(name="secret")).call("weather")
    assert outcome == ToolOutcome(result="no tool weather is registered", is_error=True)


@pytest.mark.parametrize(
    ("input", "told"),
    [
        ("{", "not called: the arguments are not JSON"),
        ("\ud800", "not called: the arguments are not JSON"),
        ("[" * 100_000, "not called: the arguments are not JSON"),
        ("[1]", "not called: expected the arguments as a JSON object, got list"),
        ("null", "not called: expected the arguments as a JSON object, got NoneType"),
    ],
)
async def test_arguments_that_are_no_object_call_nothing(input: str, told: str) -> None:
    table = Table(Given())
    outcome = await table.call(input=input)
    assert outcome.is_error and outcome.result.startswith(told)
    assert not table.news


@pytest.mark.parametrize("input", ["", " \n"])
async def test_no_arguments_at_all_are_an_empty_object(input: str) -> None:
    assert (await Table(Given()).call(input=input)).result == "{}"


async def test_a_call_that_takes_too_long_is_an_error_and_nothing_of_it_is_heard_later() -> None:
    kept: list[ToolContext] = []

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        kept.append(context)
        return await never(use, context)

    table = Table(Given(work=work, timeout_s=5))
    call = table.begin()
    await settled()
    table.clock.jump(4.9)
    await settled()
    assert not call.done()
    table.clock.jump(0.1)
    outcome = await call
    assert outcome == ToolOutcome(result="The tool took longer than 5 s.", is_error=True)
    kept[0].progress("late")
    assert table.news == [ToolCallExecuting("1")]


async def test_where_the_tool_does_not_say_the_limits_do() -> None:
    table = Table(Given(work=never), timeout_s=2.5)
    call = table.begin()
    await settled()
    table.clock.jump(2.5)
    assert (await call).result == "The tool took longer than 2.5 s."


async def test_a_tool_that_does_not_let_go_is_not_waited_for() -> None:
    let_go = asyncio.Event()

    async def stubborn(use: ToolUse, context: ToolContext) -> ToolOutcome:
        try:
            await never(use, context)
        except asyncio.CancelledError:
            await let_go.wait()
        raise ValueError("too late")

    table = Table(Given(work=stubborn))
    call = table.begin()
    await settled()
    table.clock.jump(60)
    assert (await asyncio.wait_for(call, 5)).result == "The tool took longer than 60 s."
    let_go.set()
    await settled()


async def test_when_the_run_ends_the_tool_is_cancelled_and_waited_for() -> None:
    steps: list[str] = []

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        try:
            return await never(use, context)
        finally:
            await asyncio.sleep(0)
            steps.append("let go")

    table = Table(Given(work=work))
    call = table.begin()
    await settled()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert steps == ["let go"]
    table.clock.jump(1000)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ToolError("The city is unknown."), "The city is unknown."),
        (ValueError("no such city"), "ValueError: no such city"),
        (ValueError(), "ValueError"),
        (TimeoutError("the service is slow"), "TimeoutError: the service is slow"),
        (asyncio.CancelledError(), "The tool was cancelled."),
        (EngineError("inside"), "The call could not be made; the server's log says why."),
    ],
)
async def test_what_a_tool_raises_is_an_error_result(error: BaseException, told: str) -> None:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        raise error

    assert await Table(Given(work=work)).call() == ToolOutcome(result=told, is_error=True)


@pytest.mark.rule("AC7")
async def test_the_log_has_no_words_of_the_conversation(caplog: pytest.LogCaptureFixture) -> None:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        raise ValueError("".join(["my di", "ary"]))

    with caplog.at_level(logging.DEBUG):
        await Table(Given(work=work)).call(input='{"days": "my secret"}')
    assert "weather failed: ValueError" in caplog.text
    assert "diary" not in caplog.text and "secret" not in caplog.text


async def test_calls_are_made_at_the_same_time() -> None:
    started: list[str] = []
    go = asyncio.Event()

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        started.append(use.call_id)
        await go.wait()
        return ToolOutcome(result=use.call_id)

    table = Table(Given(work=work))
    calls = [table.begin(id=str(number)) for number in range(100)]
    await settled()
    assert len(started) == 100
    go.set()
    assert [outcome.result for outcome in await asyncio.gather(*calls)] == [str(number) for number in range(100)]


async def test_a_call_is_made_once() -> None:
    table = Table(Given())
    assert not (await table.call()).is_error
    again = await table.call(input='{"days": 2}')
    assert again == ToolOutcome(result="not called: a call with the same id was made before", is_error=True)


@pytest.mark.rule("TL8")
async def test_of_two_tools_with_the_same_name_the_first_is_meant() -> None:
    async def other(use: ToolUse, context: ToolContext) -> ToolOutcome:
        return ToolOutcome(result="other")

    table = Table(Given(), Given(name="time"), Given(work=other))
    assert [schema.name for schema in table.box.schemas()] == ["weather", "time"]
    assert json.loads((await table.call()).result) == {"days": 1}
