"""Profiles as clients and administrators see them: what they lack, and files that change while the server runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.standalone import StandaloneTests
from tests.server.test_jupyter import Knock, extension, jp_server_config, knock
from webchat_nb.chat.plan import Profile

__all__ = ["extension", "jp_server_config", "knock"]  # fixtures


class TestLacking(StandaloneTests):
    @pytest.mark.rule("PF2")
    async def test_a_profile_that_lacks_something_is_listed_and_a_prompt_to_it_refused(self) -> None:
        self.app.profiles.register(Profile(slug="gpt", engine="vendor", api_key_env="NO_SUCH_KEY_HERE"))
        listed = await self.get_json("v1/profiles")
        lacks = {profile["slug"]: profile["lacks"] for profile in listed["profiles"]}
        assert lacks["gpt"][1] == "NO_SUCH_KEY_HERE in the environment"
        assert (lacks["fast"], listed["problems"]) == ([], [])
        body = {"prompt": "hi", "profile": "gpt"}
        message = await self.refused("v1/chat", 409, "profile_incomplete", method="POST", body=body)
        assert "NO_SUCH_KEY_HERE" in message
        assert (await self.get_json("v1/sessions"))["sessions"] == []


@pytest.fixture
def extension_config(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "one.yaml").write_text("profiles: [{slug: a, title: one, script: 'builtin:demo'}]")
    (tmp_path / "two.toml").write_text('default = "b"\n[[profiles]]\nslug = "b"\nscript = "builtin:demo"\n')
    (tmp_path / "three.json").write_text('{"profiles": [{"slug": "b", "title": "three", "script": "builtin:demo"}]}')
    return {
        "db": "memory",
        "profiles_file": str(tmp_path / "one.yaml"),
        "profiles_files": [str(tmp_path / "two.toml"), str(tmp_path / "three.json")],
    }


async def answers(knock: Knock) -> AsyncIterator[dict[str, Any]]:
    """What ``v1/profiles`` tells, again and again for a bounded time."""
    async with asyncio.timeout(10):
        while True:
            yield json.loads((await knock.fetch("webchat/v1/profiles", **knock.token)).body)
            await asyncio.sleep(0.05)


@pytest.mark.rule("PF1")
async def test_files_of_the_extension_are_stacked_and_read_again_while_it_runs(knock: Knock, tmp_path: Path) -> None:
    async for told in answers(knock):
        titles = {profile["slug"]: (profile["title"], profile["is_default"]) for profile in told["profiles"]}
        assert titles.pop("kernel") == ("This notebook", False)  # every Jupyter server has it
        assert titles == {"a": ("one", False), "b": ("three", True)}
        break
    (tmp_path / "one.yaml").write_text("profiles: [{slug: a, title: newer, script: 'builtin:demo'}]")
    (tmp_path / "three.json").write_text('{"profiles": [{"slug": "b", "titel": "four"}]}')
    async for told in answers(knock):
        titles = {profile["slug"]: profile["title"] for profile in told["profiles"]}
        if titles["a"] == "newer" and told["problems"]:
            break
    assert titles["b"] == "three"
    assert told["problems"][0].startswith("three.json:1: profiles[0].titel: expected one of slug, title")
