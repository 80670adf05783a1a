"""TL4, TL5: when a person is asked about a call, what becomes of what they say, and questions that a tool asks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.unit.chat.tools.boxes import DAYS, Given, Table, settled
from webchat_nb.chat.engine import ApprovalAsked, ToolCallExecuting, ToolCallRequested
from webchat_nb.chat.tools import Approval, Ask, ToolContext, ToolDecision, ToolOutcome, ToolUse

YES = ToolDecision(is_approved=True)
tl4 = pytest.mark.rule("TL4")
tl5 = pytest.mark.rule("TL5")


async def is_long(arguments: dict[str, Any]) -> bool:
    await asyncio.sleep(0)
    return bool(arguments["days"] > 3)


def broken(arguments: dict[str, Any]) -> bool:
    raise RuntimeError(arguments["days"])


@tl4
@pytest.mark.parametrize(
    ("approval", "profile", "days", "is_asked"),
    [
        ("never", None, 1, False),
        ("always", None, 1, True),
        (lambda arguments: arguments["days"] > 3, None, 1, False),
        (lambda arguments: arguments["days"] > 3, None, 4, True),
        (is_long, None, 3, False),
        (is_long, None, 4, True),
        (broken, None, 1, True),
        (is_long, None, "many", True),
        ("never", "always", 1, True),
        ("always", "never", 1, False),
        (broken, "never", 1, False),
    ],
)
async def test_who_says_whether_a_person_is_asked(
    approval: Approval, profile: str | None, days: Any, is_asked: bool
) -> None:
    table = Table(Given(approval=approval), approvals={"weather": profile} if profile else None)
    call = table.begin(input=json.dumps({"days": days}))
    await settled()
    assert bool(table.asked) == is_asked
    assert call.done() != is_asked
    if is_asked:
        table.desk.put("1:approval", YES)
    assert not (await call).is_error


@tl4
async def test_a_function_that_does_not_come_to_an_end_lets_a_person_be_asked() -> None:
    async def hangs(arguments: dict[str, Any]) -> bool:
        await asyncio.get_running_loop().create_future()
        return False

    table = Table(Given(approval=hangs, timeout_s=5))
    call = table.begin()
    await settled()
    table.clock.jump(5)
    await settled()
    assert len(table.asked) == 1
    table.desk.put("1:approval", YES)
    assert not (await call).is_error


@tl4
async def test_the_question_shows_the_arguments_and_the_form_they_are_edited_with() -> None:
    table = Table(Given(approval="always"), approval_expires_s=90)
    call = table.begin()
    await settled()
    (asked,) = table.asked
    assert asked == ApprovalAsked(
        approval_id="1:approval",
        call_id="1",
        tool_name="weather",
        input='{"days": 1}',
        expires_at_ms=table.clock.now_ms() + 90_000,
        schema=asked.schema,
    )
    assert json.loads(asked.schema) == DAYS
    assert table.news == [asked]
    table.clock.jump(80)  # a tool's own time does not run yet
    table.desk.put("1:approval", YES)
    assert not (await call).is_error


@tl4
async def test_edited_arguments_are_told_before_the_tool_works() -> None:
    table = Table(Given(approval="always"))
    call = table.begin()
    await settled()
    table.desk.put("1:approval", ToolDecision(is_approved=True, input='{"days": 7}'))
    assert (await call).result == '{"days": 7}'
    assert table.news[1:] == [ToolCallRequested("1", '{"days": 7}'), ToolCallExecuting("1")]


@tl4
@pytest.mark.rule("TL2")
async def test_a_denial_and_an_expiry_are_told_to_the_model() -> None:
    table = Table(Given(approval="always"), approval_expires_s=60)
    denied, expired = table.begin(id="1"), table.begin(id="2")
    await settled()
    table.desk.put("1:approval", ToolDecision(is_approved=False, reason="Not today."))
    table.clock.jump(60)
    assert [await denied, await expired] == [
        ToolOutcome(result="The user did not allow this call. Not today.", is_error=True),
        ToolOutcome(result="The user did not allow this call. Nobody decided in time.", is_error=True),
    ]
    assert not any(isinstance(item, ToolCallExecuting) for item in table.news)


@tl4
async def test_a_call_that_was_asked_about_is_not_asked_about_again() -> None:
    table = Table(Given(approval="always"))
    use = ToolUse(call_id="1", name="weather", input='{"days": 1}')
    decision = asyncio.create_task(table.box.decide(use, table.news.append))
    await settled()
    table.desk.put("1:approval", YES)
    assert (await decision).is_approved
    assert not (await table.call()).is_error
    assert len(table.asked) == 1


@tl4
async def test_one_approval_is_for_one_call() -> None:
    table = Table(Given(approval="always"))
    first = table.begin()
    await settled()
    table.desk.put("1:approval", YES)
    assert not (await first).is_error
    assert (await table.call(input='{"days": 99}')).is_error


@pytest.mark.rule("TL1", "EN3")
async def test_an_agents_own_tool_can_be_asked_about() -> None:
    table = Table()
    use = ToolUse(call_id="a", name="own", input="{}")
    decision = asyncio.create_task(table.box.decide(use, table.news.append))
    await settled()
    (asked,) = table.asked
    assert (asked.approval_id, asked.tool_name, asked.schema) == ("a:approval", "own", "")
    table.desk.put("a:approval", ToolDecision(is_approved=False, reason="No."))
    assert await decision == ToolDecision(is_approved=False, reason="No.")


def asking(*asks: Ask, name: str = "weather") -> Given:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        context.executing()
        decisions = [await context.ask(ask) for ask in asks]
        return ToolOutcome(result=" ".join(decision.input or decision.reason for decision in decisions))

    return Given(work=work, name=name, timeout_s=10)


@tl5
async def test_a_tool_asks_and_goes_on_with_the_answer() -> None:
    table = Table(asking(Ask(question="Where?"), Ask(question="How long?", schema=DAYS, expires_s=30)))
    call = table.begin()
    await settled()
    (first,) = table.asked
    assert (first.approval_id, first.question, first.call_id, first.tool_name) == ("1:ask:1", "Where?", "1", "weather")
    assert json.loads(first.schema)["properties"].keys() == {"answer"}
    assert first.expires_at_ms is None
    table.desk.put("1:ask:1", ToolDecision(is_approved=True, input='{"answer": "Köln"}'))
    _, second = await table.questions(2)
    assert (second.approval_id, json.loads(second.schema)) == ("1:ask:2", DAYS)
    assert second.expires_at_ms == table.clock.now_ms() + 30_000
    table.desk.put("1:ask:2", ToolDecision(is_approved=False, reason="Why?"))
    assert (await call).result == '{"answer": "Köln"} Why?'


@tl5
async def test_the_tools_time_stands_still_while_a_person_is_asked() -> None:
    go = asyncio.Event()

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        await begin.wait()
        await context.ask(Ask(question="Sure?"))
        await go.wait()
        return ToolOutcome(result="never")

    begin = asyncio.Event()
    table = Table(Given(work=work, timeout_s=10))
    call = table.begin()
    await settled()
    table.clock.jump(4)
    begin.set()
    await settled()
    table.clock.jump(3600)
    await settled()
    assert not call.done()
    table.desk.put("1:ask:1", YES)
    await settled()
    table.clock.jump(5.9)
    await settled()
    assert not call.done()
    table.clock.jump(0.1)
    assert (await call).result == "The tool took longer than 10 s."


@tl5
async def test_a_question_that_the_tool_gives_up_is_withdrawn_and_one_of_a_run_that_ends_is_left_to_it() -> None:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        asking = asyncio.create_task(context.ask(Ask(question="Sure?")))
        await settled()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return ToolOutcome(result="Nobody was there.")

    table = Table(Given(work=work), asking(Ask(question="Where?"), name="other"))
    assert (await table.call()).result == "Nobody was there."
    assert table.expired == ["1:ask:1"]
    call = table.begin("other", id="2")
    await settled()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert (len(table.asked), table.expired) == (2, ["1:ask:1"])


@tl5
async def test_several_questions_at_once_stop_the_time_until_the_last_is_answered() -> None:
    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        await asyncio.gather(context.ask(Ask(question="One?")), context.ask(Ask(question="Two?")))
        return await asyncio.get_running_loop().create_future()

    table = Table(Given(work=work, timeout_s=10))
    call = table.begin()
    await settled()
    table.desk.put("1:ask:2", YES)
    await settled()
    table.clock.jump(100)
    await settled()
    assert not call.done()
    table.desk.put("1:ask:1", YES)
    await settled()
    table.clock.jump(10)
    assert (await call).is_error


@tl5
async def test_who_asks_after_the_call_is_told_that_it_has_ended() -> None:
    kept: list[ToolContext] = []

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        kept.append(context)
        return ToolOutcome(result="done")

    table = Table(Given(work=work))
    await table.call()
    assert await kept[0].ask(Ask(question="?")) == ToolDecision(is_approved=False, reason="The call has ended.")
    assert not table.news


@tl5
async def test_a_tools_question_expires_as_the_limits_say() -> None:
    table = Table(asking(Ask(question="Where?")), approval_expires_s=60)
    call = table.begin()
    await settled()
    table.clock.jump(60)
    assert (await call).result == "Nobody decided in time."


@tl5
@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (Ask(question=" "), "the question cannot be asked: question: expected words for the person, got none"),
        (Ask(question="?", schema={"type": "string"}), "the question cannot be asked: schema.type: expected 'object'"),
        (
            Ask(question="?", schema={"type": "object", "properties": {"a": {"type": "no"}}}),
            "the question cannot be asked: schema.properties.a.type: ",
        ),
    ],
)
async def test_a_question_that_cannot_be_asked_fails_the_call(ask: Ask, told: str) -> None:
    table = Table(asking(ask))
    outcome = await table.call()
    assert outcome.is_error and outcome.result.startswith(told)
    assert not table.asked
