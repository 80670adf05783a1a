"""What the log has of a run is what its engine yielded (TL9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.chat.blocks.agent_mode import TAG, AgentModePlugin
from webchat_nb.chat.engine import (
    ApprovalAsked,
    EmitEntity,
    TextDelta,
    ThinkingDelta,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallProgress,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plugins import ChatPlugin, RunIdentity
from webchat_nb.chat.plugins.answers import answer_plugin
from webchat_nb.chat.plugins.approvals import ApprovalPlugin
from webchat_nb.chat.plugins.reasoning import reasoning_plugin
from webchat_nb.chat.plugins.tool_calls import ToolCallPlugin
from webchat_nb.chat.schemas import register_schemas
from webchat_nb.chat.so_far import SoFar, read_so_far
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.chat.translator import RunTranslator
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.stream import LoggedEvent, Ordinal, SchemaRegistry, session_id

pytestmark = pytest.mark.rule("TL9")

RUN = RunIdentity(session_id=session_id("c"), run_id="r1", root_id="t", message_id="t-user", now_ms=lambda: 0)


def read(*told: Any) -> SoFar:
    """The past of a run: records go the way that the driver sends them, events are taken as they are."""
    plugins: Sequence[ChatPlugin] = [
        answer_plugin(),
        reasoning_plugin(),
        ToolCallPlugin(),
        ApprovalPlugin(),
        AgentModePlugin(),
    ]
    registry = SchemaRegistry()
    register_schemas(registry, plugins)
    translator = RunTranslator(RUN, plugins, registry)
    events: list[Any] = []
    for each in told:
        if hasattr(each, "DESCRIPTOR"):
            events.append(each)
        else:
            events += [event.payload for event in translator.translate(each)]
    log = [
        LoggedEvent(
            session_id=RUN.session_id, name=payload.DESCRIPTOR.name, payload=payload, ordinal=Ordinal(n), at_ms=0
        )
        for n, payload in enumerate(events, start=1)
    ]
    return read_so_far(log, RUN.run_id)


ASKED = ApprovalAsked(approval_id="1:approval", call_id="1", tool_name="burn", input='{"a": 1}', expires_at_ms=7)
CALL = [ToolCallStarted("1", "burn", "call_1"), ToolCallRequested("1", '{"a": 1}')]


def decided(status: str, id: str = "1:approval", **more: Any) -> ev.ChatToolApprovalDecided:
    return ev.ChatToolApprovalDecided(approval_id=id, status=status, **more)


def test_records_come_back_as_they_were() -> None:
    records = [
        ThinkingDelta("Hm. "),
        TextDelta("Let me see. "),
        *CALL,
        Usage(3, 4),
        ToolCallExecuting("1", "browser", '{"type": "object"}'),
        ToolCallResult("1", "seen", media_type="image/png", content="{}", attachment_id="a1"),
        TextDelta("Now "),
        ToolCallStarted("2", "ask"),
        ToolCallRequested("2", "{}"),
        ToolCallExecuting("2"),
        ApprovalAsked(approval_id="2:ask:1", call_id="2", input="{}", question="Which?", schema='{"type": "object"}'),
        ToolCallResult("2", "no", is_error=True),
    ]
    assert read(*records).records == records


def test_pieces_of_a_text_are_one_and_those_of_arguments_and_progress_are_left_out() -> None:
    past = read(
        *[TextDelta(piece) for piece in "word by word"],
        ToolCallStarted("1", "burn"),
        ToolCallArgumentsDelta("1", "{}"),
        ToolCallRequested("1", "{}"),
        ToolCallProgress("1", "nearly"),
        EmitEntity("ChatToolCall", "2", {"toolName": "x"}),
    )
    assert past.records == [TextDelta("word by word"), ToolCallStarted("1", "burn"), ToolCallRequested("1", "{}")]


def test_a_block_is_in_the_text_as_it_was_written() -> None:
    block = f'<{TAG}>{{"to": "planner", "analysis": "The task has several steps and then some more."}}</{TAG}>'
    text = f"Let me see. {block}I plan. "
    pieces = [TextDelta(text[start : start + 5]) for start in range(0, len(text), 5)]
    assert read(*pieces, ToolCallStarted("1", "x")).records[0] == TextDelta(text)
    broken = f'Well <{TAG}>{{"to": "pl'
    assert read(TextDelta(broken), ToolCallStarted("1", "x")).records[0] == TextDelta(broken)


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        ([], True),
        ([decided("approved")], True),
        ([decided("denied")], True),
        ([decided("expired")], True),
        ([decided("edited", input="{}"), ToolCallRequested("1", "{}")], True),
        ([decided("approved"), ToolCallExecuting("1")], False),
        ([decided("denied"), ToolCallResult("1", "not allowed", is_error=True)], False),
    ],
)
def test_it_waits_until_somebody_acts_upon_what_was_decided(after: list[Any], waits: bool) -> None:
    past = read(*CALL, ASKED, *after)
    assert past.waits is waits
    assert past.questions == {"1:approval": ASKED}


def test_a_question_of_the_engine_is_heard_when_the_engine_goes_on() -> None:
    asked = ApprovalAsked(approval_id="q", question="Which?")
    assert read(TextDelta("x"), asked, decided("approved", "q", input="{}")).waits
    assert not read(asked, decided("approved", "q", input="{}"), TextDelta("x")).waits


def test_decisions_are_those_of_this_run() -> None:
    past = read(decided("denied", "of another run"), *CALL, ASKED, decided("edited", input='{"a": 2}'))
    assert past.decisions == {"1:approval": ToolDecision(is_approved=True, input='{"a": 2}')}


def test_an_open_question_of_a_tool_that_was_at_work_is_lost() -> None:
    asked = ApprovalAsked(approval_id="1:ask:1", call_id="1", question="Which?")
    past = read(*CALL, ToolCallExecuting("1"), asked, ApprovalAsked(approval_id="q", question="And?"))
    assert (past.waits, past.lost_questions) == (True, ["1:ask:1"])


@pytest.mark.rule("RN13")
def test_what_was_steered_stands_where_it_was_taken() -> None:
    def steered(own: str, prompt: str, run_id: str = "r1") -> ev.ChatUserMessageSteered:
        return ev.ChatUserMessageSteered(message_id=f"{own}-user", run_id=run_id, prompt=prompt, own_run_id=own)

    past = read(
        TextDelta("Yes?"),
        steered("r2", "tea"),
        steered("r3", "milk"),
        steered("r4", "dropped"),
        steered("r5", "elsewhere", run_id="r0"),
        ev.ChatSteeringTaken(run_id="r1", own_run_id="r2"),
        ev.ChatInferenceQueued(run_id="r4"),
        ev.ChatInferenceStopped(run_id="r4"),
        TextDelta("Tea."),
    )
    assert past.records == [TextDelta("Yes?"), SteeredPrompt(message_id="r2-user", prompt="tea"), TextDelta("Tea.")]
    assert past.untaken == {"r3": SteeredPrompt(message_id="r3-user", prompt="milk")}
