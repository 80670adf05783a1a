"""Agents with tools of their own, with questions to a person, and with what goes wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.server import ModelServer, WireAnswer, json_answer, serving
from webchat_nb.chat.engine import HistoryMessage
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import Tell, ToolDecision, ToolUse
from webchat_nb.engines.pydantic_ai import PydanticAIFactory, agent_engine
from webchat_nb.errors import ConfigError, EngineError
from webchat_nb.testing.engine_contract import Account, AskedCall, Reply, ToolDrawer, account_of, ask

PLAN = EnginePlan(profile="p", engine="agent")
DELETE = Reply(calls=[AskedCall(tool="delete", pieces=['{"path": ', '"a.txt"}'])])
ENDED = Reply(texts=["Done."])


class Person(ToolDrawer):
    """A tool box with somebody who answers."""

    def __init__(self, decision: ToolDecision, **outcomes: str) -> None:
        super().__init__(**outcomes)
        self.asked: list[ToolUse] = []
        self._decision = decision

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        self.asked.append(use)
        return self._decision


@asynccontextmanager
async def served(*answers: WireAnswer) -> AsyncIterator[tuple[ModelServer, OpenAIChatModel]]:
    async with (
        serving(*answers) as server,
        openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        yield server, OpenAIChatModel("tiny", provider=OpenAIProvider(openai_client=client))


def deleting(model: Any, deleted: list[str]) -> Agent[None, str]:
    agent = Agent(model)

    @agent.tool_plain(requires_approval=True)
    def delete(path: str) -> str:
        deleted.append(path)
        return f"{path} is gone"

    return agent


async def told(agent: Agent[None, str], plan: EnginePlan = PLAN, **request: Any) -> Account:
    return await account_of(agent_engine(agent)(plan), ask(plan=plan, **request))


@pytest.mark.rule("EN4")
@pytest.mark.parametrize(
    ("decision", "deleted", "result", "steps"),
    [
        (ToolDecision(is_approved=True), ["a.txt"], "a.txt is gone", ["requested", "executing"]),
        (
            ToolDecision(is_approved=True, input='{"path": "b.txt"}'),
            ["b.txt"],
            "b.txt is gone",
            ["requested", "executing"],
        ),
        (ToolDecision(is_approved=False, reason="I need it"), [], "I need it", ["requested"]),
        (ToolDecision(is_approved=False), [], "the user said no", ["requested"]),
    ],
)
async def test_a_tool_that_wants_approval_asks_a_person(
    decision: ToolDecision, deleted: list[str], result: str, steps: list[str]
) -> None:
    gone: list[str] = []
    person = Person(decision)
    async with served(chat_answer(DELETE), chat_answer(ENDED)) as (_, model):
        account = await told(deleting(model, gone), tools=person)
    (call,) = account.calls.values()
    assert gone == deleted
    assert call.result == result
    assert call.is_error is not decision.is_approved
    assert call.steps == ["started", *steps, "result"]
    assert account.text == "Done."
    (asked,) = person.asked
    assert (asked.name, json.loads(asked.input), asked.call_id) == ("delete", {"path": "a.txt"}, "t-1:call:1")


@pytest.mark.rule("EN4")
async def test_without_anybody_to_ask_approval_is_denied() -> None:
    gone: list[str] = []
    async with served(chat_answer(DELETE), chat_answer(ENDED)) as (_, model):
        account = await told(deleting(model, gone))
    (call,) = account.calls.values()
    assert (gone, call.is_error, account.text) == ([], True, "Done.")


@pytest.mark.rule("EN4", "EN8")
async def test_an_agents_own_tools_and_those_of_the_profile_stand_side_by_side() -> None:
    calls = Reply(calls=[AskedCall(tool="own", pieces=["{}"]), AskedCall(tool="given", pieces=["{}"])])
    async with served(chat_answer(calls), chat_answer(ENDED)) as (_, model):
        agent = Agent(model)

        @agent.tool_plain
        async def own() -> dict[str, int]:
            return {"n": 1}

        account = await told(agent, tools=ToolDrawer(given="2"))
    results = {call.tool: (json.loads(call.result or ""), call.steps) for call in account.calls.values()}
    steps = ["started", "requested", "executing", "result"]
    assert results == {"own": ({"n": 1}, steps), "given": (2, steps)}


@pytest.mark.rule("EN4")
async def test_a_call_that_has_to_be_made_again_is_an_error_and_another_call() -> None:
    wrong = Reply(calls=[AskedCall(tool="own", pieces=['{"n": "many"}'])])
    right = Reply(calls=[AskedCall(tool="own", pieces=['{"n": 2}'])])
    async with served(chat_answer(wrong), chat_answer(right), chat_answer(ENDED)) as (_, model):
        agent = Agent(model)

        @agent.tool_plain
        def own(n: int) -> int:
            return n

        account = await told(agent)
    first, second = account.calls.values()
    assert (first.is_error, first.steps, second.is_error, second.result) == (
        True,
        ["started", "requested", "result"],
        False,
        "2",
    )


@pytest.mark.rule("EN3", "RN7")
async def test_the_profile_adds_to_the_agent_and_the_history_is_told() -> None:
    history = [
        HistoryMessage(role="user", content="one"),
        HistoryMessage(role="assistant", content="1", status="stopped"),
    ]
    plan = EnginePlan(profile="p", engine="agent", system_prompt="Be brief.", options={"temperature": 0.5})
    async with served(chat_answer(ENDED)) as (server, model):
        await told(Agent(model, instructions="Be kind."), plan, prompt="two", history=history)
        (asked,) = server.asked
    messages = [(message["role"], message["content"]) for message in asked.body["messages"]]
    system = " ".join(content for role, content in messages if role == "system")
    assert "Be kind." in system
    assert "Be brief." in system
    assert [message for message in messages if message[0] != "system"] == [
        ("user", "one"),
        ("assistant", "1\n\n[This answer was stopped by the user before its end.]"),
        ("user", "two"),
    ]
    assert asked.body["temperature"] == 0.5


@pytest.mark.rule("EN5")
@pytest.mark.parametrize(
    ("answer", "code", "is_retryable"),
    [
        (json_answer(429, {"error": {"message": "slow"}}, **{"Retry-After": "3"}), "rate_limited", True),
        (json_answer(500, {"error": {"message": "no"}}), "model_unavailable", True),
        (json_answer(401, {"error": {"message": "bad key sk-abcdefgh"}}), "key_refused", False),
        (json_answer(400, {"error": {"message": "bad key sk-abcdefgh"}}), "request_refused", False),
        (WireAnswer(pieces=[b"data: {not json}\n\n"]), "model_unavailable", True),
        (WireAnswer(pieces=chat_answer(ENDED).pieces[:2], end="cut"), "connection_failed", True),
    ],
)
async def test_errors_are_told_as_those_of_the_vendors(answer: WireAnswer, code: str, is_retryable: bool) -> None:
    async with served(answer) as (_, model):
        with pytest.raises(EngineError) as caught:
            await told(Agent(model))
    assert (caught.value.engine_code, caught.value.retryable) == (code, is_retryable)
    assert caught.value.retry_after_s == (3.0 if code == "rate_limited" else None)
    assert "sk-abcdefgh" not in caught.value.message


@pytest.mark.rule("EN5")
async def test_what_a_tool_of_the_agent_raises_is_no_message_to_the_user() -> None:
    async with served(chat_answer(Reply(calls=[AskedCall(tool="own", pieces=["{}"])]))) as (_, model):
        agent = Agent(model)

        @agent.tool_plain
        def own() -> str:
            raise ZeroDivisionError("secret")

        with pytest.raises(ZeroDivisionError):
            await told(agent)


@pytest.mark.rule("EN6")
@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"model": None}, "model: expected"),
        ({"base_url": "http://x"}, "base_url"),
        ({"api_key_env": "K"}, "api_key_env"),
    ],
)
def test_a_profile_that_makes_no_agent_is_refused(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PydanticAIFactory()(EnginePlan(**{"profile": "p", "engine": "pydantic-ai", "model": "test", **plan}))


@pytest.mark.rule("EN6")
async def test_a_profile_with_a_model_is_an_agent() -> None:
    plan = EnginePlan(profile="p", engine="pydantic-ai", model="test")
    account = await account_of(PydanticAIFactory()(plan), ask(plan=plan))
    assert account.text == "success (no tool calls)"
