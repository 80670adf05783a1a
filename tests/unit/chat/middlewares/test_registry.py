"""Middlewares are found by name, checked before the conversation is touched, and stand in the order of the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.chat.chats import chat, entities, idle, submit, texts
from tests.unit.chat.middlewares.engines import PlayedEngine, heard, request
from webchat_nb.app import Config, build
from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest, TextDelta
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of
from webchat_nb.chat.middlewares.builtin import BUILTIN
from webchat_nb.chat.middlewares.registry import MiddlewareRegistry, installed_middlewares
from webchat_nb.chat.plan import EnginePlan, MiddlewareUse, Profile
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.errors import ConfigError, InvalidOverrideError
from webchat_nb.stream import session_id


class MarkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mark: str = "?"
    times: int = 1


class Mark:
    """Puts its mark behind the prompt and before each text."""

    def __init__(self, engine: Engine, config: MarkConfig, surroundings: Surroundings) -> None:
        self._engine, self._mark = engine, config.mark * config.times

    async def run(self, asked: RunRequest) -> AsyncIterator[EngineEvent]:
        asked = msgspec.structs.replace(asked, prompt=asked.prompt + self._mark)
        async with aclosing(records_of(self._engine, asked)) as records:
            async for record in records:
                yield TextDelta(self._mark + record.text) if isinstance(record, TextDelta) else record


MARK = MiddlewareFactory(config=MarkConfig, wrap=Mark)


def uses(*marks: str) -> list[MiddlewareUse]:
    return [MiddlewareUse("mark", {"mark": mark}) for mark in marks]


@pytest.mark.rule("MW1")
async def test_the_first_of_the_list_gets_the_request_first_and_each_record_last() -> None:
    engine = PlayedEngine([TextDelta("x")])
    told = await heard(MiddlewareRegistry({"mark": MARK}).wrap(engine, uses("a", "b", "c")), request("prompt "))
    assert engine.requests[0].prompt == "prompt abc"
    assert told == [TextDelta("abcx")]


@pytest.mark.rule("MW1")
async def test_closing_the_outermost_closes_the_engine() -> None:
    engine = PlayedEngine([TextDelta("x"), TextDelta("y")])
    every = [MiddlewareUse(name) for name in BUILTIN if name not in ("system_prompt", "history_window")]
    records = records_of(MiddlewareRegistry().wrap(engine, every), request())
    assert await anext(records) == TextDelta("x")
    await records.aclose()
    assert engine.closed_count == 1


@pytest.mark.rule("MW1")
def test_an_engine_takes_steered_prompts_inside_its_middlewares_too() -> None:
    class Steered(PlayedEngine):
        accepts_steering = True

    def accepts(engine: Engine) -> bool:
        return MiddlewareRegistry({"mark": MARK}).wrap(engine, uses("a")).accepts_steering  # type: ignore[attr-defined]

    assert accepts(Steered([])) and not accepts(PlayedEngine([]))


@pytest.mark.rule("MW2")
@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([{"name": "mark"}, {"name": "ghost"}], "overrides.middlewares[1].name: expected one of history_window, "),
        (
            [{"name": "mark"}, {"name": "history_window", "config": {"max_turns": "7"}}],
            "overrides.middlewares[1].config.max_turns: expected int | null, got str",
        ),
        ([{"name": "mark", "config": {"times": "7"}}], "overrides.middlewares[0].config.times: expected int, got str"),
        (
            [{"name": "mark", "config": {"size": 7}}],
            "overrides.middlewares[0].config.size: expected one of mark, times",
        ),
        ([{"name": "retry", "config": {"max_attempts": 0}}], "overrides.middlewares[0].config.max_attempts: expected"),
        ([{"name": "history_window"}], "overrides.middlewares[0].config: expected max_turns, max_tokens or both"),
        (
            [{"name": "redaction", "config": {"own": [{"name": "a", "regex": "("}]}}],
            "overrides.middlewares[0].config.own[0]: expected a regular expression, got one that fails",
        ),
        ([{"name": "system_prompt", "config": {"text": " "}}], "overrides.middlewares[0].config: expected a text"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_path_before_anything_is_stored(
    tmp_path: Path, listed: list[Any], told: str
) -> None:
    async with chat(tmp_path, middlewares={"mark": MARK}) as app:
        with pytest.raises(InvalidOverrideError) as refused:
            await submit(app.service, "hello", overrides={"middlewares": listed})
        assert refused.value.message.startswith(told) and refused.value.http_status == 400
        assert not (await app.hub.session(session_id("c1"))).exists


@pytest.mark.rule("MW2")
def test_a_profiles_file_is_refused_with_file_line_and_path(tmp_path: Path) -> None:
    path = tmp_path / "profiles.yaml"
    path.write_text(
        "profiles:\n"
        "  - slug: a\n"
        "    middlewares:\n"
        "      - {name: logging}\n"
        "      - name: history_window\n"
        "        config:\n"
        "          max_turns: many\n"
    )
    with pytest.raises(ConfigError) as refused:
        build(Config(profiles_files=[path]))
    where = f"{path}:7: profiles[0].middlewares[1].config.max_turns: "
    assert refused.value.message.startswith(where + "expected int | null, got str")

    profile = {"slug": "a", "middlewares": [{"name": "ghost"}]}
    with pytest.raises(ConfigError, match=r"profiles setting: profiles\[0\]\.middlewares\[0\]\.name: expected one of"):
        build(Config(profiles={"profiles": [profile]}))

    profiles = ProfileRegistry(check=MiddlewareRegistry().find_problem)
    with pytest.raises(ConfigError, match=r"profile 'a': middlewares\[0\]\.name: expected one of"):
        profiles.register(msgspec.convert(profile, Profile))
    assert profiles.slugs == ("default",)


@pytest.mark.rule("MW1", "MW2")
async def test_a_hosts_own_middleware_is_used_from_profiles_and_overrides(tmp_path: Path) -> None:
    async with chat(tmp_path, middlewares={"mark": MARK}) as app:
        await submit(app.service, "hello", overrides={"middlewares": [{"name": "mark", "config": {"mark": "!"}}]})
        await idle(app.service)
        assert (await texts(app))[-1][1].replace("!", "") == "You said: hello"
        assert (await texts(app))[-1][1].endswith("!hello!")
        assert [run["status"] for run in await entities(app, "ChatRun")] == ["finished"]


@pytest.mark.rule("MW1", "EP1")
async def test_another_configuration_is_another_engine() -> None:
    plans: list[EnginePlan] = []

    def factory(plan: EnginePlan) -> Engine:
        plans.append(plan)
        return PlayedEngine([])

    planner = ProfilePlanner(ProfileRegistry(), {"scripted": factory}, middlewares=MiddlewareRegistry({"mark": MARK}))
    signatures = {
        planner.plan("default", f'{{"middlewares": [{{"name": "mark", "config": {config}}}]}}').signature
        for config in ("{}", '{"mark": "a"}', '{"mark": "b"}')
    }
    assert len(signatures) == 3


def test_a_configuration_that_would_let_unknown_keys_pass_is_refused() -> None:
    class Loose(msgspec.Struct):
        mark: str = ""

    with pytest.raises(ConfigError, match="'loose': expected a configuration record that forbids unknown fields"):
        MiddlewareRegistry({"loose": MiddlewareFactory(config=Loose, wrap=lambda engine, config, around: engine)})


def test_the_hosts_wins_over_what_ships_and_what_ships_over_what_is_installed() -> None:
    other = MiddlewareFactory(config=MarkConfig, wrap=Mark)
    registry = MiddlewareRegistry({"retry": MARK}, installed={"retry": other, "redaction": other, "new": other})
    marked = [MiddlewareUse(name, {"mark": "a"}) for name in ("retry", "new")]
    assert registry.find_problem(marked) is None
    assert registry.find_problem([MiddlewareUse("redaction", {"mark": "a"})]) is not None


def test_installed_packages_offer_middlewares_and_a_broken_one_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    package = tmp_path / "offered_middlewares.py"
    package.write_text("from tests.unit.chat.middlewares.test_registry import MARK\nnothing = 3\n")
    info = tmp_path / "offered-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[webchat_nb.middlewares]\n"
        "mark = offered_middlewares:MARK\n"
        "number = offered_middlewares:nothing\n"
        "missing = offered_nowhere:MARK\n"
        "retry = offered_middlewares:MARK\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(installed_middlewares()) == ["mark"]
    told = " ".join(record.getMessage() for record in caplog.records)
    assert "'number'" in told and "'missing'" in told and "'retry'" in told
