"""Tools as a host registers them and a run uses them, through the whole chat (TL1, TL8)."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.chat.chats import entities, idle, run_states, submit, texts, until
from tests.unit.chat.tools.boxes import Given
from tests.unit.chat.tools.tool_runs import add, chat, made, result
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools import Tool
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.errors import ConfigError, InvalidOverrideError, ProfileIncompleteError
from webchat_nb.stream import SessionId
from webchat_nb.testing.clock import ManualClock


@pytest.mark.rule("TL1")
async def test_a_tool_that_the_profile_names_is_called(tmp_path: Path) -> None:
    async with chat(tmp_path, {"tools": ["add"]}, tools=[add]) as app:
        made_of_it = await made(app)
        assert (made_of_it["toolName"], made_of_it["result"], made_of_it["status"]) == ("add", "3", "ok")
        (call,) = await entities(app, "ChatToolCall")
        assert (call["status"], json.loads(call["input"])) == ("finished", {"a": 1, "b": 2})
        assert (await texts(app))[-1] == ("assistant", "Done.")


@pytest.mark.rule("TL1")
async def test_a_tool_that_the_profile_does_not_name_is_not_there(tmp_path: Path) -> None:
    async with chat(tmp_path, tools=[add]) as app:
        made_of_it = await made(app)
        assert (made_of_it["result"], made_of_it["status"]) == ("no tool add is registered", "error")


@pytest.mark.rule("TL1", "HT4")
async def test_a_prompt_may_name_what_the_host_registered(tmp_path: Path) -> None:
    async with chat(tmp_path, tools=[add]) as app:
        assert (await made(app, overrides={"tools": ["add"]}))["result"] == "3"


@pytest.mark.rule("HT4")
@pytest.mark.parametrize(
    "name", ["subtract", "os:system", "webchat_nb.chat.tools.functions.declared:tool", "tests.never:me"]
)
async def test_a_prompt_may_name_nothing_else_and_nothing_is_imported(tmp_path: Path, name: str) -> None:
    async with chat(tmp_path, tools=[add]) as app:
        with pytest.raises(InvalidOverrideError, match=r"overrides\.tools"):
            await submit(app.service, "add", overrides={"tools": [name]})
        assert "tests.never" not in sys.modules
        assert not await entities(app, "ChatMessage")


@pytest.mark.rule("TL1")
async def test_a_function_becomes_a_tool_of_the_program_and_is_replaced_by_the_next(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.tool
        def own(a: int) -> str:
            return "first"

        assert own(1) == "first"
        assert (await made(app, "own", overrides={"tools": ["own"]}))["result"] == "first"

        @app.tool(name="own", approval="never", timeout_s=3)
        async def other(a: int) -> str:
            return "second"

        await submit(app.service, "own", overrides={"tools": ["own"]})
        await idle(app.service)
        assert [one["result"] for one in await entities(app, "ChatToolResult")] == ["first", "second"]
        with pytest.raises(ConfigError):
            app.tool(name="no name")(own.function)


@pytest.mark.rule("TL1")
async def test_two_tools_with_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="'add' twice"):
        build(Config(tools=[add, add]))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that a profile may name."""
    made_up = ModuleType("made_up_tools")
    made_up.plus = lambda a, b: a - b  # type: ignore[attr-defined]
    made_up.plus.__name__ = "add"  # type: ignore[attr-defined]
    made_up.add = add  # type: ignore[attr-defined]
    made_up.number = 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_up_tools", made_up)
    return made_up


@pytest.mark.rule("TL1")
async def test_a_profile_may_name_a_function_of_a_module(tmp_path: Path, module: ModuleType) -> None:
    async with chat(tmp_path, {"tools": ["made_up_tools:plus"]}) as app:
        assert (await made(app))["result"] == "-1"
        (described,) = app.service.describe_profiles()
        assert (described["tools"], described["lacks"]) == (["made_up_tools:plus"], [])


@pytest.mark.rule("TL1")
@pytest.mark.parametrize(
    ("tools", "told"),
    [
        (["made_up_tools:minus"], "tools: 'made_up_tools:minus' cannot be imported: module"),
        (["made_up_tools:number"], "tools: 'made_up_tools:number': "),
        (["made_up_tools:plus", "made_up_tools:add"], "another tool is called 'add' too"),
    ],
)
async def test_a_tool_that_cannot_be_had_fails_the_run_and_says_so(
    tmp_path: Path, module: ModuleType, tools: list[str], told: str
) -> None:
    async with chat(tmp_path, {"tools": tools}) as app:
        await submit(app.service, "add")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert run["status"] == "failed" and told in run["error"]


@pytest.mark.rule("PF2")
@pytest.mark.parametrize(
    ("name", "lack"),
    [("subtract", "a tool 'subtract' (there are: add)"), ("no_such_module:thing", "the module no_such_module")],
)
async def test_a_profile_says_which_tool_it_lacks(tmp_path: Path, name: str, lack: str) -> None:
    async with chat(tmp_path, {"tools": ["add", name]}, tools=[add]) as app:
        (described,) = app.service.describe_profiles()
        assert (described["tools"], described["lacks"]) == (["add", name], [lack])
        with pytest.raises(ProfileIncompleteError, match=re.escape(lack)):
            await submit(app.service, "add")
        await submit(app.service, "add", overrides={"tools": ["add"]})
        await idle(app.service)
        assert (await result(app))["result"] == "3"


class Source:
    """Tools of one conversation and one person; fits ``ToolSource``."""

    def __init__(self, *tools: Tool) -> None:
        self.given = tools
        self.asked: list[tuple[SessionId, str]] = []

    def tools(self, session_id: SessionId, actor: str) -> Sequence[Tool]:
        self.asked.append((session_id, actor))
        if not self.given:
            raise RuntimeError("the kernel is gone")
        return self.given


@pytest.mark.rule("TL8")
async def test_the_conversations_tools_come_after_the_servers(tmp_path: Path) -> None:
    first, second = Source(Given(name="add"), Given(name="own")), Source()
    async with chat(tmp_path, {"tools": ["add"]}, tools=[add], tool_sources=[second, first]) as app:
        assert (await made(app))["result"] == "3"
        await submit(app.service, "own")
        await idle(app.service)
        assert json.loads((await entities(app, "ChatToolResult"))[-1]["result"]) == {"a": 1}
        assert first.asked == [("c1", ""), ("c1", "")]


@pytest.mark.rule("TL8")
async def test_a_locked_profile_takes_no_tools_of_the_conversation(tmp_path: Path) -> None:
    source = Source(Given(name="own"))
    async with chat(tmp_path, {"allow_overrides": False}, tool_sources=[source]) as app:
        assert (await made(app, "own"))["result"] == "no tool own is registered"
        assert not source.asked


@pytest.mark.rule("TL1")
async def test_limits_of_tools_are_a_setting(tmp_path: Path) -> None:
    clock = ManualClock()

    @tool
    async def own(a: int) -> str:
        """Work for ever."""
        await asyncio.get_running_loop().create_future()
        return ""

    limits = ToolLimits(timeout_s=5, max_result_chars=1000)
    async with chat(tmp_path, {"tools": ["own"]}, tools=[own], tool_limits=limits, clock=clock) as app:
        await submit(app.service, "own")
        await until(lambda: _is_executing(app))
        clock.jump(5)
        await idle(app.service)
        (call,) = await entities(app, "ChatToolCall")
        assert (call["status"], call["error"]) == ("failed", "The tool took longer than 5 s.")
        assert await run_states(app) == ["finished"]


async def _is_executing(app: ChatApp) -> bool:
    return any(call.get("executing") for call in await entities(app, "ChatToolCall"))


@pytest.mark.rule("TL1", "TL3")
async def test_what_is_longer_than_the_limit_is_cut(tmp_path: Path) -> None:
    @tool
    def own(a: int) -> str:
        return "x" * 5000

    limits = ToolLimits(max_result_chars=1000)
    async with chat(tmp_path, {"tools": ["own"]}, tools=[own], tool_limits=limits) as app:
        told = (await made(app, "own"))["result"]
        assert len(told) <= 1000 and "5,000 characters" in told
