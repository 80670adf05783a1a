"""TL3: how a function's call ends that fails or is called off."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.unit.chat.tools.calls import Notes, call, failed
from webchat_nb.chat.tools import Ask, ToolContext
from webchat_nb.errors import ToolError

pytestmark = pytest.mark.rule("TL3")


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
