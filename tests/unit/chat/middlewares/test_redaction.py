"""Redaction: what is found, that streaming changes nothing, that time is bounded, and that it fails closed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.chat.middlewares.engines import PlayedEngine, heard, history, request, text_of, wrapped
from webchat_nb.chat.engine import ApprovalAsked, EngineEvent, Finish, TextDelta, ThinkingDelta, ToolCallStarted, Usage
from webchat_nb.chat.middlewares.redaction_patterns import BUILTIN_PATTERNS, Budget, OwnPattern, PatternTimeoutError
from webchat_nb.chat.middlewares.redactor import RedactedStream, Redactor
from webchat_nb.chat.steering import SteeredPrompt, SteeringInbox
from webchat_nb.chat.tools import Tell, ToolDecision, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.errors import EngineError

OWN = OwnPattern("ticket", r"\bTICKET-\d{3,5}\b", max_chars=12, ignore_case=False)
ALL = Redactor([*BUILTIN_PATTERNS.values(), OWN], "[{name}]")


def budget() -> Budget:
    return Budget(lambda: 0.0)


@pytest.mark.rule("MW4")
@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to ann.b+c@mail.example.org, please", "write to [email], please"),
        ("<ann@example.org>", "<[email]>"),
        ("ann@example.org.", "[email]."),
        ("ann@example.org-x and a@b", "[email]-x and a@b"),
        ("key sk-proj-abcDEF123456ghiJKL7890 end", "key [api_key] end"),
        ("ghp_1234567890abcdefghijABCDEFGHIJ123456", "[api_key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[api_key]"),
        ("task-list-of-things-to-do-1 sk-learn", "task-list-of-things-to-do-1 sk-learn"),
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("pay DE89370400440532013000 now", "pay [iban] now"),
        ("gb82west12345698765432", "[iban]"),
        ("DE88 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),  # a wrong checksum
        ("GB82 WEST 1234 5698 7654 32 THANK YOU", "[iban] THANK YOU"),
        ("4111 1111 1111 1111", "[credit_card]"),
        ("card 4111-1111-1111-1111, 12/29", "card [credit_card], 12/29"),
        ("order 17 4111 1111 1111 1111 05 2027", "order 17 [credit_card] 05 2027"),
        ("378282246310005", "[credit_card]"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),  # a wrong checksum
        ("at 1700000000000 ms", "at 1700000000000 ms"),
        ("TICKET-123 and TICKET-123456", "[ticket] and TICKET-123456"),
    ],
)
def test_what_is_found(text: str, redacted: str) -> None:
    assert ALL.redact(text, budget()) == redacted


SECRETS = st.sampled_from(
    [
        "ann.b@example.org",
        "a@b.c.de",
        "sk-proj-abcDEF123456ghiJKL7890",
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "378282246310005",
        "TICKET-1234",
        "4" * 25,
        "sk-",
        "x@",
        "DE89 ",
        "word ",
        "a" * 70,
    ]
)
TEXTS = st.lists(SECRETS | st.text("aZ09 @.-_\nKD", max_size=6), max_size=8).map("".join)


def cut(text: str, places: Sequence[int]) -> list[str]:
    edges = [0, *sorted(place for place in places if place < len(text)), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(edges)]


@pytest.mark.rule("MW4")
@given(text=TEXTS, places=st.lists(st.integers(0, 120), max_size=12))
def test_however_a_text_is_cut_the_same_comes_out(text: str, places: list[int]) -> None:
    whole = ALL.redact(text, budget())
    for pieces in (cut(text, places), list(text)):
        stream = RedactedStream(ALL, budget())
        assert "".join([stream.feed(piece) for piece in pieces]) + stream.finish() == whole


@pytest.mark.rule("MW4")
@pytest.mark.parametrize("text", ["Qzzzzzzzz", "aQzzQ", "Qz", "Q" * 9])
def test_a_match_does_not_depend_on_what_comes_far_behind_it(text: str) -> None:
    redactor = Redactor([OwnPattern("greedy", "Q(?:z{6})?", max_chars=3, ignore_case=False)], "*")
    stream = RedactedStream(redactor, budget())
    assert "".join([stream.feed(piece) for piece in text]) + stream.finish() == redactor.redact(text, budget())
    assert redactor.redact(text, budget()) == text.replace("Q", "*")


@pytest.mark.rule("MW4")
def test_text_that_can_be_no_match_is_not_held_back() -> None:
    stream = RedactedStream(Redactor(list(BUILTIN_PATTERNS.values()), "*"), budget())
    assert stream.feed("Hello, world. ") == "Hello, world. "
    assert stream.feed("It is ann@example.org") == "It is "
    assert stream.feed(", ok") == "*, "


@pytest.mark.rule("MW4")
async def test_what_goes_to_the_engine_is_redacted_and_the_answer_is_not_unless_asked() -> None:
    engine = PlayedEngine([TextDelta("write to bob@example.org")])
    asked = request("I am ann@example.org", system_prompt="desk@example.org", history=history("eve@example.org", "hi"))
    assert await text_of(wrapped(engine, "redaction"), asked) == "write to bob@example.org"
    (sent,) = engine.requests
    assert sent.prompt == "I am [email]"
    assert [message.content for message in sent.history] == ["[email]", "hi"]
    assert sent.plan.system_prompt == "desk@example.org"

    config = {"places": ["system_prompt"], "replacement": "({name} removed)"}
    await heard(wrapped(engine, "redaction", config), asked)
    assert engine.requests[1].plan.system_prompt == "(email removed)"
    assert engine.requests[1].prompt == "I am ann@example.org"


class Tools:
    """A box with one tool, which knows an address."""

    def schemas(self) -> Sequence[ToolSchema]:
        return ()

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        return ToolOutcome(result=f"{use.input} is ann@example.org")

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        return ToolDecision(is_approved=False, reason="ask ann@example.org")


@pytest.mark.rule("MW4")
async def test_tool_results_and_steered_prompts_are_redacted_too() -> None:
    inbox = SteeringInbox()
    inbox.put("run-2", SteeredPrompt(message_id="m", prompt="ask bob@example.org"))
    engine = PlayedEngine([])
    await heard(wrapped(engine, "redaction"), request(tools=Tools(), steering=inbox))
    (sent,) = engine.requests
    assert sent.tools is not None
    use = ToolUse(call_id="1", name="find", input="eve@example.org")
    outcome = await sent.tools.call(use, lambda news: None)
    assert outcome.result == "[email] is [email]"
    assert (await sent.tools.decide(use, lambda _: None)).reason == "ask [email]"
    await asyncio.wait_for(sent.steering.arrived(), 5)
    assert [steered.prompt for steered in sent.steering.take()] == ["ask [email]"]
    assert list(inbox.to_record()) == ["run-2"]


class Desk:
    """Somebody who says the same to everything; fits ``Approvals``."""

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        said = '{"answer": "eve@example.org", "more": [{"n": 1}, "bob@example.org"]}'
        return ToolDecision(is_approved=True, input=said, reason="ask bob@example.org")


@pytest.mark.rule("TL5")
async def test_answers_of_a_person_are_redacted_and_edited_arguments_are_not() -> None:
    asked = [
        ApprovalAsked(approval_id="q", question="Who?"),
        ApprovalAsked(approval_id="a", call_id="1", input="{}"),
    ]
    engine = PlayedEngine(asked)
    await heard(wrapped(engine, "redaction"), request(approvals=Desk()))
    (sent,) = engine.requests
    assert sent.approvals is not None
    answer, edited = await sent.approvals.decision("q"), await sent.approvals.decision("a")
    assert json.loads(answer.input or "") == {"answer": "[email]", "more": [{"n": 1}, "[email]"]}
    assert "eve@example.org" in (edited.input or "")
    assert (answer.reason, edited.reason) == ("ask [email]", "ask [email]")


@pytest.mark.rule("MW4")
async def test_an_answer_is_redacted_over_the_borders_of_its_pieces() -> None:
    config = {"places": ["answer"]}
    records: list[EngineEvent] = [
        ThinkingDelta("is it ann@exa"),
        ThinkingDelta("mple.org?"),
        TextDelta("ann@"),
        Usage(1, 2),
        TextDelta("example.org"),
        ToolCallStarted("1", "find"),
        TextDelta(".org 4111 1111 1111"),
        TextDelta(" 1111"),
        Finish("stop"),
    ]
    told = await heard(wrapped(PlayedEngine(records), "redaction", config))
    assert [record for record in told if not isinstance(record, Usage)] == [
        ThinkingDelta("is it "),
        ThinkingDelta("[email]?"),
        TextDelta("[email]"),
        ToolCallStarted("1", "find"),
        TextDelta(".org "),
        TextDelta("[credit_card]"),
        Finish("stop"),
    ]
    unended = PlayedEngine([TextDelta("ann@example.org")])
    assert await text_of(wrapped(unended, "redaction", config)) == "[email]"


@pytest.mark.rule("MW4")
async def test_a_pattern_that_takes_too_long_ends_the_run_and_nothing_goes_on() -> None:
    config = {"own": [{"name": "slow", "regex": "(a|a)+$"}], "patterns": []}
    engine = PlayedEngine([])
    with pytest.raises(EngineError, match="'slow' took too long") as failed:
        await heard(wrapped(engine, "redaction", config), request("a" * 40 + "b"))
    assert failed.value.engine_code == "redaction_timeout" and engine.requests == []


@pytest.mark.rule("MW4")
def test_many_slow_searches_are_too_long_together() -> None:
    now = itertools.count(step=0.09)
    slow = Budget(lambda: float(next(now)))
    pattern = OwnPattern("own", "a", max_chars=5, ignore_case=False)
    with pytest.raises(PatternTimeoutError):
        Redactor([pattern], "*").redact("a" * 50, slow)


@pytest.mark.rule("MW4")
@pytest.mark.parametrize("regex", ["(", "a*", "[z-a]", "(?P<x>a)(?P<x"])
def test_an_own_pattern_must_be_one_and_match_something(regex: str) -> None:
    with pytest.raises(ValueError, match="expected a regular expression"):
        OwnPattern("own", regex, max_chars=10, ignore_case=False)


def test_an_own_match_is_no_longer_than_it_may_be() -> None:
    pattern = OwnPattern("x", "[A-Z]+", max_chars=4, ignore_case=False)
    assert Redactor([pattern], "*").redact("AB CDEF", budget()) == "* *"
    assert Redactor([OwnPattern("x", "x[a-z]+y", max_chars=4, ignore_case=True)], "*").redact(
        "XaaaaY xaY", budget()
    ) == ("XaaaaY *")
