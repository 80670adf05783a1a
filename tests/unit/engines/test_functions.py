from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from webchat_nb.app import Config, build
from webchat_nb.chat.engine import EmitEntity, Finish, HistoryMessage, RunRequest, TextDelta, ThinkingDelta, Usage
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import ToolOutcome
from webchat_nb.engines.functions import function_engine
from webchat_nb.errors import ConfigError, EngineError
from webchat_nb.testing.engine_contract import Account, ToolDrawer, account_of, ask, in_time

PLAN = EnginePlan(profile="test", engine="mine")


async def answer_of(function: Any, **request: Any) -> Account:
    return await account_of(function_engine(function)(PLAN), ask(plan=PLAN, **request))


async def say_later(prompt: str) -> str:
    await asyncio.sleep(0)
    return f"{prompt}!"


class Polite:
    async def __call__(self, prompt: str) -> str:
        return f"Dear {prompt}"


@pytest.mark.rule("EN2")
@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda prompt: f"{prompt}?", "hi?"),
        (lambda: "always", "always"),
        (lambda messages: messages[-1].content, "hi"),
        (lambda history: history[0].content, "before"),
        (lambda whatever: str(len(whatever)), "2"),
        (lambda request: request.root_id, "t-1"),
        (lambda prompt, tone="dry": prompt + tone, "hidry"),
        (lambda messages, prompt: f"{len(messages)} {prompt}", "2 hi"),
        (partial(lambda prompt, end: prompt + end, end="…"), "hi…"),
        (say_later, "hi!"),
        (partial(say_later), "hi!"),
        (Polite(), "Dear hi"),
        (lambda prompt: None, ""),
        (lambda prompt: iter(["a", None, "", "b"]), "ab"),
    ],
)
async def test_a_function_gets_the_conversation_and_what_it_returns_is_the_answer(function: Any, text: str) -> None:
    history = [HistoryMessage(role="user", content="before")]
    assert (await answer_of(function, history=history)).text == text


@pytest.mark.rule("EN2")
async def test_an_async_function_may_return_an_async_iterator() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async def answer(prompt: str) -> AsyncIterator[str]:
        return pieces()

    assert (await answer_of(answer)).text == "ab"


@pytest.mark.rule("EN2")
async def test_a_function_may_yield_text_dicts_and_records() -> None:
    def answer(messages: Any) -> Iterator[Any]:
        yield "a"
        yield {"think": "hm"}
        yield {"say": {"text": "b", "repeat": 2}}
        yield ThinkingDelta("so")
        yield {"usage": {"input_tokens": 3}}
        yield {"emit": {"kind": "Plan", "id": "p", "payload": {"title": "x"}}}
        yield {"finish": "length"}
        yield "unheard"

    account = await answer_of(answer)
    assert account.records == [
        TextDelta("a"),
        ThinkingDelta("hm"),
        TextDelta("bb"),
        ThinkingDelta("so"),
        Usage(3, 0),
        EmitEntity("Plan", "p", {"title": "x"}),
        Finish("length"),
    ]


@pytest.mark.rule("EN2", "EN8")
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_call_that_is_yielded_gives_its_outcome_back(is_async: bool) -> None:
    call = {"call": {"tool": "weather", "args": {"city": "Köln"}}}

    async def answer_async(messages: Any) -> AsyncIterator[Any]:
        outcome = yield call
        yield f"{outcome.result} {outcome.is_error}"

    def answer(messages: Any) -> Any:
        outcome = yield call
        yield f"{outcome.result} {outcome.is_error}"

    tools = ToolDrawer(weather=ToolOutcome(result="none", is_error=True))
    account = await answer_of(answer_async if is_async else answer, tools=tools)
    assert account.text == "none True"
    assert [use.input for use in tools.used] == ['{"city":"Köln"}']


@pytest.mark.rule("EN2")
async def test_a_call_may_bring_its_own_result() -> None:
    def answer(messages: Any) -> Any:
        first = yield {"call": {"tool": "a", "result": {"b": 1}}}
        second = yield {"call": {"tool": "a", "error": "no"}}
        yield f"{first.result} {second.is_error}"

    account = await answer_of(answer)
    assert [call.result for call in account.calls.values()] == ['{"b":1}', "no"]
    assert account.text == '{"b":1} True'


@pytest.mark.rule("EN2")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "gave a int; expected text, a dict or an engine's record"),
        ({"shout": "a"}, "gave a dict that says nothing"),
        ({}, "expected one of ask, call, emit, fail, finish, say, think, usage, got none"),
        ({"wait_ms": 5}, "expected one of ask, call, emit, fail, finish, say, think, usage, got wait_ms"),
        ({"say": "a", "think": "b"}, "got think, say"),
        ({"fail": {"message": "I am tired", "code": "tired", "retryable": True}}, "^I am tired$"),
    ],
)
async def test_what_means_nothing_is_told_by_its_place(value: Any, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        await answer_of(lambda prompt: value)


@pytest.mark.rule("EN2")
@pytest.mark.parametrize("error", [ZeroDivisionError("x"), SystemExit(1), StopIteration(2)])
async def test_what_a_function_raises_is_a_failure_and_nothing_worse(error: BaseException) -> None:
    def answer(prompt: str) -> str:
        raise error

    with pytest.raises(ZeroDivisionError if isinstance(error, ZeroDivisionError) else RuntimeError):
        await answer_of(answer)


@pytest.mark.rule("EN2")
@pytest.mark.parametrize("function", [lambda messages, mood: "", lambda a, b, /: "", 5])
def test_a_function_that_wants_what_nobody_has_is_refused(function: Any) -> None:
    with pytest.raises(ConfigError):
        function_engine(function)


@pytest.mark.rule("EN2")
async def test_a_plain_function_may_block() -> None:
    """It works in a thread: the loop can do something meanwhile that the function waits for."""
    released = threading.Event()

    def answer(prompt: str) -> str:
        assert released.wait(20)
        return "went on"

    answering = asyncio.create_task(answer_of(answer))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(released.set)
    assert (await answering).text == "went on"


@pytest.mark.rule("EN2")
async def test_closing_does_not_wait_for_a_function_that_blocks() -> None:
    released, begun, loop = threading.Event(), asyncio.Event(), asyncio.get_running_loop()

    def answer(prompt: str) -> Iterator[str]:
        yield "first"
        loop.call_soon_threadsafe(begun.set)
        released.wait(20)
        yield "unheard"

    records: Any = function_engine(answer)(PLAN).run(ask(plan=PLAN))
    assert await anext(records) == TextDelta("first")
    await in_time(begun.wait())
    await in_time(records.aclose())
    released.set()


@pytest.mark.rule("EN2")
async def test_a_thread_is_not_far_ahead_of_who_listens() -> None:
    made: list[int] = []

    def answer(prompt: str) -> Iterator[str]:
        for number in range(10_000):
            made.append(number)
            yield "x"

    records: Any = function_engine(answer)(PLAN).run(ask(plan=PLAN))
    for _ in range(100):
        await anext(records)
    assert len(made) < 1000
    await records.aclose()


def test_a_function_answers_in_a_chat_and_is_replaced_when_it_is_given_again() -> None:
    async def main() -> Sequence[str]:
        async with build(Config()) as app:

            @app.engine
            def shout(prompt: str) -> str:
                return prompt.upper()

            first = await app.chat("hello", profile="shout", conv_id="c").text()

            @app.engine(name="shout")
            def whisper(messages: Sequence[HistoryMessage]) -> str:
                return " / ".join(message.content for message in messages)

            return [first, await app.chat("again", conv_id="c").text()]

    assert asyncio.run(main()) == ["HELLO", "hello / HELLO / again"]


def test_the_request_is_the_whole_of_it() -> None:
    seen: list[RunRequest] = []

    def answer(request: RunRequest) -> str:
        seen.append(request)
        return ""

    asyncio.run(answer_of(answer, prompt="hi"))
    assert seen[0].prompt == "hi"
