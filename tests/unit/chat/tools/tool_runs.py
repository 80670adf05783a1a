"""Chats on a script that calls tools and asks, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.unit.chat.chats import ME, entities, idle, submit, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.wire.requests import DecisionRequest

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
