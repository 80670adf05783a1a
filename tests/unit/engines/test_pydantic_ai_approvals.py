"""An agent's deferred approvals, and calls of tools that the run brings, through the tool box of a real chat."""

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
from tests.model_servers.server import serving
from tests.unit.chat.chats import ME, entities, idle, submit, texts, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.engines.pydantic_ai import agent_engine
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.engine_contract import AskedCall, Reply
from webchat_nb.wire.requests import DecisionRequest

pytestmark = pytest.mark.rule("EN4", "TL2", "TL4")

OWN = AskedCall(tool="delete", pieces=['{"path": ', '"a.txt"}'])
GIVEN = AskedCall(tool="move", pieces=['{"path": "a.txt"}'])
ENDED = Reply(texts=["Done."])


@tool(approval="always")
def move(path: str) -> str:
    """Move a file away."""
    return f"{path} was moved"


@asynccontextmanager
async def agent_chat(*calls: AskedCall, **config: Any) -> AsyncIterator[tuple[ChatApp, list[str], Any]]:
    """A chat whose agent makes these calls; what its own tool deleted; the model's server."""
    deleted: list[str] = []
    async with (
        serving(chat_answer(Reply(calls=list(calls))), chat_answer(ENDED)) as server,
        openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        agent = Agent(OpenAIChatModel("tiny", provider=OpenAIProvider(openai_client=client)))

        @agent.tool_plain(requires_approval=True)
        def delete(path: str) -> str:
            deleted.append(path)
            return f"{path} is gone"

        profiles = {"profiles": [{"slug": "default", "engine": "agent", "tools": ["move"]}]}
        settings = Config(profiles=profiles, engines={"agent": agent_engine(agent)}, tools=[move], **config)
        async with build(settings) as app:
            yield app, deleted, server


async def questions(app: ChatApp, count: int = 1) -> list[dict[str, Any]]:
    async def are_there() -> bool:
        return len(await entities(app, "ChatApproval")) == count

    await until(are_there)
    return await entities(app, "ChatApproval")


async def decide(app: ChatApp, id: str, decision: Any = "approve", **more: Any) -> str:
    return await app.service.decide(ME, "c1", id, DecisionRequest(decision=decision, **more))


async def outcome(app: ChatApp) -> dict[str, tuple[str, str]]:
    """(result, status) by tool, after the end of the run."""
    await idle(app.service)
    assert (await texts(app))[-1] == ("assistant", "Done.")
    return {each["toolName"]: (each["result"], each["status"]) for each in await entities(app, "ChatToolResult")}


@pytest.mark.parametrize(
    ("decision", "more", "deleted", "told"),
    [
        ("approve", {}, ["a.txt"], ("a.txt is gone", "ok")),
        ("approve", {"input": '{"path": "b.txt"}'}, ["b.txt"], ("b.txt is gone", "ok")),
        ("deny", {"reason": "I need it."}, [], ("I need it.", "error")),
    ],
)
async def test_an_agents_own_tool_waits_for_a_person(
    decision: str, more: dict[str, str], deleted: list[str], told: tuple[str, str]
) -> None:
    async with agent_chat(OWN) as (app, gone, _):
        await submit(app.service, "go")
        (question,) = await questions(app)
        (call,) = await entities(app, "ChatToolCall")
        assert (question["approvalId"], question["toolCallId"], question["toolName"]) == (
            f"{call['toolCallId']}:approval",
            call["toolCallId"],
            "delete",
        )
        assert json.loads(question["input"]) == {"path": "a.txt"}
        await decide(app, question["approvalId"], decision, **more)
        assert (await outcome(app), gone) == ({"delete": told}, deleted)


async def test_a_tool_of_the_run_and_one_of_the_agent_are_asked_about_side_by_side() -> None:
    async with agent_chat(OWN, GIVEN) as (app, gone, server):
        await submit(app.service, "go")
        asked = {question["toolName"]: question["approvalId"] for question in await questions(app, 2)}
        await decide(app, asked["move"], input='{"path": "c.txt"}')
        await decide(app, asked["delete"], "deny", reason="Not that.")
        assert await outcome(app) == {"delete": ("Not that.", "error"), "move": ("c.txt was moved", "ok")}
        assert not gone
        results = [one["content"] for one in server.asked[1].body["messages"] if one["role"] == "tool"]
        assert len(results) == 2 and "c.txt was moved" in results[1]


async def test_an_agents_question_expires() -> None:
    clock = ManualClock()
    async with agent_chat(OWN, clock=clock, tool_limits=ToolLimits(approval_expires_s=60)) as (app, gone, _):
        await submit(app.service, "go")
        await questions(app)
        clock.jump(60)
        assert await outcome(app) == {"delete": ("Nobody decided in time.", "error")}
        assert not gone
