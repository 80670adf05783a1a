"""Run the cell, send a prompt, read the answer: in JupyterLab, in Notebook 7, below another base URL."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk, StartServer
from tests.e2e.jupyter import JupyterServer
from tests.e2e.proofs import prove_same
from tests.e2e.scripts import MIDDLING, SHORT


@pytest.mark.rule("MG6")
def test_a_prompt_typed_and_sent_by_keyboard_is_answered(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab)
    chat.send("short")
    chat.wait_settled(runs=1)
    assert chat.run_statuses() == ["finished"]
    expect(chat.messages("user")).to_have_text(["short"])
    expect(chat.composer).to_have_value("")
    prove_same(desk.truth(lab, chat), chat, answers=[SHORT])


@pytest.mark.rule("MG6")
@pytest.mark.parametrize(("app", "base_url"), [("notebook", "/"), ("lab", "/user/alice/")])
def test_other_applications_and_base_urls_answer_too(
    desk: Desk, start_server: StartServer, app: str, base_url: str
) -> None:
    server = start_server(app=app, base_url=base_url)
    notebook, chat = desk.open_chat(server)
    chat.send("short")
    chat.wait_settled(runs=1)
    notebook.save()
    notebook.reload()
    chat.wait_live()
    chat.send("short")
    chat.wait_settled(runs=2)
    prove_same(desk.truth(server, chat), chat, answers=[SHORT, SHORT])


def test_an_unknown_profile_is_told_and_the_prompt_is_given_back(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab, "from webchat_nb import ChatWidget\nChatWidget(profile='nonsense')")
    chat.send("hello")
    alert = chat.root.get_by_role("alert")
    expect(alert).to_contain_text("nonsense")
    expect(alert).to_contain_text("numbers")  # what there is instead
    expect(chat.composer).to_have_value("hello")
    expect(chat.entities("ChatRun")).to_have_count(0)


@pytest.mark.rule("RN5")
def test_a_failed_answer_says_why_and_can_be_tried_again(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    chat.send("fail")
    chat.wait_settled(runs=1)
    notebook.save()
    notebook.reload()
    chat.wait_live()
    assert chat.run_statuses() == ["failed"]
    expect(chat.entities("ChatRun")).to_contain_text("out of luck")
    chat.root.locator('[data-webchat="retry"]').press("Enter")
    chat.wait_settled(runs=2)
    assert chat.run_statuses() == ["failed", "failed"]
    assert [chat.words(0), chat.words(1)] == [["Half", "a"], ["Half", "a"]]


def test_two_views_of_one_conversation_share_a_connection(desk: Desk, lab: JupyterServer) -> None:
    cell = "from webchat_nb import ChatWidget\nfor n in range(2):\n    display(ChatWidget('numbers', height=320))"
    page = desk.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    notebook, upper = desk.open_chat(lab, cell, page=page)
    lower = notebook.chat(1)
    lower.wait_live()
    assert upper.conversation == lower.conversation
    upper.send("short")
    lower.send("middling")
    for chat in (upper, lower):
        chat.wait_settled(runs=2)
    prove_same(desk.truth(lab, upper), upper, lower, answers=[SHORT, MIDDLING])
    assert len([url for url in sockets if "/webchat/" in url]) == 1
