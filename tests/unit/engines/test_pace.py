from __future__ import annotations

import json
from typing import Any

import pytest

from webchat_nb.chat.engine import ToolCallRequested
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.play import CallTool, Pause, play
from webchat_nb.engines.script import parse_script
from webchat_nb.errors import ConfigError
from webchat_nb.testing.engine_contract import ToolDrawer, ask

PLAN = EnginePlan(profile="p", engine="scripted")
TIMING = {"first_token_ms": 300, "tokens_per_s": 50, "jitter": 0.3, "seed": 1}


def pauses(timing: dict[str, Any], *, turn: int = 1, words: int = 200) -> list[float]:
    step = {"say": {"text": "word ", "repeat": words}}
    document = {"script": 1, "defaults": {"timing": timing}, "turns": [{"steps": [step]}]}
    request = ask(plan=PLAN)
    request = type(request)(**{name: getattr(request, name) for name in request.__struct_fields__} | {"turn": turn})
    acts = play(parse_script(json.dumps(document), form="json"), request)
    return [act.delay_s for act in acts if isinstance(act, Pause)]


@pytest.mark.rule("EN7")
def test_a_pace_is_the_same_each_time_and_another_for_another_seed_or_turn() -> None:
    assert pauses(TIMING) == pauses(TIMING)
    assert pauses(TIMING) != pauses(TIMING | {"seed": 2})
    assert pauses(TIMING) != pauses(TIMING, turn=2)


@pytest.mark.rule("EN7")
def test_a_pace_has_a_first_wait_a_rate_and_a_jitter() -> None:
    first, *others = pauses(TIMING)
    assert 0.21 <= first <= 0.39
    assert all(0.014 <= each <= 0.026 for each in others)
    assert len(set(others)) > 100
    assert sum(others) / len(others) == pytest.approx(0.02, rel=0.05)
    assert len(others) == 199


@pytest.mark.rule("EN7")
def test_without_jitter_a_pace_is_even() -> None:
    assert pauses({"tokens_per_s": 100, "first_token_ms": 5}, words=4) == [0.005, 0.01, 0.01, 0.01]


@pytest.mark.rule("EN7")
@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ({"timing": {"tokens_per_s": 0}}, "tokens_per_s"),
        ({"timing": {"tokens_per_s": 5, "jitter": 1.5}}, "jitter"),
        ({"timing": {}}, "tokens_per_s"),
        ({"timing": {"tokens_per_s": 5}, "delay_ms": 5}, "expected delays or timing, got both"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(defaults: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_script(json.dumps({"script": 1, "defaults": defaults, "turns": [{"steps": []}]}), form="json")


@pytest.mark.rule("EN8")
def test_a_call_without_a_result_is_made_by_the_registered_tool() -> None:
    document = {"script": 1, "turns": [{"steps": [{"call": {"tool": "weather", "args": {"city": "{prompt}"}}}]}]}
    script = parse_script(json.dumps(document), form="json")
    *_, requested, made = play(script, ask("Köln", plan=PLAN, tools=ToolDrawer(weather="18")))
    assert isinstance(requested, ToolCallRequested)
    assert isinstance(made, CallTool)
    assert (made.use.name, made.use.input) == ("weather", '{"city": "Köln"}')
