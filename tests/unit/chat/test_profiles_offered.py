"""What ``v1/profiles`` tells: what profiles are, what they lack, which files are not in use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, chat, entities, idle, run_states, submit, texts, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import Engine
from webchat_nb.chat.plan import EnginePlan, Profile
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.errors import EngineError, ProfileIncompleteError
from webchat_nb.testing.clock import ManualClock

KEY = "WEBCHAT_TEST_API_KEY"


class Vendor:
    """A factory whose library is not installed."""

    def __call__(self, plan: EnginePlan) -> Engine:
        raise EngineError("built without its library")

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        return ["pip install webchat-nb[openai]"]


def offered(app: ChatApp) -> dict[str, dict[str, Any]]:
    return {profile["slug"]: dict(profile) for profile in app.service.describe_profiles()}


def test_a_description_has_the_fields_of_the_protocol_and_no_secrets() -> None:
    profile: dict[str, Any] = {
        "slug": "a",
        "script": "builtin:demo",
        "system_prompt": "hidden",
        "base_url": "http://hidden",
        "options": {"key": "hidden"},
        "middlewares": [],
        "tools": ["t"],
        "allow_overrides": False,
    }
    profiles = {"profiles": [profile, {"slug": "b", "title": "B", "description": "b's"}]}
    app = build(Config(profiles=profiles, tools=[tool(name="t")(lambda: None)]))
    first, second = app.service.describe_profiles()
    assert first == {
        "slug": "a",
        "title": "a",
        "description": "",
        "is_default": True,
        "allow_overrides": False,
        "engine": "scripted",
        "tools": ["t"],
        "middlewares": [],
        "lacks": [],
    }
    assert "hidden" not in repr(first)
    assert (second["title"], second["description"], second["is_default"]) == ("B", "b's", False)


@pytest.mark.rule("PF2")
async def test_a_profile_without_its_key_is_told_and_refused_until_the_key_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    async with chat(tmp_path) as app:
        app.profiles.register(Profile(slug="keyed", script="builtin:demo", api_key_env=KEY))
        lacking = offered(app)["keyed"]["lacks"]
        assert lacking == [f"{KEY} in the environment"]
        with pytest.raises(ProfileIncompleteError, match=f"^profile 'keyed' lacks: {KEY} in the environment$"):
            await submit(app.service, "hi", profile="keyed")
        assert not (await app.service.list(ME))[0]
        monkeypatch.setenv(KEY, "hunter2")
        assert offered(app)["keyed"]["lacks"] == []
        assert "hunter2" not in repr(offered(app))
        assert (await submit(app.service, "hi", profile="keyed")).status == "started"
        await app.service.stop(ME, "c1")


@pytest.mark.rule("PF2")
async def test_an_engine_says_what_it_lacks_and_the_chat_starts_all_the_same(tmp_path: Path) -> None:
    async with chat(tmp_path, engines={"vendor": Vendor()}) as app:
        app.profiles.register(Profile(slug="gpt", engine="vendor", api_key_env=KEY))
        app.profiles.register(Profile(slug="typo", engine="vendro"))
        assert offered(app)["gpt"]["lacks"] == [f"{KEY} in the environment", "pip install webchat-nb[openai]"]
        (lacking,) = offered(app)["typo"]["lacks"]
        assert lacking.startswith("an engine 'vendro' (there are: ") and lacking.endswith(", vendor)")
        assert offered(app)["default"]["lacks"] == []
        with pytest.raises(ProfileIncompleteError, match="pip install"):
            await submit(app.service, "hi", profile="gpt")
        await submit(app.service, "hi")
        await idle(app.service)
        assert await run_states(app) == ["finished"]


@pytest.mark.rule("PF2")
@pytest.mark.parametrize(
    ("content", "lacking"),
    [
        (None, "s.yaml: expected a readable file, got: No such file or directory"),
        (
            "script: 1\nturns:\n- steps:\n  - sya: hi\n",
            "s.yaml:4: turns[0].steps[0].sya: turn 1, step 1: expected one of",
        ),
    ],
)
async def test_a_script_that_never_was_whole_is_lacking_until_it_is(
    tmp_path: Path, content: str | None, lacking: str
) -> None:
    path, clock = tmp_path / "s.yaml", ManualClock()
    if content is not None:
        path.write_text(content)
    async with chat(tmp_path, clock=clock) as app:
        app.profiles.register(Profile(slug="mine", script=str(path)))
        assert offered(app)["mine"]["lacks"][0].startswith(lacking)
        assert "problem" not in offered(app)["mine"]
        with pytest.raises(ProfileIncompleteError, match=r"s\.yaml"):
            await submit(app.service, "hi", profile="mine")
        path.write_text("script: 1\nturns: [{steps: [{say: there}]}]")
        clock.jump(1)
        assert offered(app)["mine"]["lacks"] == []
        await submit(app.service, "hi", profile="mine")
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", "there")


@pytest.mark.rule("PF1", "EP1")
async def test_an_edited_script_answers_the_next_prompt_of_a_conversation_and_not_the_running_one(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "s.yaml", ManualClock()
    path.write_text("script: 1\nturns: [{steps: [{say: 'old '}, {wait_for: go}, {say: end}]}]")
    async with chat(tmp_path, clock=clock) as app:
        app.profiles.register(Profile(slug="mine", script=str(path)))
        await submit(app.service, "one", profile="mine")
        await until(lambda: app.signals.waiting_count("go"))
        path.write_text("script: 1\nturns: [{steps: [{say: new}]}]")
        clock.jump(1)
        await submit(app.service, "two")
        app.signals.send("go")
        await idle(app.service)
        assert [text for role, text in await texts(app) if role == "assistant"] == ["old end", "new"]


@pytest.mark.rule("PF1")
async def test_a_broken_new_version_of_a_script_is_told_and_the_one_before_answers(tmp_path: Path) -> None:
    path, clock = tmp_path / "s.yaml", ManualClock()
    path.write_text("script: 1\nturns: [{steps: [{say: good}]}]")
    async with chat(tmp_path, clock=clock) as app:
        app.profiles.register(Profile(slug="mine", script=str(path)))
        assert "problem" not in offered(app)["mine"]
        path.write_text("script: 1\nturns: []")
        clock.jump(1)
        told = offered(app)["mine"]
        assert told["problem"].startswith("s.yaml:2: turns: ")
        assert told["lacks"] == []
        await submit(app.service, "hi", profile="mine")
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", "good")


@pytest.mark.rule("PF1")
async def test_a_prompt_whose_profile_goes_while_it_waits_fails_and_says_so(tmp_path: Path) -> None:
    path, clock = tmp_path / "profiles.yaml", ManualClock()
    path.write_text("profiles: [{slug: p, script: ./script.yaml}]")
    async with chat(tmp_path, profiles_files=[path], clock=clock) as app:
        await submit(app.service, "wait", profile="p")
        await until(lambda: app.signals.waiting_count("go"))
        await submit(app.service, "hi")
        path.write_text("profiles: []")
        clock.jump(1)
        app.signals.send("go")
        await idle(app.service)
        runs = await entities(app, "ChatRun")
        assert [run["status"] for run in runs] == ["finished", "failed"]
        assert runs[1]["error"].startswith("no profile 'p'; known: ")
