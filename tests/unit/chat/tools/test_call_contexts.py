"""TL3, TL5: what a function that is called as a tool says and asks through its context."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.chat.tools.calls import Notes, call
from webchat_nb.chat.tools import Ask, ToolContext
from webchat_nb.errors import ToolError

pytestmark = pytest.mark.rule("TL3")


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
