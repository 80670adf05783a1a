"""Middlewares around a run that goes on after a restart (TL9)."""

from __future__ import annotations

import json

import pytest

from tests.unit.chat.middlewares.engines import PlayedEngine, heard, request, wrapped
from webchat_nb.chat.engine import (
    ApprovalAsked,
    GoesOn,
    Recorded,
    TextDelta,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
)
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.errors import EngineError

pytestmark = pytest.mark.rule("TL9")


class Going(PlayedEngine):
    goes_on = True


class Desk:
    """Somebody who gives an address."""

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        return ToolDecision(is_approved=True, input='{"answer": "eve@example.org"}')


def call(id: str) -> list[Recorded]:
    return [ToolCallStarted(id, "a", "v"), ToolCallRequested(id, "{}")]


@pytest.mark.rule("MW1")
def test_an_engine_goes_on_inside_its_middlewares_too() -> None:
    for inner, goes_on in ((Going([]), True), (PlayedEngine([]), False)):
        engine = wrapped(inner, "retry")
        assert isinstance(engine, GoesOn) and engine.goes_on is goes_on


async def test_rounds_of_before_count() -> None:
    so_far = [*call("1"), ToolCallResult("1", "x"), *call("2")]
    engine = wrapped(Going([ToolCallResult("2", "y"), *call("3")]), "step_limit", {"max_rounds": 2})
    with pytest.raises(EngineError, match="its limit is 2 rounds"):
        await heard(engine, request(so_far=so_far))
    again = wrapped(Going([ToolCallResult("2", "y"), *call("3")]), "step_limit", {"max_rounds": 3})
    assert len(await heard(again, request(so_far=so_far))) == 3


async def test_what_was_steered_and_answered_before_is_redacted() -> None:
    so_far: list[Recorded] = [
        TextDelta("Yes?"),
        SteeredPrompt(message_id="m", prompt="ask eve@example.org"),
        ApprovalAsked(approval_id="q", question="Who?"),
    ]
    engine = Going([TextDelta("Done.")])
    await heard(wrapped(engine, "redaction"), request(so_far=so_far, approvals=Desk()))
    (sent,) = engine.requests
    assert sent.so_far == [so_far[0], SteeredPrompt(message_id="m", prompt="ask [email]"), so_far[2]]
    assert sent.approvals is not None
    answer = await sent.approvals.decision("q")
    assert json.loads(answer.input or "") == {"answer": "[email]"}


async def test_a_run_that_begins_has_no_past_inside_them_either() -> None:
    engine = Going([TextDelta("Done.")])
    await heard(wrapped(engine, "redaction"), request())
    assert engine.requests[0].so_far is None
