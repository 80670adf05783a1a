"""Chats whose runs wait for a person, on a file that the next server goes on with."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.unit.chat.chats import entities
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.stream import session_id

CALL = {"tool": "delete_file", "args": {"path": "a.txt"}, "approval": True, "result": "gone"}
EARLIER = {"tool": "look", "args": {"n": "{turn}"}, "result": {"seen": 1}}
SCRIPT: dict[str, Any] = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "soon", "steps": [{"call": {**CALL, "approval_expires_s": 60}}, {"say": "Done."}]},
        {
            "match": "long",
            "steps": [
                {"think": "Hm, let me see."},
                {"say": "First I look. "},
                {"call": EARLIER},
                {"call": {**CALL, "args": {"path": "b.txt"}}},
                {"usage": {"input_tokens": 3, "output_tokens": 4}},
                {"say": "Then I ask. "},
                {"wait_for": "go"},
                {"call": CALL},
                {"usage": {"input_tokens": 5, "output_tokens": 6}},
                {"say": "All is done."},
            ],
        },
        {"match": "tool", "steps": [{"call": {"tool": "burn", "args": {"what": "a"}}}, {"say": "Done."}]},
        {"match": "question", "steps": [{"ask": {"question": "Which?"}}, {"say": "You said {answer}."}]},
        {
            "match": "steer",
            "steps": [
                {"say": "Yes?"},
                {"wait_for_steer": True},
                {"call": CALL},
                {"say": "So {steer}."},
                {"wait_for_steer": True},
                {"say": "And {steer}."},
            ],
        },
        {"match": "hold", "steps": [{"call": {"tool": "burn"}}, {"wait_for": "go"}, {"say": "Done."}]},
        {"match": "waits", "steps": [{"say": "Before "}, {"wait_for": "go"}, {"say": "after"}]},
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}


class Burning:
    """A tool of the server that says how often it was called, and may be held up in the middle.

    Attributes:
        began: Called when it begins.
    """

    def __init__(self, *, is_held: bool = False) -> None:
        self.calls: list[str] = []
        self.began: Callable[[], Awaitable[None]] | None = None
        self.may_end = asyncio.Event()
        if not is_held:
            self.may_end.set()

    @property
    def tools(self) -> list[Any]:
        async def burn(what: str) -> str:
            """Burns something."""
            if self.began is not None:
                await self.began()
            self.calls.append(what)
            await self.may_end.wait()
            return f"{what} is ash"

        return [burn]


@asynccontextmanager
async def chat(folder: Path, *, script: dict[str, Any] = SCRIPT, **config: Any) -> AsyncIterator[ChatApp]:
    """A chat on a file in the folder, whose runs wait."""
    folder.mkdir(exist_ok=True)
    path = folder / "script.yaml"
    path.write_text(yaml.safe_dump(script))
    profile = {"slug": "default", "script": str(path), "tools": ["burn"], "approvals": {"burn": "always"}}
    settings: dict[str, Any] = {"open_approvals": "wait", "tools": Burning().tools, **config}
    settings.setdefault("profiles", {"profiles": [profile]})
    app = build(Config(**{"db": str(folder / "chat.db"), **settings}))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def killed(folder: Path) -> Path:
    """What is left when the server of a folder dies now: a folder for the next one."""
    copy = folder.with_name(f"{folder.name}-killed")
    copy.mkdir()
    for file in folder.glob("chat.db*"):
        if file.is_file():
            shutil.copy(file, copy)
    return copy


async def statuses(app: ChatApp) -> list[str]:
    return [approval["status"] for approval in await entities(app, "ChatApproval")]


def told(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what differs from one run to the next: ids and times."""
    left_out = {"created", "updated", "runId", "messageId", "toolCallId", "approvalId", "parentMessageId", "durationMs"}
    return [
        {key: value for key, value in entity.items() if key not in left_out and not key.endswith("AtMs")}
        for entity in timeline
    ]


def is_at_work(app: ChatApp) -> bool:
    run = app._runs._conversations.get(session_id("c1")).active
    return run is not None and run.engine is not None
