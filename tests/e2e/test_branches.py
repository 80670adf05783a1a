"""Edit and resend, answer again, thumbs: on the screen, back and forth, and after a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import JupyterServer
from tests.e2e.test_looks import TEXT_CONTRAST, look
from webchat_nb.testing.page import ChatPage


def handle(message: Locator, name: str) -> Locator:
    return message.locator(f'[data-webchat="{name}"]')


def cards(chat: ChatPage, role: str) -> Locator:
    return chat.entities("ChatMessage", role=role)


def in_fork(chat: ChatPage, role: str, button: str) -> Locator:
    return handle(cards(chat, role), "fork").get_by_role("button", name=button)


@pytest.mark.rule("RN14", "RN10", "FB1")
def test_a_conversation_branches_and_the_person_goes_back_and_forth(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    chat.send("one")
    chat.wait_settled(runs=1)
    chat.send("two")
    chat.wait_settled(runs=2)
    desk.shoot(chat, "before")
    expect(handle(chat.root, "fork")).to_have_count(0)

    cards(chat, "user").nth(1).hover()
    handle(cards(chat, "user").nth(1), "edit").click()
    expect(chat.composer).to_have_value("two")
    expect(chat.composer).to_be_focused()
    chat.composer.fill("two, edited")
    chat.page.keyboard.press("Control+Enter")
    expect(chat.messages("user")).to_have_text(["one", "two, edited"])
    expect(chat.messages("assistant").last).to_contain_text("two, edited")
    expect(handle(cards(chat, "user").nth(1), "fork")).to_contain_text("2/2")
    desk.shoot(chat, "edited")

    in_fork(chat, "user", "Previous version").click()
    expect(chat.messages("user")).to_have_text(["one", "two"])
    chat.send("three")
    expect(chat.messages("assistant").last).to_contain_text("three")
    expect(chat.messages("user")).to_have_text(["one", "two", "three"])

    answer = cards(chat, "assistant").last
    handle(answer, "regenerate").focus()
    chat.page.keyboard.press("Enter")
    expect(handle(cards(chat, "assistant").last, "fork")).to_contain_text("2/2")
    handle(cards(chat, "assistant").last, "up").focus()
    chat.page.keyboard.press("Enter")
    expect(handle(cards(chat, "assistant").last, "up")).to_have_attribute("aria-pressed", "true")
    desk.shoot(chat, "again")

    notebook.save()
    notebook.reload()
    chat.wait_live()
    expect(chat.messages("user")).to_have_text(["one", "two", "three"])
    expect(handle(cards(chat, "assistant").last, "fork")).to_contain_text("2/2")
    expect(handle(cards(chat, "assistant").last, "up")).to_have_attribute("aria-pressed", "true")
    in_fork(chat, "user", "Next version").click()
    expect(chat.messages("user")).to_have_text(["one", "two, edited"])
    expect(chat.root.locator('[data-kind="ChatFeedback"]')).to_have_count(0)


@pytest.mark.rule("RN10")
def test_editing_can_be_given_up(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab)
    chat.send("one")
    chat.wait_settled(runs=1)
    chat.write("a draft")
    cards(chat, "user").first.hover()
    handle(cards(chat, "user").first, "edit").click()
    expect(chat.composer).to_have_value("one")
    handle(chat.root, "cancel-edit").click()
    expect(chat.composer).to_have_value("a draft")


def test_forks_can_be_read_in_the_dark_and_fit_a_narrow_screen(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab, page=desk.new_page(viewport={"width": 480, "height": 900}))
    notebook.execute("application:toggle-left-area")
    try:
        notebook.use_theme("JupyterLab Dark")
        chat.send("one")
        chat.wait_settled(runs=1)
        handle(cards(chat, "assistant").last, "regenerate").focus()
        chat.page.keyboard.press("Enter")
        expect(handle(cards(chat, "assistant").last, "fork")).to_contain_text("2/2")
        handle(cards(chat, "user").first, "edit").focus()
        chat.page.keyboard.press("Enter")
        desk.shoot(chat)
        assert look(chat, "overflowing") == []
        assert [found for found in look(chat, "texts") if found["contrast"] < TEXT_CONTRAST] == []
        assert look(chat, "nameless") == []
    finally:
        notebook.use_theme("JupyterLab Light")
