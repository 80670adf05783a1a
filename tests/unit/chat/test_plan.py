from __future__ import annotations

from typing import Any

import msgspec
import pytest

from webchat_nb.chat.plan import EnginePlan, Profile, make_plan, read_overrides
from webchat_nb.errors import InvalidOverrideError

PROFILE = Profile(
    slug="p",
    model="m",
    base_url="https://user:hunter2@host/v1",
    api_key_env="SOME_KEY",
    system_prompt="the house's own words",
    tools=("b", "a"),
    middlewares=msgspec.convert([{"name": "log", "config": {"token": "hunter2"}}], Any),
    options={"temperature": 1, "api_key": "hunter2"},
)


def plan(raw: Any = None, *, profile: Profile = PROFILE, key: bytes = b"key", **changes: Any) -> EnginePlan:
    profile = msgspec.structs.replace(profile, **changes)
    profile = msgspec.convert(msgspec.to_builtins(profile), Profile)
    return make_plan(profile, read_overrides(raw), tools=("a", "b"), digest_key=key)


@pytest.mark.rule("EP1")
def test_a_signature_is_readable_and_deterministic() -> None:
    assert plan().signature == plan({}).signature == plan({"model": "m"}).signature
    told = msgspec.json.decode(plan().signature)
    assert (told["profile"], told["engine"], told["model"]) == ("p", "scripted", "m")
    assert (told["tools"], told["api_key_env"]) == (["b", "a"], "SOME_KEY")
    assert told["options"]["keys"] == ["api_key", "temperature"]
    assert told["middlewares"][0]["name"] == "log"


@pytest.mark.rule("EP1", "AC7")
def test_a_signature_and_what_a_log_shows_of_a_plan_hold_no_secret() -> None:
    for text in (plan().signature, repr(plan()), str(plan())):
        assert "hunter2" not in text
        assert "own words" not in text
        assert "SOME_KEY" in text


@pytest.mark.rule("EP1", "AC7")
def test_a_digest_says_nothing_to_whoever_does_not_hold_the_key() -> None:
    assert plan(key=b"one").signature != plan(key=b"two").signature


@pytest.mark.rule("EP1")
@pytest.mark.parametrize(
    "changes",
    [
        {"system_prompt": "other"},
        {"system_prompt": None},
        {"model": "other"},
        {"tools": ("a", "b")},
        {"tools": ()},
        {"options": {"temperature": 2, "api_key": "hunter2"}},
        {"options": {"temperature": 1}},
        {"options": {}},
        {"middlewares": msgspec.convert([{"name": "log", "config": {"token": "other"}}], Any)},
        {"base_url": "https://user:other@host/v1"},
        {"api_key_env": "OTHER_KEY"},
        {"engine": "other"},
        {"script": "other"},
        {"slug": "other"},
        {"approvals": {"a": "always"}},
    ],
)
def test_a_signature_changes_with_all_that_an_engine_is_built_from(changes: dict[str, Any]) -> None:
    assert plan(**changes).signature != plan().signature


@pytest.mark.rule("EP1")
def test_a_signature_does_not_change_with_what_people_read_of_a_profile() -> None:
    assert plan(title="T", description="D", on_busy="reject", allow_overrides=False).signature == plan().signature


@pytest.mark.rule("HT4")
def test_a_prompt_may_name_tools_of_the_host_and_those_that_its_profile_names() -> None:
    assert plan({"tools": ["c:d", "a"]}, tools=("c:d",)).tools == ("c:d", "a")
    with pytest.raises(InvalidOverrideError, match=r"overrides\.tools: no tool 'c:e' is registered"):
        plan({"tools": ["c:e"]}, tools=("c:d",))


@pytest.mark.rule("TL4")
def test_a_prompt_cannot_say_that_nobody_is_asked() -> None:
    with pytest.raises(InvalidOverrideError, match="approvals"):
        plan({"approvals": {"a": "never"}})


@pytest.mark.rule("EP1", "PF1")
def test_a_signature_changes_with_the_files_that_an_engine_is_built_from() -> None:
    newer = msgspec.structs.replace(plan(), version="2")
    assert newer.signature != plan().signature
