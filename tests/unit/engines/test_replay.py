"""A script that goes on after a restart does what is left of it, and nothing twice (TL9)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from webchat_nb.chat.engine import (
    CANNOT_GO_ON,
    ApprovalAsked,
    EngineEvent,
    Recorded,
    TextDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
)
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.engines.past import LOST
from webchat_nb.engines.script import parse_script
from webchat_nb.engines.scripted import ScriptedEngine
from webchat_nb.engines.signals import Signals
from webchat_nb.errors import EngineError
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.engine_contract import ToolDrawer, ask

pytestmark = pytest.mark.rule("TL9")

PLAN = EnginePlan(profile="p", engine="e")
YES, NO = ToolDecision(is_approved=True), ToolDecision(is_approved=False, reason="No.")


class Desk:
    """Decides at once."""

    def __init__(self, *decisions: ToolDecision) -> None:
        self.decisions = list(decisions)

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        return self.decisions.pop(0)


def step(**call: Any) -> dict[str, Any]:
    return {"call": {"tool": "a", "args": {"n": 1}, **call}}


ASKING = step(approval=True, result="done")
INPUT = '{"n": 1}'


def log(number: int, *more: Recorded) -> list[Recorded]:
    id = f"t-1:call:{number}"
    return [ToolCallStarted(id, "a"), ToolCallRequested(id, INPUT), *more]


def asked(number: int) -> ApprovalAsked:
    id = f"t-1:call:{number}"
    return ApprovalAsked(approval_id=f"{id}:approval", call_id=id, tool_name="a", input=INPUT)


def result(number: int, text: str = "done", *, is_error: bool = False) -> ToolCallResult:
    return ToolCallResult(f"t-1:call:{number}", text, is_error)


async def left_of(
    steps: list[dict[str, Any]], so_far: list[Recorded], *decisions: ToolDecision, **request: Any
) -> list[EngineEvent]:
    """What the engine yields; time stands still, and no signal comes."""
    script = {"script": 1, "strict": True, "defaults": {"delay_ms": 5}, "turns": [{"match": "hi", "steps": steps}]}
    engine = ScriptedEngine(parse_script(msgspec.json.encode(script).decode()), ManualClock(), Signals())
    request = {"plan": PLAN, "approvals": Desk(*decisions), "so_far": so_far, **request}
    return [record async for record in engine.run(ask(**request))]


async def test_what_is_in_the_log_is_passed_over_without_its_waits() -> None:
    steps = [{"think": "Hm."}, {"say": "Let me see."}, {"wait_for": "go"}, {"wait_ms": 10**6}, step(result="x"), ASKING]
    so_far = [TextDelta("Let me see."), *log(1, ToolCallExecuting("t-1:call:1"), result(1, "x")), *log(2, asked(2))]
    assert await left_of(steps, so_far, YES) == [asked(2), ToolCallExecuting("t-1:call:2"), result(2)]


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (YES, [ToolCallExecuting("t-1:call:1"), result(1)]),
        (NO, [result(1, "This call was not allowed. No.", is_error=True)]),
        (
            ToolDecision(is_approved=True, input='{"n": 2}'),
            [ToolCallRequested("t-1:call:1", '{"n": 2}'), ToolCallExecuting("t-1:call:1"), result(1)],
        ),
    ],
)
async def test_the_open_question_ends_as_it_is_decided(decision: ToolDecision, outcome: list[EngineEvent]) -> None:
    assert await left_of([ASKING], log(1, asked(1)), decision) == [asked(1), *outcome]


async def test_a_registered_tool_is_called_when_nobody_can_have_called_it() -> None:
    drawer = ToolDrawer(a="made")
    assert await left_of([step()], log(1, asked(1)), tools=drawer) == [
        ToolCallExecuting("t-1:call:1"),
        result(1, "made"),
    ]


@pytest.mark.parametrize("how", [step(), step(result="x", delay_ms=5)])
async def test_a_call_that_was_at_work_is_not_made_again(how: dict[str, Any]) -> None:
    drawer = ToolDrawer(a="made")
    question = ApprovalAsked(approval_id="t-1:ask:1", question="Which?")
    so_far = [*log(1, ToolCallExecuting("t-1:call:1")), question]
    records = await left_of([how, {"ask": {"question": "Which?"}}], so_far, YES, tools=drawer)
    assert records[0] == result(1, LOST, is_error=True)
    assert not drawer.used


@pytest.mark.parametrize(
    "steps",
    [
        [{"say": "nothing"}],
        [{"fail": {"message": "no"}}],
        [{"call": {"tool": "b", "args": {"n": 1}, "approval": True, "result": "x"}}],
        [{"call": {"tool": "a", "args": {"n": 2}, "approval": True, "result": "x"}}],
        [step(result="x")],
        [{"ask": {"question": "Which?"}}, ASKING],
        [step(result="x"), ASKING],
    ],
    ids=[
        "no call",
        "fails",
        "another tool",
        "other arguments",
        "nobody is asked",
        "a question before",
        "a call before",
    ],
)
async def test_another_script_does_not_go_on(steps: list[dict[str, Any]]) -> None:
    with pytest.raises(EngineError) as caught:
        await left_of(steps, log(1, asked(1)), YES)
    assert caught.value.engine_code == CANNOT_GO_ON


async def test_no_turn_for_the_prompt_does_not_go_on() -> None:
    with pytest.raises(EngineError) as caught:
        await left_of([ASKING], log(1, asked(1)), YES, prompt="another")
    assert caught.value.engine_code == CANNOT_GO_ON


async def test_what_comes_after_fails_as_it_says() -> None:
    with pytest.raises(EngineError, match="overloaded"):
        await left_of([ASKING, {"fail": {"message": "overloaded"}}], log(1, asked(1)), YES)
