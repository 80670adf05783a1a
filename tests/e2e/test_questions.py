"""Questions with forms, as a person meets them; and whether everything that waits for one can be read and reached."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.chats import EVERYWHERE, Chats, Place, asked, handle
from tests.e2e.page_tools import COLOUR, PROFILE, register
from tests.e2e.test_looks import TEXT_CONTRAST, look
from webchat_nb.testing.page import ChatPage, NotebookPage


@EVERYWHERE
@pytest.mark.rule("TL5", "MG2")
def test_a_question_is_answered_with_its_form(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("journey")
    form = asked(chat).get_by_role("form", name="Where do you want to go?")
    handle(form, "approve").click()
    expect(form.get_by_label("City")).to_be_focused()
    expect(form.get_by_text("Please fill this in.")).to_have_count(2)
    form.get_by_label("City").fill("Rome")
    expect(form.get_by_label("Days")).to_have_value("3")
    form.get_by_label("business").check()
    form.get_by_label("First day").fill("2030-05-01")
    form.get_by_label("dinner").check()
    form.get_by_label("A pet comes along").check()
    form.get_by_label("Notes").fill("two\nlines")
    handle(form, "approve").press("Enter")
    chat.wait_settled(runs=1)
    answer = {"city": "Rome", "days": 3, "class": "business", "when": "2030-05-01", "meals": ["dinner"], "pets": True}
    for word in [*map(str, answer.values())][:4]:
        expect(asked(chat, "approved")).to_contain_text(word)
    chat.wait_text('{"city":"Rome","days":3,"class":"business","when":"2030-05-01","meals":["dinner"],"pets":true')
    live = chat.transcript()
    chats.reload(chat)
    chat.wait_settled(runs=1)
    assert chat.transcript() == live


@pytest.mark.rule("TL5")
def test_a_question_without_a_form_takes_a_text_or_is_declined(chats: Chats) -> None:
    chat = chats.open("page")
    chat.send("name")
    asked(chat).get_by_label("Answer").fill("Ana")
    asked(chat).get_by_label("Answer").press("Enter")
    chat.wait_settled(runs=1)
    chat.wait_text('{"answer":"Ana"}')
    chat.send("name")
    handle(asked(chat), "deny").click()
    chat.wait_settled(runs=2)
    expect(asked(chat, "denied")).to_contain_text("Declined")


@EVERYWHERE
@pytest.mark.rule("TL7", "MG8")
def test_a_person_gives_a_result_in_place_of_a_tool(chats: Chats, place: Place) -> None:
    chat = chats.open(place, PROFILE)
    chat.page.evaluate(f"() => {{ {register(COLOUR)} }}")
    chat.send("colour")
    call = chat.entities("ChatToolCall", state="asking")
    expect(call).to_contain_text("in the browser")
    call.get_by_label("blue").check()
    handle(call, "approve").click()
    chat.wait_settled(runs=1)
    expect(chat.entities("ChatToolResult")).to_contain_text("blue")
    expect(handle(chat, "approve")).to_have_count(0)
    chat.send("colour")
    handle(chat, "deny").click()
    chat.wait_settled(runs=2)
    expect(chat.entities("ChatToolResult").last).to_contain_text("The user declined to answer.")
    expect(chat.entities("ChatToolCall", state="failed")).to_have_count(1)


@pytest.mark.rule("TL5", "MG8")
def test_of_a_form_that_is_taller_than_the_view_the_question_is_seen_first(chats: Chats) -> None:
    chat = chats.open("page", viewport={"width": 600, "height": 420})
    chat.send("name")
    asked(chat).get_by_label("answer").press("Enter")
    expect(asked(chat).get_by_text("Please fill this in.")).to_be_in_viewport()
    handle(chat, "deny").click()
    chat.send("journey")
    expect(asked(chat)).to_have_count(1)
    expect(asked(chat).get_by_text("Where do you want to go?")).to_be_in_viewport(ratio=1)
    expect(handle(chat, "approve")).not_to_be_in_viewport()
    expect(chat.root.get_by_role("button", name="Jump to latest")).to_have_count(0)
    chats.desk.shoot(chat, "tall")
    notes = asked(chat).get_by_label("Notes")
    notes.focus()
    before = chat.timeline.evaluate("(timeline) => timeline.scrollTop")
    notes.evaluate("(area) => { area.style.height = '200px'; }")
    chat.page.wait_for_function("() => document.querySelector('textarea').offsetHeight === 200")
    assert chat.timeline.evaluate("(timeline) => timeline.scrollTop") == before
    asked(chat).get_by_label("City").fill("Rome")
    asked(chat).get_by_label("economy").check()
    handle(chat, "approve").click()
    chat.wait_settled(runs=2)
    expect(chat.answer()).to_be_in_viewport()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_questions_can_be_read_in_every_theme(chats: Chats, theme: Any) -> None:
    chat = chats.open("lab", height=1200, viewport={"width": 1280, "height": 1500})
    notebook = NotebookPage(chat.page)
    try:
        notebook.use_theme(theme)
        chat.send("delete")
        expect(asked(chat)).to_have_count(1)
        prove_readable(chats, chat, f"approval-{theme}")
        handle(chat, "deny").click()
        chat.wait_settled(runs=1)
        chat.send("sales")
        chat.wait_settled(runs=2)
        chat.send("journey")
        handle(asked(chat), "approve").click()
        expect(asked(chat).get_by_text("Please fill this in.")).to_have_count(2)
        prove_readable(chats, chat, f"question-{theme}")
    finally:
        notebook.use_theme("JupyterLab Light")


@pytest.mark.parametrize("width", [340, 1900])
def test_questions_fit_any_width_and_every_control_has_a_name_and_a_focus_ring(chats: Chats, width: int) -> None:
    chat = chats.open("page", viewport={"width": width, "height": 900})
    chat.send("sales")
    chat.wait_settled(runs=1)
    chat.send("delete")
    handle(chat, "change").click()
    prove_readable(chats, chat, "change")
    handle(chat, "back").click()
    prove_readable(chats, chat, "approval")
    chat.timeline.focus()
    reached = set()
    for _ in range(40):
        chat.page.keyboard.press("Tab")
        focused = look(chat, "focused")
        if focused is None:
            break
        assert focused["isMarked"], f"no focus ring: {focused}"
        reached.add(focused["name"])
    assert reached >= {"Table", "Allow", "Deny", "Edit", "Deny with a reason", "Message"}
    handle(chat, "deny").click()
    chat.wait_settled(runs=2)
    chat.send("journey")
    expect(asked(chat)).to_have_count(1)
    prove_readable(chats, chat, "question")


def prove_readable(chats: Chats, chat: ChatPage, moment: str) -> None:
    chats.desk.shoot(chat, moment)
    assert [found for found in look(chat, "texts") if found["contrast"] < TEXT_CONTRAST] == []
    assert look(chat, "overflowing") == []
    assert look(chat, "nameless") == []
    assert look(chat, "doubleIds") == []
