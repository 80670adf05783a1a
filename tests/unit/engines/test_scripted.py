from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest, TextDelta, ThinkingDelta, ToolCallResult
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.script import parse_script
from webchat_nb.engines.scripted import ScriptedEngine, ScriptedFactory
from webchat_nb.engines.signals import Signals
from webchat_nb.errors import ConfigError, EngineError
from webchat_nb.stream.clock import Timer
from webchat_nb.testing.clock import ManualClock


class HurriedClock:
    """A clock on which every sleep is over at once; it remembers them."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return 0

    def steady_s(self) -> float:
        return sum(self.slept_s)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        raise NotImplementedError

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        await asyncio.sleep(0)


def plan(script: str | None) -> EnginePlan:
    return EnginePlan(profile="mine", engine="scripted", script=script)


def ask(prompt: str = "hi") -> RunRequest:
    return RunRequest(
        session_id="c", run_id="r", root_id="m1", prompt=prompt, turn=1, history=(), plan=plan("builtin:demo")
    )


def engine_of(steps: str, *, clock: HurriedClock | None = None, signals: Signals | None = None) -> ScriptedEngine:
    script = parse_script(f"script: 1\ndefaults: {{chunk: all}}\nturns: [{{steps: {steps}}}]")
    return ScriptedEngine(script, clock or HurriedClock(), signals or Signals())


async def collect(records: AsyncIterator[EngineEvent]) -> list[EngineEvent]:
    return [record async for record in records]


def answer(engine: Engine, prompt: str) -> str:
    records = asyncio.run(collect(engine.run(ask(prompt))))
    return "".join(record.text for record in records if isinstance(record, TextDelta))


def test_it_yields_the_records_and_sleeps_on_its_clock() -> None:
    clock = HurriedClock()
    engine = engine_of("[{say: a}, {wait_ms: 1500}, {say: b}]", clock=clock)
    assert answer(engine, "hi") == "ab"
    assert clock.slept_s == [1.5]


def test_a_script_without_delays_never_waits() -> None:
    running = engine_of("[{say: {text: 'a ', repeat: 1000, chunk: word}}]").run(ask())
    for _ in range(1000):
        with pytest.raises(StopIteration) as yielded:
            running.__anext__().__await__().send(None)  # anything awaited would be returned, not raised
        assert yielded.value.value == TextDelta("a ")


def test_a_waiting_script_goes_on_at_its_signal() -> None:
    async def main() -> None:
        signals = Signals()
        running = engine_of("[{say: a}, {wait_for: go}, {say: b}]", signals=signals).run(ask())
        assert await anext(running) == TextDelta("a")
        following = asyncio.ensure_future(anext(running))
        await signals.reached("go")
        signals.send("go")
        assert await following == TextDelta("b")

    asyncio.run(main())


def test_closing_a_run_while_it_waits_ends_it() -> None:
    async def main() -> None:
        signals = Signals()
        running = asyncio.create_task(collect(engine_of("[{wait_for: go}]", signals=signals).run(ask())))
        await signals.reached("go")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert signals.waiting_count("go") == 0

    asyncio.run(main())


def test_two_runs_of_one_engine_do_not_disturb_each_other() -> None:
    async def main() -> None:
        engine = engine_of("[{say: '{prompt} '}, {wait_ms: 1}, {say: '{prompt}'}]")
        first, second = await asyncio.gather(collect(engine.run(ask("a"))), collect(engine.run(ask("b"))))
        assert [first, second] == [[TextDelta("a "), TextDelta("a")], [TextDelta("b "), TextDelta("b")]]

    asyncio.run(main())


@pytest.mark.rule("PF1")
def test_an_engine_keeps_the_script_that_it_was_built_with(tmp_path: Path) -> None:
    path, clock = tmp_path / "s.yaml", ManualClock()
    build = ScriptedFactory(clock, Signals())
    path.write_text("script: 1\nturns: [{steps: [{say: old}]}]")
    version, old = build.version(plan(str(path))), build(plan(str(path)))

    path.write_text("script: 1\nturns: [{steps: [{say: new}]}]")
    clock.jump(1)
    assert build.version(plan(str(path))) != version
    assert answer(build(plan(str(path))), "hi") == "new"
    assert answer(old, "hi") == "old"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, r"profile 'mine': script: expected a file or builtin:NAME, got none"),
        ("builtin:dmeo", r"builtin:dmeo: expected one of builtin:demo, got an unknown name"),
        ("builtin:../../demo", r"expected one of builtin:demo"),
        ("/nowhere/s.yaml", r"/nowhere/s\.yaml: expected a readable file, got: No such file or directory"),
        ("a\0b.yaml", r"expected a readable file, got: "),
    ],
)
def test_a_plan_without_a_usable_script_builds_no_engine(script: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScriptedFactory(HurriedClock(), Signals())(plan(script))


def test_a_broken_script_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("script: 1\nturns:\n- steps:\n  - sya: hi\n")
    with pytest.raises(ConfigError, match=rf"^{path}:4: turns\[0\]\.steps\[0\]\.sya: turn 1, step 1: expected one of"):
        ScriptedFactory(HurriedClock(), Signals())(plan(str(path)))


class TestDemo:
    def play(self, prompt: str) -> tuple[str, list[Any], float]:
        """What the demo answers, all its records, and how long it takes in seconds."""
        clock = HurriedClock()
        engine = ScriptedFactory(clock, Signals())(plan("builtin:demo"))
        records = asyncio.run(collect(engine.run(ask(prompt))))
        text = "".join(record.text for record in records if isinstance(record, TextDelta))
        return text, records, clock.steady_s()

    @pytest.mark.parametrize("prompt", ["hello", "Hi!", "hey you", "Help"])
    def test_a_greeting_says_what_this_is(self, prompt: str) -> None:
        text, _, _ = self.play(prompt)
        assert "I am\nnot a model" in text
        assert "ChatWidget(profile=" in text

    def test_a_word_that_holds_a_greeting_is_none(self) -> None:
        assert self.play("what is this? they helped")[0].startswith("You wrote: ")

    def test_weather_thinks_and_calls_a_tool(self) -> None:
        text, records, _ = self.play("How is the Weather?")
        assert any(isinstance(record, ThinkingDelta) for record in records)
        assert [record.is_error for record in records if isinstance(record, ToolCallResult)] == [False]
        assert "18 °C" in text

    def test_long_is_long_enough_to_reload_in_the_middle(self) -> None:
        text, _, took_s = self.play("a long answer, please")
        assert 550 <= len(text.split()) <= 900
        assert 15 <= took_s <= 40

    def test_a_tool_error_does_not_end_the_answer(self) -> None:
        text, records, _ = self.play("tool error")
        assert [record.is_error for record in records if isinstance(record, ToolCallResult)] == [True]
        assert text.endswith("write **fail**.\n")

    def test_fail_fails_and_may_be_tried_again(self) -> None:
        with pytest.raises(EngineError, match="on purpose") as caught:
            self.play("fail")
        assert caught.value.retryable

    @pytest.mark.parametrize(("prompt", "part"), [("a table", "|---|"), ("some code", "```python")])
    def test_table_and_code_show_markdown(self, prompt: str, part: str) -> None:
        assert part in self.play(prompt)[0]

    def test_anything_else_is_echoed_with_a_list_of_what_to_try(self) -> None:
        text, _, _ = self.play("{turn} purple?")
        assert text.startswith("You wrote: {turn} purple?\n\nThat is turn 1 of")
        assert "`weather`" in text
