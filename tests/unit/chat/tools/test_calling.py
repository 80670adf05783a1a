"""TL3, TL5: what happens when a function is called as a tool."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.unit.chat.tools.calls import Notes, call, call_text, failed
from webchat_nb.chat.function_sources import ThreadValues
from webchat_nb.chat.tools import Ask, ToolUse
from webchat_nb.chat.tools.functions.calling import call_function
from webchat_nb.chat.tools.functions.signatures import Signature

pytestmark = pytest.mark.rule("TL3")

CITY: contextvars.ContextVar[str] = contextvars.ContextVar("CITY", default="nowhere")


async def test_a_plain_function_works_in_a_thread_of_its_own() -> None:
    def where(city: str) -> dict[str, Any]:
        return {"city": city, "is_here": threading.get_ident() == here}

    here = threading.get_ident()
    assert (await call(where, city="Paris")).result == '{"city":"Paris","is_here":false}'


async def test_an_async_function_works_on_the_loop() -> None:
    async def where(city: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"city": city, "is_here": threading.get_ident() == here}

    here = threading.get_ident()
    assert (await call(where, city="Paris")).result == '{"city":"Paris","is_here":true}'


async def test_a_plain_function_may_return_what_is_to_be_awaited() -> None:
    async def later(city: str) -> str:
        return city

    async def steps(city: str) -> AsyncIterator[str]:
        yield city
        yield "done"

    notes = Notes()
    assert (await call(lambda city: later(city), city="Paris")).result == "Paris"
    assert (await call(lambda city: steps(city), notes, city="Rome")).result == "done"
    assert notes.told == ["executing", "Rome", "done"]


async def test_context_variables_are_those_of_the_call() -> None:
    def plain() -> str:
        return CITY.get()

    async def on_loop() -> str:
        return CITY.get()

    CITY.set("Paris")
    assert (await call(plain)).result == (await call(on_loop)).result == "Paris"


async def test_text_that_a_generator_yields_is_progress_at_once() -> None:
    go_on = threading.Event()

    def search(word: str) -> Iterator[object]:
        yield f"looking for {word}"
        assert go_on.wait(10)
        yield {"found": 3}

    notes = Notes()
    working = asyncio.create_task(call(search, notes, word="x"))
    await notes.wait_for("looking for x")
    assert not working.done()

    go_on.set()
    assert (await working).result == '{"found":3}'
    assert notes.told == ["executing", "looking for x"]


async def test_text_that_an_async_generator_yields_is_progress_at_once() -> None:
    go_on = asyncio.Event()

    async def search(word: str) -> AsyncIterator[object]:
        yield f"looking for {word}"
        await go_on.wait()
        yield None
        yield "found"

    notes = Notes()
    working = asyncio.create_task(call(search, notes, word="x"))
    await notes.wait_for("looking for x")
    go_on.set()

    assert (await working).result == "found"
    assert notes.told == ["executing", "looking for x", "found"]


async def test_a_generator_that_returns_gives_that() -> None:
    def search() -> Iterator[Any]:
        yield "looking"
        yield 1
        return 42

    def silent() -> Iterator[Any]:
        yield from ()

    assert (await call(search)).result == "42"
    assert (await call(silent)).result == "null"


async def test_an_iterator_that_is_returned_is_a_result() -> None:
    def letters(text: str) -> Iterator[str]:
        return map(str.upper, text)

    def more_letters(text: str) -> Iterator[str]:
        return (letter.upper() for letter in text)

    notes = Notes()
    assert (await call(letters, notes, text="ab")).result == '["A","B"]'
    assert (await call(more_letters, notes, text="ab")).result == '["A","B"]'
    assert notes.told == ["executing", "executing"]


@pytest.mark.rule("TL5")
@pytest.mark.parametrize(("answer", "result"), [({"days": 3}, '{"days":3}'), ({}, "{}"), (None, "null")])
async def test_a_question_is_answered_where_it_was_yielded(answer: dict[str, Any] | None, result: str) -> None:
    def plain() -> Iterator[Any]:
        given = yield ask
        yield "asked"
        return given

    def inner() -> Iterator[Any]:
        return (yield ask)

    def outer() -> Iterator[Any]:
        given = yield from inner()
        yield "asked"
        return given

    async def on_loop() -> AsyncIterator[Any]:
        given = yield ask
        yield "asked"
        yield [given]

    ask = Ask(question="How long?", schema={"type": "object"}, expires_s=5)
    for function, expected in ((plain, result), (outer, result), (on_loop, f"[{result}]")):
        if answer is None and function is not on_loop:
            expected = "asked"  # nothing was returned, so it is the last that was yielded
        notes = Notes(answer)
        assert (await call(function, notes)).result == expected
        assert notes.told == ["executing", "ask: How long?", "asked"]
        assert notes.asked == [ask]


async def test_a_dict_that_looks_like_a_call_is_a_value() -> None:
    def calls() -> Iterator[Any]:
        assert (yield {"call": "a doctor"}) is None
        yield {"ask": "him"}

    assert (await call(calls)).result == '{"ask":"him"}'


async def test_arguments_that_do_not_fit_call_nothing() -> None:
    called: list[int] = []

    async def count(number: int) -> None:
        called.append(number)

    notes = Notes()
    assert await call(count, notes, number="3") == failed("`number`: expected int, got str")
    assert await call_text(count, "[1", notes) == failed("the arguments are no JSON: Input data was truncated")
    assert notes.told == called == []


async def test_an_argument_that_was_left_out_has_its_default() -> None:
    marker = object()

    def look(thing: Any = marker) -> bool:
        return thing is marker

    assert (await call(look)).result == "true"
    assert (await call_text(look, "")).result == "true"


async def test_a_rich_result_is_drawn_off_the_loop() -> None:
    drawn_in: list[int] = []

    class Chart:
        def _repr_png_(self) -> None:
            drawn_in.append(threading.get_ident())

        def __str__(self) -> str:
            return "a chart"

    async def draw() -> Chart:
        return Chart()

    assert (await call(draw)).result == '"a chart"'
    assert drawn_in != [threading.get_ident()]


async def test_plain_functions_work_where_the_caller_says() -> None:
    begun: list[str] = []

    def place(call: Any) -> ThreadValues:
        begun.append("begun")
        return ThreadValues(call)

    def echo(text: str) -> str:
        return text

    use = ToolUse(call_id="call-1", name="echo", input='{"text": "a"}')
    outcome = await call_function(echo, Signature(echo), use, Notes(), place=place)
    assert (outcome.result, begun) == ("a", ["begun"])


async def test_many_calls_of_one_tool_do_not_mix() -> None:
    def plain(number: int) -> Iterator[Any]:
        given = yield Ask(question=str(number))
        return [number, given["n"]]

    outcomes = await asyncio.gather(*(call(plain, Notes({"n": number}), number=number) for number in range(50)))
    assert [outcome.result for outcome in outcomes] == [f"[{number},{number}]" for number in range(50)]
