"""Engines of the table in a whole chat, and what the document says of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.server import serving
from webchat_nb.app import Config, build
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines import builtin
from webchat_nb.engines.signals import Signals
from webchat_nb.stream import session_id
from webchat_nb.stream.clock import SystemClock
from webchat_nb.testing.engine_contract import AskedCall, Reply, in_time

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")


def profiles(url: str) -> dict[str, Any]:
    return {"profiles": [{"slug": "gpt", "engine": "openai", "model": "tiny", "base_url": url}]}


@pytest.mark.rule("EN3", "EN4")
async def test_an_answer_of_a_model_is_on_the_timeline() -> None:
    calls = Reply(thoughts=["hm"], texts=["Well. "], calls=[AskedCall(tool="a", pieces=["{}"])], usage=(1, 2))
    ended = Reply(texts=["Done."], usage=(3, 4))
    async with (
        serving(chat_answer(calls), chat_answer(ended)) as server,
        build(Config(profiles=profiles(server.url))) as app,
    ):
        assert await app.chat("hi", profile="gpt", conv_id="c").text() == "Well. Done."
        rows = (await app.hub.snapshot(session_id("c"))).entities
    kinds = [row.kind for row in rows]
    assert kinds.count("ChatToolCall") == kinds.count("ChatToolResult") == 1
    (run,) = [row.payload for row in rows if row.kind == "ChatRun"]
    assert b'"usage":{"inputTokens":"4","outputTokens":"6"}' in run


@pytest.mark.rule("EN1", "RN4")
async def test_stopping_a_run_closes_the_stream_of_its_model() -> None:
    silent = chat_answer(Reply(texts=["first"], end="silent"))
    async with serving(silent) as server, build(Config(profiles=profiles(server.url))) as app:
        answer = app.chat("hi", profile="gpt")
        async with asyncio.timeout(20):
            async for _ in answer:
                await answer.stop()
                break
        await in_time(server.left())


def test_the_document_has_every_engine_of_the_table() -> None:
    names = re.findall(r"^\| `([a-z-]+)` \|.*(?:–|`webchat-nb\[)", DOCUMENT, re.MULTILINE)
    assert names == list(builtin.builtin_engines(SystemClock(), Signals()))


def test_the_document_has_every_error_code() -> None:
    told = set(re.findall(r"`(\w+)`", re.search(r"\| Code \|.*?\n\n", DOCUMENT, re.DOTALL)[0]))  # type: ignore[index]
    sources = [path.read_text() for path in (ROOT / "webchat_nb" / "engines").glob("*.py")]
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source)}
    assert codes - told == {"no_turn_matches", "bad_config"}
    assert told - codes <= {"insufficient_quota"}


@pytest.mark.rule("EN2")
async def test_the_function_of_the_document_answers() -> None:
    program = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(compile(program, "engines.md", "exec"), names)
    async with names["app"] as app:
        assert await app.chat("hello", profile="shout").text() == "HELLO"


def test_the_table_opens_nothing() -> None:
    for factory in builtin.builtin_engines(SystemClock(), Signals()).values():
        factory(EnginePlan(profile="p", engine="e", model="m", script="builtin:demo"))
