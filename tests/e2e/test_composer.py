"""The composer belongs to the chat: no key pressed in it reaches the notebook."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk, StartServer
from tests.e2e.jupyter import JupyterServer
from tests.e2e.proofs import prove_same
from webchat_nb.testing.page import NotebookPage

_COUNTS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
  (cell) => cell.model.sharedModel.execution_count
)"""


def execution_counts(notebook: NotebookPage) -> list[int | None]:
    counts: list[int | None] = notebook.page.evaluate(_COUNTS)
    return counts


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_no_key_in_the_composer_runs_or_changes_the_notebook(
    desk: Desk, start_server: StartServer, lab: JupyterServer, app: str
) -> None:
    server = lab if app == "lab" else start_server(app=app)
    notebook, chat = desk.open_chat(server, "from webchat_nb import ChatWidget\nChatWidget('numbers')", "1 + 1")
    before = execution_counts(notebook)
    chat.root.evaluate("(root) => { root.isTheSame = true }")

    chat.write("one\ntwo")
    for keys in ("Control+Enter", "Alt+Enter", "Shift+Enter"):
        if keys != "Control+Enter":  # which sends
            chat.page.keyboard.press(keys)
    for shortcut in ("b", "d", "d", "z", "x", "y", "m", "0", "0"):
        chat.page.keyboard.press(shortcut)
    expect(chat.composer).to_be_focused()
    assert chat.composer.input_value().replace("\n\n\n", "\n").startswith("one\ntwo")
    assert "bddzxym00" in chat.composer.input_value()
    chat.page.keyboard.press("Control+A")
    chat.page.keyboard.press("Delete")
    chat.send("first line\nsecond line")
    chat.wait_settled(runs=1)

    expect(chat.messages("user")).to_have_text(["first line\nsecond line"])
    assert chat.words() == ["You", "said:", "first", "line", "second", "line"]
    assert execution_counts(notebook) == before
    assert chat.root.evaluate("(root) => root.isTheSame") is True
    expect(chat.composer).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(chat.composer).not_to_be_focused()


@pytest.mark.rule("RN2", "RN4")
def test_stop_ends_the_answer_and_keeps_what_it_has(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab)
    expect(chat.stop_button).to_have_count(0)
    chat.send("long")
    chat.wait_text("w30 ")
    chat.stop()
    chat.wait_settled(runs=1)
    kept = chat.words()
    assert chat.run_statuses() == ["stopped"]
    assert len(kept) >= 30
    assert kept == [f"w{n}" for n in range(1, len(kept) + 1)]
    expect(chat.stop_button).to_have_count(0)
    chat.send("hello")
    chat.wait_settled(runs=2)
    prove_same(desk.truth(lab, chat), chat, answers=[kept, ["You", "said:", "hello"]])


@pytest.mark.rule("RN1")
def test_a_prompt_during_an_answer_waits_for_its_turn(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab)
    chat.send("endless")
    chat.wait_text("e e e")
    chat.send("hello")
    expect(chat.entities("ChatRun", status="queued")).to_have_count(1)
    desk.shoot(chat, "queued")
    chat.stop()
    chat.wait_settled(runs=2)
    assert chat.run_statuses() == ["stopped", "finished"]
    assert chat.words() == ["You", "said:", "hello"]


def test_a_draft_survives_a_reload(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    notebook.save()
    chat.write("half a thou")
    notebook.reload()
    chat.wait_live()
    expect(chat.composer).to_have_value("half a thou")
