"""Whatever happens in the middle of an answer: each word exactly once, in order, on every screen and in the log."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk, StartServer
from tests.e2e.jupyter import JupyterServer
from tests.e2e.proofs import prove_same
from tests.e2e.proxy import TcpProxy
from tests.e2e.scripts import HOLD_AFTER, LONG, SHORT
from webchat_nb.testing.page import ChatPage

OUTAGE_S = 3.0
"""How long the network is away."""

RECOVERY_S = 25.0
"""How long after an outage the chat may take to be live again: the longest pause between two tries, and some."""


def wait_for_recovery(desk: Desk, chat: ChatPage) -> None:
    """Wait until the chat is live again; the report (``--junitxml``) says how long it took."""
    began_s = time.monotonic()
    chat.wait_live(RECOVERY_S)
    desk.record("recovery_s", round(time.monotonic() - began_s, 2))


def see_it_out(server: JupyterServer, *chats: ChatPage) -> None:
    """Follow an answer that is still being given up to where it holds, and from there to its end."""
    for chat in chats:
        expect(chat.entities("ChatMessage", streaming="true")).to_have_count(1)
        chat.wait_text(f"w{HOLD_AFTER}")
    server.release()
    for chat in chats:
        chat.wait_text(LONG[-1])


@pytest.mark.rule("MG2", "FR6")
def test_a_reload_in_the_middle_of_an_answer(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    notebook.save()
    chat.send("long")
    chat.wait_text("w50 ")
    notebook.reload()
    chat.wait_live()
    see_it_out(lab, chat)
    chat.wait_settled(runs=1)
    prove_same(desk.truth(lab, chat), chat, answers=[LONG])

    live = chat.transcript()
    notebook.reload()
    chat.wait_live()
    assert chat.transcript() == live


@pytest.mark.rule("FR9", "MG5")
def test_a_network_that_is_cut_and_comes_back(desk: Desk, lab: JupyterServer) -> None:
    with TcpProxy(lab.port) as proxy:
        notebook, chat = desk.open_chat(lab, port=proxy.port)
        chat.send("long")
        chat.wait_text("w50 ")
        proxy.cut()
        chat.wait_state("reconnecting", timeout_s=OUTAGE_S)
        expect(chat.entities("ChatRun", lost="true")).to_contain_text("Connection lost", timeout=OUTAGE_S * 1000)
        shown = chat.words()
        time.sleep(OUTAGE_S)
        notebook.dismiss_dialogs()
        desk.shoot(chat, "while-cut")
        assert chat.words() == shown
        proxy.restore()
        wait_for_recovery(desk, chat)
        assert chat.words()[: len(shown)] == shown
        see_it_out(lab, chat)
        chat.wait_settled(runs=1)
        prove_same(desk.truth(lab, chat), chat, answers=[LONG])


@pytest.mark.rule("FR9")
def test_a_prompt_sent_while_the_network_is_away_arrives_once(desk: Desk, lab: JupyterServer) -> None:
    with TcpProxy(lab.port) as proxy:
        notebook, chat = desk.open_chat(lab, port=proxy.port)
        proxy.cut()
        chat.wait_state("reconnecting")
        notebook.dismiss_dialogs()
        chat.send("short")
        expect(chat.root.locator('[data-webchat="pending"]')).to_contain_text("short")
        desk.shoot(chat, "pending")
        time.sleep(1)
        proxy.restore()
        chat.wait_settled(runs=1)
        expect(chat.root.locator('[data-webchat="pending"]')).to_have_count(0)
        prove_same(desk.truth(lab, chat), chat, answers=[SHORT])


@pytest.mark.rule("FR9")
def test_a_browser_that_is_offline_with_its_socket_half_open(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab)
    chat.send("long")
    chat.wait_text("w50 ")
    chat.page.context.set_offline(True)
    chat.wait_state("reconnecting", timeout_s=OUTAGE_S)
    time.sleep(OUTAGE_S)
    desk.shoot(chat, "while-offline")
    chat.page.context.set_offline(False)
    wait_for_recovery(desk, chat)
    see_it_out(lab, chat)
    chat.wait_settled(runs=1)
    prove_same(desk.truth(lab, chat), chat, answers=[LONG])


@pytest.mark.rule("MG2", "RN4")
def test_two_tabs_show_the_same_and_either_may_stop(desk: Desk, lab: JupyterServer) -> None:
    first_notebook, first = desk.open_chat(lab)
    first_notebook.save()
    first.send("long")
    first.wait_text("w50 ")
    second_notebook = desk.open(lab, name=desk.name_of(first_notebook), page=first.page.context.new_page())
    second = second_notebook.chat()
    second.wait_live()
    see_it_out(lab, first, second)
    second.wait_settled(runs=1)
    first.wait_settled(runs=1)
    second.send("endless")
    first.wait_text("e e e")
    first.stop()
    for chat in (first, second):
        chat.wait_settled(runs=2)
        assert chat.run_statuses() == ["finished", "stopped"]
    second.send("short")
    for chat in (first, second):
        chat.wait_settled(runs=3)
    prove_same(desk.truth(lab, first), first, second, answers=[LONG, first.words(1), SHORT])

    first.page.bring_to_front()
    first_notebook.reload()
    first.wait_live()
    assert first.transcript() == second.transcript()


@pytest.mark.rule("MG2")
def test_a_kernel_restart_in_the_middle_of_an_answer(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    chat.send("short")
    chat.wait_settled(runs=1)
    conversation = chat.conversation
    chat.send("long")
    chat.wait_text("w50 ")
    notebook.restart_kernel()
    notebook.run_all()
    chat.wait_live()
    assert chat.conversation == conversation
    see_it_out(lab, chat)
    assert chat.words(0) == SHORT
    chat.wait_settled(runs=2)
    chat.send("short")
    chat.wait_settled(runs=3)
    prove_same(desk.truth(lab, chat), chat, answers=[SHORT, LONG, SHORT])


@pytest.mark.rule("ST2", "RN3", "RN2")
@pytest.mark.parametrize("token", ["same", "another"])
def test_a_server_that_is_killed_and_started_again(desk: Desk, start_server: StartServer, token: str) -> None:
    server = start_server()
    notebook, chat = desk.open_chat(server)
    notebook.save()
    chat.send("short")
    chat.wait_settled(runs=1)
    chat.send("long")
    chat.wait_text("w100 ")
    server.kill()
    chat.wait_state("reconnecting", timeout_s=5)
    shown = chat.words()
    assert len(shown) >= 100
    if token == "another":  # what most people have: Jupyter makes one up at each start
        server.token = server.token[::-1]
    server.start()
    wait_for_recovery(desk, chat)
    chat.wait_settled(runs=2)

    kept = chat.words()
    assert kept[: len(shown)] == shown, "something that had been shown is gone"
    assert kept == LONG[: len(kept)]
    assert chat.run_statuses() == ["finished", "interrupted"]
    expect(chat.entities("ChatRun", status="interrupted")).to_contain_text("interrupted")
    expect(chat.entities("ChatRun", status="interrupted")).to_be_visible()
    truth = desk.truth(server, chat)
    assert truth.run_ends() == ["finished", "interrupted"]
    prove_same(truth, chat, answers=[SHORT, kept])
    notebook.dismiss_dialogs()
    desk.shoot(chat, "settled")
    chat.send("short")
    chat.wait_settled(runs=3)
    prove_same(truth, chat, answers=[SHORT, kept, SHORT])

    before = chat.transcript()
    notebook.open(server.notebook_url(desk.name_of(notebook)))
    notebook.run_all()
    chat.wait_live()
    assert chat.transcript() == before
