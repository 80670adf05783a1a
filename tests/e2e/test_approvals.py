"""Approvals, as a person meets them: in JupyterLab and on our own page."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.e2e.chats import EVERYWHERE, Chats, Place, asked, handle

FRAMES = """(card) => new Promise((done) => {
  const heights = [];
  const look = () => {
    heights.push(card.getBoundingClientRect().height);
    if (heights.length < 120) requestAnimationFrame(look); else done(heights);
  };
  requestAnimationFrame(look);
  card.querySelector('[data-webchat="approve"]').click();
})"""
"""The height of a card in each of the frames that follow its approval."""


@EVERYWHERE
@pytest.mark.rule("TL2", "MG6", "MG8")
def test_a_call_waits_until_it_is_allowed_by_keyboard(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("delete")
    expect(asked(chat)).to_have_count(1)
    call = chat.entities("ChatToolCall", state="asking")
    expect(call.locator("pre")).to_have_text('{\n  "path": "a.txt"\n}')
    expect(call.locator('[data-kind="ChatApproval"]')).to_have_count(1)
    expect(chat.root.get_by_role("status").last).to_have_text("Allow the call of delete_file?")
    expect(chat.composer).to_be_focused()  # nobody is interrupted while writing
    handle(chat, "approve").press("Enter")
    chat.wait_settled(runs=1)
    expect(asked(chat, "approved")).to_contain_text("Allowed")
    expect(chat.entities("ChatToolResult")).to_contain_text("deleted a.txt in 1")
    expect(handle(chat, "approve")).to_have_count(0)
    assert asked(chat, "approved").evaluate("(card) => card.contains(document.activeElement)")


@EVERYWHERE
@pytest.mark.rule("TL2")
def test_a_denial_tells_its_reason(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("delete")
    handle(chat, "reason").click()
    chat.page.keyboard.type("I need it")
    chat.page.keyboard.press("Enter")
    chat.wait_settled(runs=1)
    expect(asked(chat, "denied")).to_contain_text("Not allowed")
    expect(asked(chat, "denied")).to_contain_text("I need it")
    expect(chat.entities("ChatToolCall", state="denied")).to_have_count(1)
    expect(chat.entities("ChatToolResult")).to_contain_text("I need it")


@EVERYWHERE
@pytest.mark.rule("TL4")
def test_arguments_are_changed_before_they_are_allowed(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("delete")
    handle(chat, "change").click()
    form = asked(chat).get_by_role("form", name="Arguments")
    path = form.get_by_role("textbox", name="path")
    expect(path).to_be_focused()
    expect(path).to_have_value("a.txt")
    path.press("Escape")
    expect(form).to_have_count(0)
    handle(chat, "change").click()
    path.fill("b.txt")
    form.get_by_role("combobox", name="tries").select_option("3")
    path.press("Enter")
    chat.wait_settled(runs=1)
    expect(asked(chat, "edited")).to_contain_text("Allowed with other arguments")
    expect(chat.entities("ChatToolResult")).to_contain_text("deleted b.txt in 3")


@pytest.mark.rule("TL4", "MG8")
def test_arguments_that_do_not_fit_are_refused_at_the_card_and_can_be_mended(chats: Chats) -> None:
    chat = chats.open("page")
    chat.send("free")
    handle(chat, "change").click()
    area = asked(chat).get_by_role("textbox", name="As JSON")
    area.fill('{"free": [1, 2, 3]}')
    handle(chat, "approve").click()
    expect(asked(chat).get_by_role("alert")).to_contain_text("input.free")
    expect(chat.root.locator(".wcn-notice")).to_have_count(0)
    area.fill('{"free": [7]}')
    handle(chat, "approve").click()
    chat.wait_settled(runs=1)
    expect(chat.entities("ChatToolResult")).to_contain_text("got [7]")


@EVERYWHERE
@pytest.mark.rule("TL2")
def test_two_at_once_are_decided_each_for_itself(chats: Chats, place: Place) -> None:
    chat = chats.open(place, "twice")
    chat.send("go")
    expect(asked(chat)).to_have_count(2)
    handle(chat.entities("ChatToolCall").nth(1), "deny").click()
    expect(asked(chat, "denied")).to_have_count(1)
    expect(asked(chat)).to_have_count(1)
    handle(chat.entities("ChatToolCall").nth(0), "approve").click()
    chat.wait_settled(runs=1)
    assert [call.get_attribute("data-state") for call in chat.entities("ChatToolCall").all()] == ["done", "denied"]
    chat.wait_text("Both are decided.")


@pytest.mark.rule("TL2", "MG8")
def test_what_another_tab_decides_is_shown_here(chats: Chats) -> None:
    chat = chats.open("page")
    chat.send("delete")
    other = chats.open_again(chat)
    handle(chat, "change").click()
    handle(other, "approve").click()
    expect(asked(chat, "approved")).to_contain_text("Allowed")
    for each in (chat, other):
        each.wait_settled(runs=1)
    assert chat.transcript() == other.transcript()


@EVERYWHERE
@pytest.mark.rule("TL2", "MG2")
def test_a_reload_leaves_the_question_open_and_then_shows_the_same(chats: Chats, place: Place) -> None:
    chat = chats.open(place)
    chat.send("delete")
    expect(asked(chat)).to_have_count(1)
    chats.reload(chat)
    handle(chat, "approve").click()
    chat.wait_settled(runs=1)
    live = chat.transcript()
    chats.reload(chat)
    chat.wait_settled(runs=1)
    assert chat.transcript() == live


@pytest.mark.rule("TL2")
def test_the_time_runs_out(chats: Chats) -> None:
    chat = chats.open("page")
    chat.send("soon")
    expect(asked(chat).get_by_role("timer")).to_contain_text("left")
    chat.wait_settled(runs=1)
    expect(asked(chat, "expired")).to_contain_text("Nobody decided in time")
    expect(handle(chat, "approve")).to_have_count(0)
    chat.send("minute")
    expect(asked(chat).get_by_role("timer")).to_have_text(re.compile(r"^1:(2\d|30) left$"))


@pytest.mark.rule("TL2", "MG8")
def test_nothing_jumps_when_it_is_decided(chats: Chats) -> None:
    chat = chats.open("page")
    chat.send("delete")
    expect(asked(chat)).to_have_count(1)
    heights = asked(chat).evaluate(FRAMES)
    expect(asked(chat, "approved")).to_have_count(1)
    assert max(heights) - min(heights) < 1
    chat.wait_settled(runs=1)
    chat.page.set_viewport_size({"width": 340, "height": 800})
    # Slowed down, so that a busy machine draws it more than once.
    devtools = chat.page.context.new_cdp_session(chat.page)
    devtools.send("Animation.enable")
    devtools.send("Animation.setPlaybackRate", {"playbackRate": 0.2})
    chat.send("delete")
    expect(asked(chat)).to_have_count(1)
    heights = asked(chat).evaluate(FRAMES)
    steps = [before - after for before, after in pairwise(heights)]
    chats.desk.record("narrow", f"{heights[0]:.0f} to {heights[-1]:.0f} px, largest step {max(steps):.0f}")
    assert heights[-1] < heights[0] >= max(heights) and max(steps) < (heights[0] - heights[-1])
