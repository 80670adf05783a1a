"""Tools as a host registers them and a run uses them, through the whole chat (TL1, TL4, TL5, TL8)."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, idle, run_states, submit, texts, until
from tests.unit.chat.tools.boxes import Given
from tests.unit.stream.redis_stores import prefix, server
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools import Ask, Tool, ToolContext
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.errors import (
    AlreadyDecidedError,
    BadRequestError,
    ConfigError,
    InvalidOverrideError,
    ProfileIncompleteError,
)
from webchat_nb.stream import SessionId, session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import DecisionRequest

__all__ = ["prefix", "server"]  # fixtures

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "all", "delay_ms": 0},
    "turns": [
        {"match": "add", "steps": [{"call": {"tool": "add", "args": {"a": 1, "b": 2}}}, {"say": "Done."}]},
        {"match": "own", "steps": [{"call": {"tool": "own", "args": {"a": 1}}}, {"say": "Done."}]},
        {
            "match": "sure",
            "steps": [{"call": {"tool": "add", "args": {"a": 1, "b": 2}, "approval": True}}, {"say": "Done."}],
        },
        {
            "match": "where",
            "steps": [{"ask": {"question": "Where is {prompt}?", "expires_s": 60}}, {"say": "Answer: {answer}."}],
        },
    ],
}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@asynccontextmanager
async def chat(folder: Path, profile: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[ChatApp]:
    script = folder / "calling.yaml"
    script.write_text(yaml.safe_dump(SCRIPT))
    profiles = {"profiles": [{"slug": "default", "script": str(script), **(profile or {})}]}
    async with build(Config(profiles=profiles, **config)) as app:
        yield app


async def result(app: ChatApp) -> dict[str, Any]:
    (found,) = await entities(app, "ChatToolResult")
    return found


async def made(app: ChatApp, prompt: str = "add", **more: Any) -> dict[str, Any]:
    """The result of the one call that the prompt leads to."""
    await submit(app.service, prompt, **more)
    await idle(app.service)
    return await result(app)


async def asked(app: ChatApp) -> dict[str, Any]:
    """Wait for a question."""
    await until(lambda: entities(app, "ChatApproval"))
    (approval,) = await entities(app, "ChatApproval")
    return approval


async def decide(app: ChatApp, decision: Any = "approve", **more: Any) -> str:
    id = (await asked(app))["approvalId"]
    return await app.service.decide(ME, "c1", id, DecisionRequest(decision=decision, **more))


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


# Questions


@pytest.mark.rule("TL5")
async def test_a_tool_asks_the_person_and_the_answer_is_kept(tmp_path: Path) -> None:
    @tool
    async def own(a: int, context: ToolContext) -> str:
        decision = await context.ask(
            Ask(question="How many?", schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}})
        )
        return decision.input or "nothing"

    async with chat(tmp_path, {"tools": ["own"]}, tools=[own]) as app:
        await submit(app.service, "own")
        question = await asked(app)
        assert (question["question"], question["status"], question["toolName"]) == ("How many?", "pending", "own")
        with pytest.raises(BadRequestError, match=r"^input\.n: 0 is less than the minimum of 1"):
            await decide(app, input='{"n": 0}')
        assert await decide(app, input='{"n": 3}') == "approved"
        with pytest.raises(AlreadyDecidedError):
            await decide(app, input='{"n": 4}')
        await idle(app.service)
        assert (await result(app))["result"] == '{"n": 3}'
        (answered,) = await entities(app, "ChatApproval")
        assert (answered["status"], answered["input"]) == ("approved", '{"n": 3}')
        assert (await app.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("TL5", "ST2")
async def test_an_answer_is_there_after_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        await submit(app.service, "where")
        await decide(app, input='{"answer": "here"}')
        await idle(app.service)
    async with chat(tmp_path, db=db) as again:
        (answered,) = await entities(again, "ChatApproval")
        assert (answered["question"], answered["input"]) == ("Where is where?", '{"answer": "here"}')
        with pytest.raises(AlreadyDecidedError):
            await decide(again, input='{"answer": "there"}')


@pytest.mark.rule("TL5")
async def test_a_script_asks_and_says_the_answer(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "where")
        question = await asked(app)
        assert (question["question"], "toolCallId" in question) == ("Where is where?", False)
        with pytest.raises(BadRequestError, match=r"^input: 'answer' is a required property"):
            await decide(app)
        assert await decide(app, input='{"answer": "here"}') == "approved"
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", 'Answer: {"answer": "here"}.')


@pytest.mark.rule("TL5")
async def test_a_question_that_may_be_answered_with_nothing_may_be_approved(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.engine
        def answer(messages: Any) -> Any:
            said = yield {"ask": {"question": "Go on?", "schema": {"type": "object"}}}
            yield f"Said {said}."

        await submit(app.service, "hi", profile="answer")
        assert await decide(app) == "approved"
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", "Said {}.")


@pytest.mark.rule("TL5", "EN2")
@pytest.mark.parametrize("kind", ["generator", "async generator"])
@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_function_that_answers_may_ask(tmp_path: Path, kind: str, decision: str) -> None:
    ask = Ask(question="Your name?", expires_s=60)
    async with chat(tmp_path) as app:
        if kind == "generator":

            @app.engine(name="own")
            def answer(messages: Any) -> Any:
                said = yield ask
                yield f"Hello, {said['answer']}." if said else "Never mind."
        else:

            @app.engine(name="own")
            async def answer_async(messages: Any) -> Any:
                said = yield ask
                yield f"Hello, {said['answer']}." if said else "Never mind."

        await submit(app.service, "hi", profile="own")
        await decide(app, decision, input='{"answer": "Ann"}' if decision == "approve" else None)
        await idle(app.service)
        assert (await texts(app))[-1][1] == ("Hello, Ann." if decision == "approve" else "Never mind.")


@pytest.mark.rule("TL5")
async def test_a_question_expires_and_the_engine_goes_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:

        @app.engine(name="own")
        def answer(messages: Any) -> Any:
            yield str((yield Ask(question="Your name?", expires_s=60)))

        for profile, told in (("own", "None"), ("default", "Answer: .")):
            await submit(app.service, "where", conv_id=profile, profile=profile)
            await until(lambda profile=profile: entities(app, "ChatApproval", profile))
            clock.jump(60)
            await idle(app.service, profile)
            (approval,) = await entities(app, "ChatApproval", profile)
            assert approval["status"] == "expired"
            assert (await texts(app, profile))[-1] == ("assistant", told)


@pytest.mark.rule("TL5")
async def test_a_function_that_asks_what_cannot_be_asked_fails_and_says_so(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.engine(name="own")
        def answer(messages: Any) -> Any:
            yield {"ask": {"question": "?", "schema": {"type": "array"}}}

        await submit(app.service, "hi", profile="own")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert run["error"].startswith("the engine's function asked what cannot be asked: schema.type")


@pytest.mark.rule("TL5", "OR4")
async def test_a_question_of_a_run_on_one_server_is_answered_on_the_other(
    tmp_path: Path, server: RedisServer, prefix: str
) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix)

    async with chat(tmp_path, store=store()) as a, chat(tmp_path, store=store()) as b:
        await submit(a.service, "where")
        await asked(b)
        with pytest.raises(BadRequestError, match=r"^input: 'answer' is a required property"):
            await decide(b, input="{}")
        assert await decide(b, input='{"answer": "here"}') == "approved"
        await idle(a.service)
        assert (await texts(b))[-1] == ("assistant", 'Answer: {"answer": "here"}.')
        (answered,) = await entities(a, "ChatApproval")
        assert answered["input"] == '{"answer": "here"}'
