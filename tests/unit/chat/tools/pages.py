"""A chat whose runs call tools of pages, and what the pages say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.unit.chat.chats import ME, entities, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools.browser.browser_tools import LEASE_S
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import Principal, SubmitRequest
from webchat_nb.wire.tool_requests import ManifestRequest, OfferedTool, ToolResultRequest

C1 = session_id("c1")
ANN, BOB = Principal(user="ann"), Principal(user="bob")
FORM = {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}, "required": ["days"]}
SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "all", "delay_ms": 0},
    "turns": [
        {"match": "place", "steps": [{"call": {"tool": "locate", "args": {"exact": True}}}, {"say": "Done."}]},
        {"match": "scripted", "steps": [{"call": {"tool": "locate", "args": {}, "result": "x"}}, {"wait_for": "go"}]},
        {"match": "form", "steps": [{"call": {"tool": "fill", "args": {}}}, {"say": "Done."}]},
    ],
}


@asynccontextmanager
async def chat(folder: Path, profile: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[ChatApp]:
    script = folder / "calling.yaml"
    script.write_text(yaml.safe_dump(SCRIPT))
    profiles = {"profiles": [{"slug": "default", "script": str(script), **(profile or {})}]}
    async with build(Config(profiles=profiles, **config)) as app:
        yield app


async def offer(app: ChatApp, *tools: str | OfferedTool, client: str = "page1", who: Principal = ME) -> int:
    offered = [OfferedTool(name=tool) if isinstance(tool, str) else tool for tool in tools]
    answer = await app.service.offer_tools(who, "c1", ManifestRequest(client_id=client, tools=offered))
    assert answer.lease_s == LEASE_S
    return answer.tools


async def say(app: ChatApp, call_id: str, *, who: Principal = ME, key: str | None = None, **more: Any) -> bool:
    return await app.service.answer_tool_call(who, "c1", ToolResultRequest(tool_call_id=call_id, **more), key=key)


async def claim(app: ChatApp, call_id: str, client: str, *, who: Principal = ME) -> bool:
    return await say(app, call_id, claim=True, client_id=client, who=who)


async def prompt(app: ChatApp, text: str = "place", *, who: Principal = ME) -> None:
    await app.service.submit(who, SubmitRequest(prompt=text, conv_id="c1"))


async def the_call(app: ChatApp) -> dict[str, Any]:
    found = await entities(app, "ChatToolCall")
    return found[-1] if found else {}


async def called(app: ChatApp, text: str = "place", *, who: Principal = ME) -> str:
    """Send a prompt and wait until its call is a browser's to make; its id."""
    await prompt(app, text, who=who)
    await until(lambda: is_executing(app))
    call = await the_call(app)
    assert call["place"] == "browser"
    return str(call["toolCallId"])


async def is_executing(app: ChatApp) -> bool:
    return bool((await the_call(app)).get("executing"))


async def result(app: ChatApp) -> tuple[str, str]:
    found = (await entities(app, "ChatToolResult"))[-1]
    return found["status"], found.get("result", "")


def names(app: ChatApp, who: Principal = ME) -> list[str]:
    return [tool.schema.name for tool in app.service.browser_tools.tools(C1, who.user)]
