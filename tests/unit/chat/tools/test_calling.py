"""TL3, TL5: what happens when a function is called as a tool."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.unit.chat.tools.calls import Notes, call, call_text
from webchat_nb.chat.function_sources import ThreadValues
from webchat_nb.chat.tools import Ask, ToolContext, ToolOutcome, ToolUse
from webchat_nb.chat.tools.functions.calling import call_function
from webchat_nb.chat.tools.functions.signatures import Signature
from webchat_nb.errors import ToolError

pytestmark = pytest.mark.rule("TL3")

CITY: contextvars.ContextVar[str] = contextvars.ContextVar("CITY", default="nowhere")


def failed(message: str) -> ToolOutcome:
    return ToolOutcome(result=message, is_error=True)


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


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ToolError("No city has that name."), "No city has that name."),
        (ToolError(""), "The tool failed."),
        (ValueError("no such day"), "ValueError: no such day"),
        (KeyError("day"), "KeyError: 'day'"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("half \ud800"), "ValueError: half ?"),
    ],
)
async def test_what_a_function_raises_is_its_result(error: Exception, message: str) -> None:
    def plain() -> None:
        raise error

    async def on_loop() -> None:
        raise error

    def steps() -> Iterator[str]:
        yield "one"
        raise error

    async def steps_on_loop() -> AsyncIterator[str]:
        yield "one"
        raise error

    for function in (plain, on_loop, steps, steps_on_loop):
        assert await call(function) == failed(message)


async def test_a_tool_cannot_end_the_program_or_the_loop() -> None:
    async def leave() -> None:
        sys.exit(3)

    def leave_thread() -> None:
        sys.exit(3)

    async def stop() -> None:
        raise StopAsyncIteration

    def stop_thread() -> None:
        raise StopIteration

    async def cancelled() -> None:
        raise asyncio.CancelledError

    for function in (leave, leave_thread, stop, stop_thread, cancelled):
        outcome = await call(function)
        assert outcome.is_error
        assert outcome.result


async def test_a_failure_is_logged_with_its_place_and_without_words(caplog: pytest.LogCaptureFixture) -> None:
    async def look_up(patient: str) -> None:
        raise LookupError(f"no patient {patient}")

    with caplog.at_level(logging.WARNING):
        await call(look_up, patient="Secret Name")

    assert "LookupError" in caplog.text
    assert "in look_up" in caplog.text
    assert "Secret Name" not in caplog.text


async def test_a_result_that_cannot_be_shown_is_an_error() -> None:
    class Broken:
        def _repr_png_(self) -> bytes:
            raise RuntimeError("no display")

    async def draw() -> Broken:
        return Broken()

    assert await call(draw) == failed("RuntimeError: no display")


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


async def test_cancelling_cancels_an_async_function() -> None:
    left: list[str] = []

    async def wait(context: ToolContext) -> None:
        context.progress("waiting")
        try:
            await asyncio.Event().wait()
        finally:
            left.append("function")

    async def steps() -> AsyncIterator[str]:
        try:
            yield "waiting"
            await asyncio.Event().wait()
        finally:
            left.append("generator")

    for function in (wait, steps):
        notes = Notes()
        working = asyncio.create_task(call(function, notes))
        await notes.wait_for("waiting")
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert left == ["function", "generator"]


async def test_cancelling_closes_a_generator_and_leaves_a_plain_function_unheard() -> None:
    go_on, closed, over = threading.Event(), threading.Event(), threading.Event()

    def steps() -> Iterator[str]:
        try:
            yield "waiting"
            go_on.wait(10)
            yield "more"
        finally:
            closed.set()

    def plain(context: ToolContext) -> None:
        context.progress("waiting")
        go_on.wait(10)
        context.progress("more")
        over.set()

    heard = []
    for function in (steps, plain):
        notes = Notes()
        working = asyncio.create_task(call(function, notes))
        await notes.wait_for("waiting")
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        heard.append(notes.told)
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
    assert await asyncio.to_thread(over.wait, 10)
    await asyncio.sleep(0)
    assert heard == [["executing", "waiting"], ["executing", "waiting"]]


async def test_cancelling_withdraws_a_question() -> None:
    ask = Ask(question="May I?")

    def plain() -> Iterator[Any]:
        yield ask

    async def on_loop(context: ToolContext) -> None:
        await context.ask(ask)

    def in_thread(context: ToolContext) -> None:
        asyncio.run(_asked(context))

    async def _asked(context: ToolContext) -> None:
        with pytest.raises(asyncio.CancelledError):
            await context.ask(ask)

    for function in (plain, on_loop, *[in_thread] * 20):  # a thread may be told late that the question stands
        notes = Notes()
        working = asyncio.create_task(call(function, notes))
        await notes.wait_for("ask: May I?")
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        while not notes.withdrawn:
            notes.news.clear()
            await notes.news.wait()


@pytest.mark.rule("TL5")
async def test_an_async_function_asks_through_its_context() -> None:
    async def book(days: int, context: ToolContext) -> dict[str, Any]:
        decision = await context.ask(Ask(question="Sure?"))
        return {"is_approved": decision.is_approved, "input": decision.input, "days": days}

    notes = Notes({"answer": "yes"})
    outcome = await call(book, notes, days=2)

    assert outcome.result == '{"is_approved":true,"input":"{\\"answer\\":\\"yes\\"}","days":2}'
    assert notes.told == ["executing", "ask: Sure?"]


@pytest.mark.rule("TL5")
async def test_a_thread_with_a_loop_of_its_own_asks_too() -> None:
    def book(context: ToolContext) -> str | None:
        async def ask() -> str | None:
            return (await context.ask(Ask(question="Sure?"))).input

        return asyncio.run(ask())

    assert (await call(book, Notes({"answer": "yes"}))).result == '{"answer":"yes"}'


async def test_a_context_is_told_from_a_thread_in_order() -> None:
    def work(context: ToolContext, count: int) -> Iterator[str]:
        for number in range(count):
            context.progress(f"said {number}")
            yield f"yielded {number}"
        context.executing(place="nowhere")
        context.progress("")
        context.progress("half \ud800")
        context.progress("over")

    notes = Notes()
    assert (await call(work, notes, count=100)).result == "yielded 99"
    said = [text for text in notes.told if text.startswith("said")]
    yielded = [text for text in notes.told if text.startswith("yielded")]
    assert said == [f"said {number}" for number in range(100)]
    assert yielded == [f"yielded {number}" for number in range(100)]
    assert notes.told[0] == "executing"
    assert notes.told[-2:] == ["half ?", "over"]


async def test_what_is_said_on_the_loop_is_told_at_once() -> None:
    async def work(context: ToolContext) -> list[str]:
        context.progress("now")
        return list(notes.told)

    notes = Notes()
    assert (await call(work, notes)).result == '["executing","now"]'


async def test_a_context_says_whose_call_it_is() -> None:
    async def who(context: ToolContext) -> list[str]:
        return [context.session_id, context.run_id, context.actor]

    assert (await call(who)).result == '["c-1","run-1","ada"]'


async def test_a_context_is_mute_when_the_call_is_over() -> None:
    kept: list[ToolContext] = []

    async def keep(context: ToolContext) -> None:
        kept.append(context)

    notes = Notes({"answer": "too late"})
    await call(keep, notes)
    kept[0].progress("late")
    with pytest.raises(ToolError, match="the call is over"):
        await kept[0].ask(Ask(question="late?"))
    await asyncio.sleep(0)
    assert notes.told == ["executing"]


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
