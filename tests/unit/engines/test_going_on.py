"""What models are told after a restart: the same as without one (TL9)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.model_servers.anthropic import anthropic_answer
from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.openai_responses import responses_answer
from tests.model_servers.server import Asked, ModelServer, WireAnswer, serving
from tests.unit.chat.chats import entities, idle, run_states, submit, texts, until
from tests.unit.chat.test_approvals import decide
from tests.unit.chat.waiting import killed
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.testing.engine_contract import AskedCall, Reply

__all__ = ["anthropic", "openai"]  # to import them takes seconds, which are not those of an answer

pytestmark = pytest.mark.rule("TL9")

Wire = Callable[[Reply], WireAnswer]
VENDORS: list[Any] = [
    pytest.param("openai", chat_answer, id="openai"),
    pytest.param("openai-responses", responses_answer, id="openai-responses"),
    pytest.param("anthropic", anthropic_answer, id="anthropic"),
]
each_vendor = pytest.mark.parametrize(("engine", "wire"), VENDORS)

FIRST = Reply(texts=["Let me ", "look. "], calls=[AskedCall(tool="look", pieces=['{"at": ', '"x"}'])], usage=(5, 1))
SECOND = Reply(
    texts=["I burn."],
    calls=[
        AskedCall(tool="burn", pieces=['{"what": ', '"a"}']),
        AskedCall(tool="burn", pieces=['{"what": "b"}']),
        AskedCall(tool="look", pieces=['{"at": "y"}']),
    ],
    usage=(7, 2),
)
THIRD = Reply(calls=[AskedCall(tool="look", pieces=['{"at": "z"}'])], usage=(2, 1))
ENDED = Reply(texts=["Done."], usage=(9, 3))


class Tools:
    """Tools that say what was done with them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @property
    def functions(self) -> list[Callable[..., Any]]:
        def burn(what: str) -> str:
            """Burns something."""
            self.calls.append(f"burn {what}")
            return f"{what} is ash"

        def look(at: str) -> str:
            """Looks at something."""
            self.calls.append(f"look {at}")
            return f"I see {at}"

        return [burn, look]


@asynccontextmanager
async def chat(folder: Path, server: ModelServer, engine: str, tools: Tools, **config: Any) -> AsyncIterator[ChatApp]:
    """A chat on a file in the folder with a model's server."""
    folder.mkdir(exist_ok=True)
    profile = {
        "slug": "default",
        "engine": engine,
        "model": "tiny",
        "base_url": server.url,
        "tools": ["burn", "look"],
        "approvals": {"burn": "always"},
        **config,
    }
    app = build(
        Config(
            db=str(folder / "chat.db"),
            profiles={"profiles": [profile]},
            tools=tools.functions,
            open_approvals="wait",
        )
    )
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def open_questions(app: ChatApp, *, count: int) -> list[str]:
    """Wait until so many are asked, and the other calls have their results."""

    async def questions() -> bool:
        results = await entities(app, "ChatToolResult")
        return len(await entities(app, "ChatApproval")) >= count and len(results) == 2

    await until(questions)
    return [approval["approvalId"] for approval in await entities(app, "ChatApproval")]


def told(asked: Asked) -> Any:
    """The messages of a request; without what OpenAI's responses call their items, which no model reads."""
    if "messages" in asked.body:
        return asked.body["messages"]
    items = []
    for item in asked.body["input"]:
        item = {key: value for key, value in item.items() if key not in ("id", "status")}
        if item.get("role") == "assistant":
            content = item["content"]
            item = {"role": "assistant", "content": content if isinstance(content, str) else content[0]["text"]}
        items.append(item)
    return items


async def answer(app: ChatApp, ids: list[str]) -> None:
    await decide(app, ids[0], input='{"what": "c"}')
    await decide(app, ids[1], "deny", reason="Not b.")
    await idle(app.service)


@each_vendor
async def test_the_request_after_a_restart_is_that_without_one(tmp_path: Path, engine: str, wire: Wire) -> None:
    answers = [wire(FIRST), wire(SECOND), wire(THIRD), wire(ENDED)]
    tools = Tools()
    async with serving(*answers) as server:
        async with chat(tmp_path / "a", server, engine, tools) as app:
            await submit(app.service, "go")
            await answer(app, await open_questions(app, count=2))
            expected_texts, expected_runs = await texts(app), await entities(app, "ChatRun")
        expected = [told(asked) for asked in server.asked]
    assert tools.calls == ["look x", "look y", "burn c", "look z"]

    tools = Tools()
    async with serving(*answers) as server:
        folder = tmp_path / "b"
        async with chat(folder, server, engine, tools) as app:
            await submit(app.service, "go")
            ids = await open_questions(app, count=2)
            folder = killed(folder)
        async with chat(folder, server, engine, tools) as again:
            assert await run_states(again) == ["running"]
            await answer(again, ids)
            assert await texts(again) == expected_texts
            (run,), (expected_run,) = await entities(again, "ChatRun"), expected_runs
            assert run["usage"] == expected_run["usage"] == {"inputTokens": "23", "outputTokens": "7"}
            calls = [call["toolCallId"].rpartition(":")[2] for call in await entities(again, "ChatToolCall")]
            assert calls == ["1", "2", "3", "4", "5"]
        assert [told(asked) for asked in server.asked] == expected
    assert tools.calls == ["look x", "look y", "burn c", "look z"]


@each_vendor
async def test_what_only_the_server_of_the_model_can_read_is_not_made_up(
    tmp_path: Path, engine: str, wire: Wire
) -> None:
    thoughtful = Reply(thoughts=["Hm."], texts=["I burn."], calls=[AskedCall(tool="burn", pieces=['{"what": "a"}'])])
    async with serving(wire(thoughtful), wire(ENDED)) as server:
        async with chat(tmp_path / "a", server, engine, Tools()) as app:
            await submit(app.service, "go")
            await until(lambda: is_asked(app))
        tools = Tools()
        async with chat(tmp_path / "a", server, engine, tools) as app:
            (approval,) = await entities(app, "ChatApproval")
            if engine == "openai":  # whose thoughts are text
                await decide(app, approval["approvalId"])
            await idle(app.service)
            assert await run_states(app) == ["finished" if engine == "openai" else "interrupted"]
            assert len(tools.calls) == (engine == "openai")
        if engine == "openai":
            assert told(server.asked[-1])[1]["reasoning_content"] == "Hm."
        else:
            assert len(server.asked) == 1


async def is_asked(app: ChatApp) -> bool:
    return bool(await entities(app, "ChatApproval"))


async def test_the_number_of_rounds_counts_on(tmp_path: Path) -> None:
    burning = Reply(calls=[AskedCall(tool="burn", pieces=['{"what": "a"}'])])
    options = {"options": {"max_rounds": 2}}
    async with serving(chat_answer(burning)) as server:
        async with chat(tmp_path / "a", server, "openai", Tools(), **options) as app:
            await submit(app.service, "go")
            await until(lambda: is_asked(app))
        async with chat(tmp_path / "a", server, "openai", Tools(), **options) as app:
            (approval,) = await entities(app, "ChatApproval")
            await decide(app, approval["approvalId"])
            await idle(app.service)
            (run,) = await entities(app, "ChatRun")
            assert (run["status"], "after 2 rounds" in run["error"]) == ("failed", True)
        assert len(server.asked) == 2
