"""Rounds and calls of a run that goes on (TL9)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from webchat_nb.chat.engine import (
    CANNOT_GO_ON,
    ApprovalAsked,
    EngineEvent,
    Finish,
    Recorded,
    TextDelta,
    ThinkingDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.steering import SteeredPrompt, SteeringInbox
from webchat_nb.chat.tools import ToolUse
from webchat_nb.engines.past import LOST, PastCall, rounds_of
from webchat_nb.engines.tool_loop import Dialogue, converse
from webchat_nb.errors import EngineError
from webchat_nb.testing.engine_contract import ToolDrawer, ask

pytestmark = pytest.mark.rule("TL9", "EN8")

PLAN = EnginePlan(profile="p", engine="e")


class Listening:
    """A model that ends at once, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def ask(self) -> AsyncIterator[EngineEvent]:
        for record in (TextDelta("done"), Usage(2, 1), Finish("stop")):
            yield record

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        texts = "".join([record.text for record in said if isinstance(record, TextDelta | ThinkingDelta)])
        self.told.append((texts, [call.use for call in calls]))

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        self.told.append(([result.result for result in results], list(prompts)))


def call(id: str, tool: str = "a", input: str = "{}") -> list[Recorded]:
    return [ToolCallStarted(id, tool, f"v{id}"), ToolCallRequested(id, input)]


def asked(id: str) -> ApprovalAsked:
    return ApprovalAsked(approval_id=f"{id}:approval", call_id=id)


async def go_on(so_far: list[Recorded], **request: Any) -> tuple[list[EngineEvent], list[Any]]:
    """What is yielded, and what the model was told."""
    model = Listening()

    async def begin() -> Dialogue:
        return model

    request = {"tools": ToolDrawer(a="made"), **request}
    return [record async for record in converse(begin, ask(plan=PLAN, so_far=so_far, **request))], model.told


async def test_each_call_is_what_the_log_says_of_it() -> None:
    drawer = ToolDrawer(a="made")
    so_far: list[Recorded] = [
        TextDelta("Well. "),
        *(record for id in "12345" for record in call(id)),
        Usage(10, 5),
        ToolCallExecuting("1"),
        ToolCallResult("1", "had"),
        ToolCallExecuting("2"),
        asked("3"),
        asked("4"),
        ToolCallExecuting("4"),
    ]
    records, told = await go_on(so_far, tools=drawer)
    lost = [record.call_id for record in records if isinstance(record, ToolCallResult) and record.result == LOST]
    assert lost == ["2", "4", "5"], "whatever may have been made, also the one that the log does not know"
    assert all(record.is_error for record in records if isinstance(record, ToolCallResult) and record.result == LOST)
    assert [use.call_id for use in drawer.used] == ["3"]
    assert told[1] == (["had", LOST, "made", LOST, LOST], [])
    assert records[-3:] == [TextDelta("done"), Usage(12, 6), Finish("stop")]


async def test_rounds_are_told_in_order_with_what_was_steered_between_them() -> None:
    inbox = SteeringInbox()
    inbox.put("r9", SteeredPrompt(message_id="m9", prompt="late"))
    so_far: list[Recorded] = [
        TextDelta("One. "),
        *call("1", "a", '{"n": 1}'),
        ToolCallResult("1", "first"),
        SteeredPrompt(message_id="m2", prompt="tea"),
        SteeredPrompt(message_id="m3", prompt="milk"),
        ThinkingDelta("Two. "),
        *call("2", "a", '{"n": 2}'),
        asked("2"),
        ToolCallRequested("2", '{"n": 3}'),  # as a person edited it
    ]
    _, told = await go_on(so_far, steering=inbox)
    assert told == [
        ("One. ", [ToolUse(call_id="1", name="a", input='{"n": 1}')]),
        (["first"], ["tea", "milk"]),
        ("Two. ", [ToolUse(call_id="2", name="a", input='{"n": 2}')]),
        (["made"], ["late"]),
    ]


@pytest.mark.parametrize(
    "so_far",
    [
        [TextDelta("in the middle of")],
        [*call("1"), ToolCallResult("1", "x"), TextDelta("and in the middle")],
        [ToolCallStarted("1", "a"), ToolCallRequested("1", "{}"), asked("1")],
    ],
)
async def test_what_cannot_be_told_again_is_not(so_far: list[Recorded]) -> None:
    with pytest.raises(EngineError) as caught:
        await go_on(so_far)
    assert caught.value.engine_code == CANNOT_GO_ON


def test_a_round_ends_with_its_first_result() -> None:
    so_far = [*call("1"), *call("2"), ToolCallResult("2", "x"), ToolCallResult("1", "y"), *call("3")]
    assert [[past.use.call_id for past in round.calls] for round in rounds_of(so_far)] == [["1", "2"], ["3"]]
