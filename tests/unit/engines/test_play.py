from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from webchat_nb.chat.engine import (
    EmitEntity,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.play import AwaitSignal, Pause, play
from webchat_nb.engines.script import Script, parse_script
from webchat_nb.errors import EngineError


def ask(prompt: str = "hi", *, turn: int = 1) -> RunRequest:
    plan = EnginePlan(profile="default", engine="scripted")
    return RunRequest(session_id="c", run_id="r", root_id="m1", prompt=prompt, turn=turn, history=(), plan=plan)


def script_of(*steps: Any, **keys: Any) -> Script:
    return parse_script(json.dumps({"script": 1, "turns": [{"steps": steps}], **keys}), form="json")


def acts(*steps: Any, prompt: str = "hi", turn: int = 1, **keys: Any) -> list[Any]:
    return list(play(script_of(*steps, **keys), ask(prompt, turn=turn)))


def test_the_first_turn_that_fits_is_used_and_may_be_used_again() -> None:
    turns = [
        {"match": "weather", "steps": [{"say": "one"}]},
        {"match": {"regex": r"(?i)^WE\b"}, "steps": [{"say": "two"}]},
        {"match": "we", "steps": [{"say": "three"}]},
        {"steps": [{"say": "four"}]},
    ]
    script = parse_script(json.dumps({"script": 1, "turns": turns}), form="json")
    prompts = ["the weather", "the weather", "we two", "well", "Weather"]
    assert [list(play(script, ask(prompt))) for prompt in prompts] == [
        [TextDelta(word)] for word in ["one", "one", "two", "three", "four"]
    ]


def test_without_a_fitting_turn_a_strict_script_fails_and_another_says_so() -> None:
    text = "script: 1\nturns: [{match: x, steps: []}]\ndefaults: {chunk: all}\n"
    assert list(play(parse_script(text), ask())) == [TextDelta("(the script has no turn for this prompt)")]
    with pytest.raises(EngineError, match="no turn matches") as caught:
        list(play(parse_script(text + "strict: true"), ask()))
    assert caught.value.engine_code == "no_turn_matches"


def test_thoughts_and_texts_come_in_pieces() -> None:
    assert acts({"think": "let me see"}, {"say": {"text": "abc", "chunk": 2}}) == [
        *(ThinkingDelta(word) for word in ["let ", "me ", "see"]),
        TextDelta("ab"),
        TextDelta("c"),
    ]


def test_a_repeated_text_is_cut_anew_each_time_and_made_only_when_asked_for() -> None:
    assert acts({"say": {"text": "a b", "repeat": 2}}) == [TextDelta("a "), TextDelta("b")] * 2
    endless = play(script_of({"say": {"text": "a", "repeat": 10**12}}), ask())
    assert list(itertools.islice(endless, 3)) == [TextDelta("a")] * 3


def test_the_first_piece_waits_first_delay_and_each_other_one_its_own_delay() -> None:
    defaults = {"delay_ms": 5, "first_delay_ms": 250}
    assert acts({"think": "a b"}, {"say": {"text": "c", "delay_ms": 7}}, {"say": "d"}, defaults=defaults) == [
        Pause(0.25),
        ThinkingDelta("a "),
        Pause(0.005),
        ThinkingDelta("b"),
        Pause(0.007),
        TextDelta("c"),
        Pause(0.005),
        TextDelta("d"),
    ]


def test_without_delays_there_is_no_pause() -> None:
    steps = [{"say": {"text": "a b c", "repeat": 10}}, {"wait_ms": 0}, {"call": {"tool": "t", "args": {"a": 1}}}]
    assert not [act for act in acts(*steps) if isinstance(act, Pause)]


def test_a_tool_call_streams_its_arguments_and_works_for_its_delay() -> None:
    call = {"tool": "get_weather", "args": {"city": "Köln", "days": 2}, "result": {"celsius": 18}, "delay_ms": 20}
    assert acts({"call": call}) == [
        ToolCallStarted("m1:call:1", "get_weather"),
        *(ToolCallArgumentsDelta("m1:call:1", piece) for piece in ['{"city": ', '"Köln", ', '"days": ', "2}"]),
        ToolCallRequested("m1:call:1", '{"city": "Köln", "days": 2}'),
        ToolCallExecuting("m1:call:1"),
        Pause(0.02),
        ToolCallResult("m1:call:1", '{"celsius": 18}'),
    ]


@pytest.mark.parametrize(
    ("call", "result", "is_error"),
    [
        ({"result": "ok"}, "ok", False),
        ({"result": None}, "null", False),
        ({"result": "{prompt}!"}, "hi!", False),
        ({"error": "no {prompt}"}, "no hi", True),
        ({}, "no tool t is registered", True),
    ],
)
def test_a_tool_call_ends_with_its_result_or_its_error(call: dict[str, Any], result: str, is_error: bool) -> None:
    assert acts({"call": {"tool": "t", **call}})[-1] == ToolCallResult("m1:call:1", result, is_error)


def test_each_call_of_a_run_has_an_id_of_its_own() -> None:
    started = [act for act in acts(*[{"call": {"tool": "t"}}] * 3) if isinstance(act, ToolCallStarted)]
    assert [act.call_id for act in started] == ["m1:call:1", "m1:call:2", "m1:call:3"]


def test_prompt_and_turn_are_filled_in_everywhere() -> None:
    call = {"tool": "t", "args": {"q": ["{prompt}", {"{turn}": "{turn}"}]}, "result": {"a": "{prompt}"}}
    emit = {"kind": "Plan", "id": "plan-{turn}", "payload": {"title": "{prompt}"}}
    played = acts(
        {"call": call}, {"emit": emit}, {"say": "{prompt} {x}"}, prompt='"{turn}"', turn=4, defaults={"chunk": "all"}
    )
    requested = next(act for act in played if isinstance(act, ToolCallRequested))
    assert json.loads(requested.input) == {"q": ['"{turn}"', {"{turn}": "4"}]}
    assert json.loads(next(act for act in played if isinstance(act, ToolCallResult)).result) == {"a": '"{turn}"'}
    assert played[-2:] == [EmitEntity("Plan", "plan-4", {"title": '"{turn}"'}), TextDelta('"{turn}" {x}')]


def test_waits_signals_and_usage_are_acts() -> None:
    usage = {"input_tokens": 10, "output_tokens": 20}
    assert acts({"wait_ms": 100}, {"wait_for": "go"}, {"usage": usage}) == [
        Pause(0.1),
        AwaitSignal("go"),
        Usage(10, 20),
    ]


def test_a_failure_comes_after_what_was_said_and_nothing_comes_after_it() -> None:
    fail = {"message": "model overloaded by {prompt}", "retryable": True, "code": "overloaded"}
    playing = play(script_of({"say": "a"}, {"fail": fail}, {"say": "b"}), ask())
    assert next(playing) == TextDelta("a")
    with pytest.raises(EngineError, match=r"^model overloaded by hi$") as caught:
        next(playing)
    assert (caught.value.engine_code, caught.value.retryable) == ("overloaded", True)
    assert list(playing) == []
