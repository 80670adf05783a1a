"""A person is asked about a registered tool's call, through the whole chat (TL4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.chat.chats import entities, idle, submit
from tests.unit.chat.tools.tool_runs import add, asked, chat, decide, made, result
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.errors import BadRequestError
from webchat_nb.stream import session_id


@pytest.mark.rule("TL4")
@pytest.mark.parametrize("of", ["tool", "profile"])
async def test_a_person_is_asked_and_edits_within_the_tools_schema(tmp_path: Path, of: str) -> None:
    asking = tool(approval="always")(add.function) if of == "tool" else add
    profile = {"tools": ["add"], **({"approvals": {"add": "always"}} if of == "profile" else {})}
    async with chat(tmp_path, profile, tools=[asking]) as app:
        await submit(app.service, "add")
        question = await asked(app)
        assert json.loads(question["schema"]) == add.schema.input_schema
        for wrong, told in [
            ('{"a": 1}', "^input: 'b' is a required property"),
            ('{"a": "one", "b": 2}', "^input.a: 'one' is not of type 'integer'"),
            ('{"a": 1, "b": 2, "c": 3}', "^input: 'c' is not expected"),
            ("[1]", "^input: expected the JSON text of an object"),
        ]:
            with pytest.raises(BadRequestError, match=told):
                await decide(app, input=wrong)
            assert (await asked(app))["status"] == "pending"
        assert await decide(app, input='{"a": 40, "b": 2}') == "edited"
        await idle(app.service)
        assert (await result(app))["result"] == "42"
        (call,) = await entities(app, "ChatToolCall")
        assert json.loads(call["input"]) == {"a": 40, "b": 2}
        assert (await app.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("TL4")
async def test_arguments_that_only_look_different_are_not_edited(tmp_path: Path) -> None:
    async with chat(tmp_path, {"tools": ["add"], "approvals": {"add": "always"}}, tools=[add]) as app:
        await submit(app.service, "add")
        assert await decide(app, input='{ "b": 2,\n"a": 1 }') == "approved"
        await idle(app.service)
        assert (await result(app))["result"] == "3"


@pytest.mark.rule("TL4")
async def test_a_profile_may_say_that_nobody_is_asked(tmp_path: Path) -> None:
    asking = tool(approval="always")(add.function)
    async with chat(tmp_path, {"tools": ["add"], "approvals": {"add": "never"}}, tools=[asking]) as app:
        assert (await made(app))["result"] == "3"


@pytest.mark.rule("TL4")
async def test_approvals_of_a_tool_that_is_not_there_are_told_once_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat(tmp_path, {"tools": ["add"], "approvals": {"addd": "always"}}, tools=[add]) as app:
        await made(app)
        await made(app, "add", conv_id="c2")
        await idle(app.service, "c2")
        told = [line.getMessage() for line in caplog.records if "approvals" in line.getMessage()]
        assert told == ["profile 'default': approvals: no tool 'addd' is there now"]


@pytest.mark.rule("TL4")
async def test_a_script_that_asks_about_a_registered_tool_asks_once(tmp_path: Path) -> None:
    asking = tool(approval="always")(add.function)
    async with chat(tmp_path, {"tools": ["add"]}, tools=[asking]) as app:
        await submit(app.service, "sure")
        await decide(app, input='{"a": 5, "b": 5}')
        await idle(app.service)
        assert (await result(app))["result"] == "10"
        assert len(await entities(app, "ChatApproval")) == 1
