"""Manifests: what pages offer, checked, and kept for a while (TL7)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, idle
from tests.unit.chat.tools.pages import (
    C1,
    chat,
    names,
    offer,
    prompt,
)
from webchat_nb.chat.tools.browser import manifests
from webchat_nb.chat.tools.browser.browser_tools import LEASE_S, BrowserTools
from webchat_nb.chat.tools.browser.manifests import MAX_ACTOR_BYTES, MAX_PAGES, Manifests, Place
from webchat_nb.errors import (
    BadRequestError,
    TooLargeError,
)
from webchat_nb.stream import SessionId
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import Limits, decode
from webchat_nb.wire.tool_requests import ManifestRequest, OfferedTool

pytestmark = pytest.mark.rule("TL7")


async def test_what_several_pages_offer_is_put_together_and_the_newest_is_heard(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, OfferedTool(name="a", description="first"), "b")
        await offer(app, OfferedTool(name="a", description="second"), "c", client="page2")
        assert names(app) == ["a", "b", "c"]
        tools = app.service.browser_tools.tools(C1, "")
        assert tools[0].schema.description == "second"
        assert tools[1].schema.input_schema == {"type": "object", "properties": {}}
        await offer(app, OfferedTool(name="a", description="third"))  # all of page1: b is gone
        assert names(app) == ["a", "c"]
        assert app.service.browser_tools.tools(C1, "")[0].schema.description == "third"
        assert await offer(app, client="page2") == 0
        assert names(app) == ["a"]


async def test_a_manifest_stands_until_its_time_is_over(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await offer(app, "a")
        await offer(app, "b", client="page2")
        clock.jump(LEASE_S - 1)
        await offer(app, "b", client="page2")
        assert names(app) == ["a", "b"]
        clock.jump(1)
        assert names(app) == ["b"]


async def test_a_manifest_goes_with_its_conversation(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "a")
        await prompt(app, "form")
        await idle(app.service)
        await app.service.erase_session(ME, "c1")
        assert names(app) == []


def manifest(*tools: dict[str, Any], client: str = "page1") -> ManifestRequest:
    return decode(json.dumps({"clientId": client, "tools": tools}).encode(), ManifestRequest)


@pytest.mark.rule("AC6")
@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([{"name": "a b"}], r"^tools\[0\]\.name: expected 1-64"),
        ([{"name": "a" * 65}], r"^tools\[0\]\.name: "),
        ([{"name": "a"}, {"name": "a"}], r"^tools\[1\]\.name: 'a' is there twice"),
        ([{"name": "a", "inputSchema": {}}], r"^tools\[0\]\.inputSchema\.type: expected 'object'"),
        ([{"name": "a", "answerSchema": {"type": "array"}}], r"^tools\[0\]\.answerSchema\.type: "),
        (
            [{"name": "x"}, {"name": "a", "inputSchema": {"type": "object", "properties": {"n": {"type": "numbr"}}}}],
            r"^tools\[1\]\.inputSchema\.properties\.n\.type: ",
        ),
        ([{"name": "a", "timeoutS": 0}], r"^tools\[0\]\.timeoutS: "),
        ([{"name": "a", "timeoutS": 1e9}], r"^tools\[0\]\.timeoutS: "),
        ([{"name": "a", "approval": "maybe"}], r"\$\.tools\[0\]\.approval"),
        ([{"name": "a", "run": "x"}], "run"),
        ([{"description": "x"}], "name"),
        ([{"name": "a", "description": "x" * 31}], r"^tools\[0\]\.description: .*max_tool_chars"),
        ([{"name": "a", "inputSchema": {"type": "object", "title": "x" * 30}}], r"inputSchema: .*max_tool_chars"),
        ([{"name": c} for c in "abc"], "max_browser_tools"),
        (
            [{"name": "a", "answerSchema": {"type": "object", "properties": {"a": {"$ref": "#"}}}}],
            r"^tools\[0\]\.answerSchema\.properties\.a\.\$ref: ",
        ),
        (
            [{"name": "a", "inputSchema": {"type": "object", "properties": {"a": {"$ref": "http://x/"}}}}],
            r"^tools\[0\]\.inputSchema\.properties\.a\.\$ref: ",
        ),
    ],
)
async def test_a_manifest_that_cannot_be_used_says_where(tools: list[dict[str, Any]], message: str) -> None:
    most = 30 if "max_tool_chars" in message else 1000
    limits = Limits(max_browser_tools=2, max_tool_chars=most)
    browser = BrowserTools(clock=ManualClock(), limits=limits, timeout_s=60)
    await browser.offer(C1, "", manifest({"name": "before"}))
    with pytest.raises((BadRequestError, TooLargeError), match=message):
        await browser.offer(C1, "", manifest(*tools))
    assert [tool.schema.name for tool in browser.tools(C1, "")] == ["before"]


async def test_the_manifest_of_the_documents_can_be_used() -> None:
    text = (Path(__file__).parents[4] / "docs" / "tools.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    browser = BrowserTools(clock=ManualClock(), limits=Limits(), timeout_s=60)
    assert (await browser.offer(C1, "", decode(example.encode(), ManifestRequest))).tools == 1


@pytest.mark.parametrize("client", ["", "x" * 129, "a b", "ä"])
async def test_a_page_needs_a_name(client: str) -> None:
    browser = BrowserTools(clock=ManualClock(), limits=Limits(), timeout_s=60)
    with pytest.raises(BadRequestError, match=r"^clientId: "):
        await browser.offer(C1, "", manifest({"name": "a"}, client=client))


@pytest.mark.rule("AC6")
def test_pages_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, tools = Manifests(), [OfferedTool(name="a", description="x" * 10_000)]

    def put(actor: str, conv_id: str, client: str = "page1") -> None:
        kept.put(Place(SessionId(conv_id), actor), client, tools, now_s=0, until_s=1)

    def count(actor: str, conv_id: str) -> int:
        return len(list(kept.offered(Place(SessionId(conv_id), actor), now_s=0)))

    for n in range(MAX_PAGES + 5):
        put("ann", "c1", f"page{n}")
    assert count("ann", "c1") == MAX_PAGES
    for n in range(2000):
        put("bob", f"c{n}")
    assert count("bob", "c0") == 0 and count("bob", "c1999") == 1
    held = sum(count("bob", f"c{n}") for n in range(2000))
    assert MAX_ACTOR_BYTES * 0.9 < held * 12_000 < MAX_ACTOR_BYTES * 1.1
    assert count("ann", "c1") == MAX_PAGES, "the others keep theirs"
    monkeypatch.setattr(manifests, "MAX_BYTES", MAX_ACTOR_BYTES)
    put("eve", "c1")
    assert count("eve", "c1") == 1 and count("ann", "c1") == MAX_PAGES, "whoever has most gives way"
    assert sum(count("bob", f"c{n}") for n in range(2000)) < held


def test_what_has_ended_is_let_go() -> None:
    kept = Manifests()
    for n in range(100):
        kept.put(Place(SessionId(f"c{n}"), "ann"), "page1", [OfferedTool(name="a")], now_s=n, until_s=n + 10)
    assert len(kept._by_place) == 10
    for n in range(100):
        kept.forget(SessionId(f"c{n}"))
    assert (kept._by_place, kept._by_actor, kept._actor_bytes) == ({}, {}, {})
