"""A chat on a script, driven without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.service import ChatService
from webchat_nb.stream import session_id
from webchat_nb.stream.hub import DEFAULT_WINDOW
from webchat_nb.testing.fold import rows_timeline
from webchat_nb.wire.requests import Principal, SubmitAnswer, SubmitRequest

ME = Principal()
BOUNDED_S = 5.0

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "think", "steps": [{"think": "Let me see."}, {"say": "Seen."}]},
        {
            "match": "tool",
            "steps": [{"say": "Calling."}, {"call": {"tool": "add", "args": {"a": 1}, "result": 2}}, {"say": "Two."}],
        },
        {"match": "wait", "steps": [{"say": "Before "}, {"wait_for": "go"}, {"say": "after"}]},
        {
            "match": "hang",
            "steps": [{"think": "hm"}, {"call": {"tool": "slow", "args": {}, "result": 1}}, {"say": "never"}],
        },
        {"match": "fail", "steps": [{"say": "Half "}, {"fail": {"message": "model overloaded", "retryable": True}}]},
        {"match": "usage", "steps": [{"say": "x"}, {"usage": {"input_tokens": 3, "output_tokens": 4}}]},
        {"match": "empty", "steps": [{"say": ""}]},
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}


@asynccontextmanager
async def chat(tmp_path: Path, *, db: str = "memory", **config: Any) -> AsyncIterator[ChatApp]:
    """A running chat with the profiles ``default``, ``other`` and ``locked`` on the script above."""
    script = tmp_path / "script.yaml"
    if not script.exists():
        script.write_text(yaml.safe_dump(SCRIPT))
    profiles = {
        "default": "default",
        "profiles": [
            {"slug": "default", "script": str(script)},
            {"slug": "other", "script": str(script)},
            {"slug": "locked", "script": str(script), "allow_overrides": False},
        ],
    }
    app = build(Config(db=db, profiles=profiles, **config))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def submit(service: ChatService, prompt: str, conv_id: str = "c1", **more: Any) -> SubmitAnswer:
    """Submit as the one owner."""
    return await service.submit(ME, SubmitRequest(prompt=prompt, conv_id=conv_id, **more))


async def idle(service: ChatService, conv_id: str = "c1") -> None:
    """Wait until nothing runs."""
    await asyncio.wait_for(service.wait_idle(ME, conv_id), BOUNDED_S)


async def until(condition: Callable[[], Any]) -> None:
    """Give the loop turns until something holds."""
    async with asyncio.timeout(BOUNDED_S):
        while True:
            outcome = condition()
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if outcome:
                return
            await asyncio.sleep(0)


async def entities(app: ChatApp, kind: str, conv_id: str = "c1") -> list[dict[str, Any]]:
    """The payloads of a kind, oldest first."""
    snapshot = await app.hub.snapshot(session_id(conv_id), window=DEFAULT_WINDOW)
    return [entity for (found, _), entity in rows_timeline(snapshot.entities).items() if found == kind]


async def texts(app: ChatApp, conv_id: str = "c1") -> list[tuple[str, str]]:
    """(role, content) of all messages."""
    return [(message["role"], message.get("content", "")) for message in await entities(app, "ChatMessage", conv_id)]


async def run_states(app: ChatApp, conv_id: str = "c1") -> list[str]:
    """The statuses of all runs."""
    return [run["status"] for run in await entities(app, "ChatRun", conv_id)]


async def event_names(app: ChatApp, conv_id: str = "c1") -> list[str]:
    """The log's names."""
    return [event.name for event in await app.hub.events(session_id(conv_id), after=0, limit=1000)]  # type: ignore[arg-type]
