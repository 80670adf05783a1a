"""What reads Markdown comes from the server, beside the conversation: in time, late, or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import JupyterServer
from tests.e2e.proxy import TcpProxy
from tests.e2e.standalone import serving_page
from webchat_nb.testing.page import ChatPage

MODULE: Final = re.compile(r"/webchat/static/markdown\.js\?v=[0-9a-f]{16}$")

ANSWER: Final = '[data-kind="ChatMessage"][data-role="assistant"]'

WATCH: Final = f"""() => {{
  const frames = (window.seenFrames = {{ all: 0, withAnswer: 0, unread: 0, unreadEarly: 0 }});
  const since = new WeakMap();
  const look = (now) => {{
    const answers = [...document.querySelectorAll('{ANSWER}')];
    const unread = answers.flatMap((each) => [...each.querySelectorAll(".wcn-content > .wcn-verbatim")]);
    for (const each of unread) if (!since.has(each)) since.set(each, now);
    const seen = unread.filter((each) => getComputedStyle(each).opacity !== "0");
    frames.all += 1;
    frames.withAnswer += answers.length > 0;
    frames.unread += seen.length > 0;
    frames.unreadEarly += seen.some((each) => now - since.get(each) < 500);
    requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}"""
"""Counts the drawn frames in which an answer could be seen as it was written, also in its first half second."""

NARROW: Final = "from webchat_nb import ChatWidget\nChatWidget('numbers', height=320)"


def place(chat: ChatPage, nth: int) -> Any:
    """How far below the top of the timeline a prompt begins, in pixels."""
    return (
        chat.entities("ChatMessage", role="user")
        .nth(nth)
        .evaluate("""(prompt) =>
      prompt.getBoundingClientRect().top - prompt.closest('[data-webchat="timeline"]').getBoundingClientRect().top""")
    )


@pytest.mark.rule("MG7", "RD1")
def test_in_time_no_answer_is_ever_seen_unread(desk: Desk, lab: JupyterServer) -> None:
    page = desk.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if MODULE.search(request.url) else None)
    cell = "from webchat_nb import ChatWidget\nfor n in range(2):\n    display(ChatWidget('numbers', height=320))"
    notebook, chat = desk.open_chat(lab, cell, page=page)
    chat.send("tour")
    chat.wait_settled(runs=1)
    expect(chat.answer().locator("h1")).to_have_text("A heading")
    expect(notebook.chat(1).answer().locator("h1")).to_have_text("A heading")
    assert len(asked) == 1  # both views share it
    notebook.save()

    page.add_init_script(f"({WATCH})()")
    notebook.reload()
    chat.wait_live()
    expect(chat.answer().locator("h1")).to_have_text("A heading")
    loaded = page.evaluate(
        """() => performance.getEntriesByType("resource")
          .filter((each) => each.name.includes("/webchat/static/markdown.js"))
          .map((each) => each.transferSize)"""
    )
    assert loaded == [0]  # the browser had kept it
    frames = page.evaluate("window.seenFrames")
    desk.record("frames", str(frames))
    assert frames["withAnswer"] > 0 and frames["unread"] == 0


@pytest.mark.rule("MG7", "RD1")
def test_blocked_text_is_plain_and_safe_and_the_next_connection_brings_the_rest(desk: Desk, lab: JupyterServer) -> None:
    page = desk.new_page()
    page.route(MODULE, lambda route: route.abort())
    with TcpProxy(lab.port) as proxy:
        notebook, chat = desk.open_chat(lab, NARROW, page=page, port=proxy.port)
        for number in range(1, 5):
            chat.send("tour" if number != 2 else "evil")
            chat.wait_settled(runs=number)
        expect(chat.answer()).to_contain_text("# A heading")
        expect(chat.answer().locator("h1, strong, table")).to_have_count(0)
        evil = chat.entities("ChatMessage", role="assistant").filter(has_text="window.pwned")
        expect(evil.locator("script, iframe, svg, img, a, [onerror], [onload]")).to_have_count(0)
        assert page.evaluate("() => window.pwned") is None
        chat.entities("ChatMessage", role="user").nth(2).evaluate("(prompt) => prompt.scrollIntoView()")
        expect(chat.root.get_by_role("button", name="Jump to latest")).to_be_visible()
        before = place(chat, 2)
        desk.shoot(chat, "plain")

        page.unroute(MODULE)
        proxy.cut()
        chat.wait_state("reconnecting")
        proxy.restore()
        notebook.dismiss_dialogs()
        expect(chat.root.locator("h1")).to_have_count(3)
        chat.wait_live()
        desk.shoot(chat, "recovered")
        assert abs(place(chat, 2) - before) <= 1
        assert page.evaluate("() => window.pwned") is None


@pytest.mark.rule("MG7")
def test_late_the_text_is_shown_after_a_moment_and_the_end_stays_in_view(desk: Desk, lab: JupyterServer) -> None:
    page = desk.new_page()
    held: list[Route] = []
    page.route(MODULE, lambda route: held.append(route))
    page.add_init_script(f"({WATCH})()")
    _, chat = desk.open_chat(lab, NARROW, page=page)
    for number in (1, 2):
        chat.send("tour")
        chat.wait_settled(runs=number)
    expect(chat.answer().locator(".wcn-verbatim")).to_have_css("opacity", "1")
    frames = page.evaluate("window.seenFrames")
    assert frames["unread"] > 0 and frames["unreadEarly"] == 0
    [route] = held
    route.continue_()
    expect(chat.answer().locator("h1")).to_have_text("A heading")
    from_end = "(e) => e.scrollHeight - e.scrollTop - e.clientHeight"
    assert chat.root.locator('[data-webchat="timeline"]').evaluate(from_end) <= 1


@pytest.mark.rule("MG7")
@pytest.mark.parametrize("body", ["export const other = 1;", "throw new Error('of another version')", "<html>"])
def test_what_does_not_fit_is_as_good_as_none(desk: Desk, lab: JupyterServer, body: str) -> None:
    page = desk.new_page()
    answer: dict[str, Any] = {"status": 200, "content_type": "text/javascript", "body": body}
    page.route(MODULE, lambda route: route.fulfill(**answer))
    _, chat = desk.open_chat(lab, page=page)
    chat.send("tour")
    chat.wait_settled(runs=1)
    expect(chat.answer()).to_contain_text("# A heading")
    expect(chat.root.get_by_role("alert")).to_have_count(0)


@pytest.mark.rule("MG7")
def test_our_own_page_brings_it_along(desk: Desk, tmp_path: Path) -> None:
    page = desk.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serving_page(tmp_path) as address:
        page.goto(address)
        chat = ChatPage(page)
        chat.wait_live()
        chat.send("**bold**")
        chat.wait_settled(runs=1)
    expect(chat.answer().locator("strong")).to_have_text("bold")
    assert asked and not [url for url in asked if "markdown" in url]
