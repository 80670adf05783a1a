"""The look: colours follow the theme and can be read, nothing is cut off, everything has a name for assistive tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import JupyterServer
from webchat_nb.testing.page import ChatPage, NotebookPage

LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")

TEXT_CONTRAST = 4.5
"""WCAG 2.2 AA for text."""

ICON_CONTRAST = 3.0
"""WCAG 2.2 AA for icons and edges that one has to see."""


def look(chat: ChatPage, what: str) -> Any:
    return chat.root.evaluate(f"(root) => {{ {LOOK}\n return {what}(root); }}")


def show_everything(desk: Desk, lab: JupyterServer, **settings: Any) -> tuple[NotebookPage, ChatPage]:
    cell = "from webchat_nb import ChatWidget\nChatWidget('numbers', height=820)"
    notebook, chat = desk.open_chat(lab, cell, page=desk.new_page(**settings))
    chat.send("tour")
    chat.wait_settled(runs=1)
    chat.send("fail")
    chat.wait_settled(runs=2)
    chat.write("a draft")
    return notebook, chat


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_colours_follow_the_theme_and_can_be_read(desk: Desk, lab: JupyterServer, theme: Any) -> None:
    notebook, chat = show_everything(desk, lab, viewport={"width": 1280, "height": 1100})
    try:
        notebook.use_theme(theme)
        expect(chat.root).to_have_css("background-color", look(chat, "pageColour"))
        desk.shoot(chat)
        faint = [found for found in look(chat, "texts") if found["contrast"] < TEXT_CONTRAST]
        assert not faint
        assert look(chat, "sendButtonContrast") >= ICON_CONTRAST
    finally:
        notebook.use_theme("JupyterLab Light")


@pytest.mark.parametrize("width", [480, 760, 1900])
def test_any_width_shows_everything_without_scrolling_sideways(desk: Desk, lab: JupyterServer, width: int) -> None:
    notebook, chat = show_everything(desk, lab, viewport={"width": width, "height": 1100})
    if width < 800:
        notebook.execute("application:toggle-left-area")
    chat.root.scroll_into_view_if_needed()
    desk.shoot(chat)
    assert look(chat, "overflowing") == []
    expect(chat.send_button).to_be_in_viewport(ratio=1)


@pytest.mark.rule("MG6")
def test_everything_has_a_role_and_a_name(desk: Desk, lab: JupyterServer) -> None:
    _, chat = show_everything(desk, lab)
    region = chat.page.get_by_role("region", name="Chat", exact=True)
    expect(region).to_have_count(1)
    expect(region.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "polite")
    expect(region.get_by_role("log")).to_have_attribute("aria-busy", "false")
    expect(region.get_by_role("textbox", name="Message")).to_have_count(1)
    expect(region.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    expect(region.get_by_role("status").first).to_have_text("Live")
    expect(region.get_by_role("group", name="You")).to_have_count(2)
    expect(region.get_by_role("group", name="Assistant").first).to_be_visible()
    assert look(chat, "nameless") == []
    assert look(chat, "doubleIds") == []


def test_every_control_is_reached_by_tab_and_shows_its_focus(desk: Desk, lab: JupyterServer) -> None:
    _, chat = show_everything(desk, lab)
    chat.timeline.focus()
    reached = []
    for _ in range(40):
        chat.page.keyboard.press("Tab")
        focused = look(chat, "focused")
        if focused is None:
            break
        assert focused["isMarked"], f"no focus ring: {focused}"
        reached.append(focused["name"])
    assert reached[-2:] == ["Message", "Send"]
    assert "Retry" in reached
