from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from webchat_nb.engines.script import Regex, Speech, parse_script, read_script
from webchat_nb.engines.script_files import builtin_names
from webchat_nb.engines.script_schema import SCHEMA_PATH, schema_text, script_schema
from webchat_nb.errors import ConfigError

PACKAGE = Path(__file__).parents[3] / "webchat_nb"
EXAMPLE = "script: 1\n" + (PACKAGE / "SPEC.md").read_text("utf-8").split("```yaml\nscript: 1\n")[1].split("```")[0]


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_script(text, source="s.yaml")
    return str(caught.value)


def steps_problem(step: str) -> str:
    """The error of a script whose turn 2 has `step` as its step 2, in line 6."""
    return problem(f"script: 1\nturns:\n- steps: []\n- steps:\n  - say: hi\n  - {step}\n")


def test_the_example_of_the_specification_is_read() -> None:
    script = parse_script(EXAMPLE)
    weather, anything = script.turns
    assert (script.defaults.chunk, script.defaults.delay_ms, script.strict) == ("word", 5, False)
    assert (weather.match, len(weather.steps)) == ("weather", 11)
    assert weather.steps[5].say == Speech("It is 18 degrees. ", repeat=1000)
    assert anything.steps[0].say == "You said: {prompt}"


def test_the_same_script_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(
        '{"script": 1, "strict": true,\n"turns": [{"match": {"regex": "^we"}, "steps": [{"wait_ms": 1.5}]}]}'
    )
    script = read_script(path)
    assert script.strict
    assert script.turns[0].match == Regex("^we")
    assert script.turns[0].steps[0].wait_ms == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml: expected object, got null"),
        ("strict: true", "s.yaml:1: expected the key 'script', got none"),
        ("script: 2\nturns: []", "s.yaml:1: script: expected 1, got 2"),
        ("script: 1\nturns: []", "s.yaml:2: turns: expected array of length >= 1, got []"),
        ("script: 1\nturn: []", "s.yaml:2: turn: expected one of script, turns, defaults, strict, got an unknown key"),
        (
            "script: 1\ndefaults:\n  chunk: line\nturns: [{steps: []}]",
            "s.yaml:3: defaults.chunk: expected 'all' or 'char' or 'word' or a whole number, got 'line'",
        ),
        ("script: 1\ndefaults: {delay_ms: -1}", "s.yaml:2: defaults.delay_ms: expected float >= 0.0, got -1"),
        ("script: 1\nturns:\n- match: a", "s.yaml:3: turns[0]: turn 1: expected the key 'steps', got none"),
        (
            "script: 1\nturns:\n- match: {regex: '('}\n  steps: []",
            "s.yaml:3: turns[0].match.regex: turn 1: expected a regular expression, got '(': "
            "missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_what_is_no_script_is_told_with_line_and_key(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("say: 5", ".say: turn 2, step 2: expected str | object, got int"),
        ("say: null", ".say: turn 2, step 2: expected str | object, got null"),
        ("shout: hi", ".shout: turn 2, step 2: expected one of think, say, call, ask, emit, wait_ms, wait_for, wait_for_steer, usage, fail, got an unknown key"),
        ("say: {text: a, times: 2}", ".say.times: turn 2, step 2: expected one of text, repeat, chunk, delay_ms, got an unknown key"),
        ("say: {text: a, repeat: 0}", ".say.repeat: turn 2, step 2: expected int >= 1, got 0"),
        ("{say: a, wait_ms: 1}", ": turn 2, step 2: expected exactly one of think, say, call, ask, emit, wait_ms, wait_for, wait_for_steer, usage, fail, got say and wait_ms"),
        ("{}", ": turn 2, step 2: expected exactly one of think, say, call, ask, emit, wait_ms, wait_for, wait_for_steer, usage, fail, got none"),
        ("call: {args: {}}", ".call: turn 2, step 2: expected the key 'tool', got none"),
        ("call: {tool: a, args: [1]}", ".call.args: turn 2, step 2: expected object, got array"),
        ("call: {tool: a, approval_expires_s: 0}", ".call.approval_expires_s: turn 2, step 2: expected float > 0.0, got 0"),
        ("call: {tool: a, result: 1, error: b}", ".call.error: turn 2, step 2: expected a result or an error, got both"),
        ("emit: {kind: a}", ".emit: turn 2, step 2: expected the key 'id', got none"),
        ("wait_for: ''", ".wait_for: turn 2, step 2: expected str of length >= 1, got ''"),
        ("fail: {retryable: true}", ".fail: turn 2, step 2: expected the key 'message', got none"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_done_is_told_with_its_turn_and_number(step: str, message: str) -> None:
    assert steps_problem(step) == f"s.yaml:6: turns[1].steps[1]{message}"


def test_the_published_schema_is_up_to_date() -> None:
    assert SCHEMA_PATH.read_text("utf-8") == schema_text(), "run: python -m webchat_nb.engines.script_schema"


@pytest.mark.parametrize("name", builtin_names())
def test_the_published_schema_accepts_every_builtin_script(name: str) -> None:
    text = (PACKAGE / "engines" / "scripts" / f"{name}.yaml").read_text("utf-8")
    validator().validate(yaml.safe_load(text))
    parse_script(text)


def test_the_published_schema_accepts_the_example_of_the_specification() -> None:
    validator().validate(yaml.safe_load(EXAMPLE))


@pytest.mark.parametrize(
    "step", [{}, {"say": "a", "wait_ms": 1}, {"shout": "a"}, {"say": {"text": "a", "chunk": "line"}}, {"wait_ms": -1}]
)
def test_the_published_schema_refuses_what_the_reader_refuses(step: dict[str, Any]) -> None:
    assert not validator().is_valid({"script": 1, "turns": [{"steps": [step]}]})


def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(script_schema())
    return jsonschema.Draft202012Validator(script_schema())
