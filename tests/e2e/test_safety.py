"""What an answer holds is never run, and nothing of a conversation gets into the notebook's file or its kernel."""

from __future__ import annotations

import pytest
from playwright.sync_api import WebSocket

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import JupyterServer
from tests.e2e.scripts import SHORT

SAVE_WIDGET_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"


@pytest.mark.rule("RD1")
def test_markup_in_an_answer_is_shown_and_not_run(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab)
    requests: list[str] = []
    chat.page.on("request", lambda request: requests.append(request.url))
    notebook.save()
    chat.send("evil")
    chat.wait_settled(runs=1)
    chat.wait_text("after")
    assert chat.page.evaluate("() => window.pwned") is None
    dangerous = "script, iframe, object, embed, [onerror], [onload], [ontoggle], img, a[href^='javascript' i]"
    assert chat.answer().locator(dangerous).count() == 0
    assert not [url for url in requests if url.endswith("/x")], "an image was loaded without a click"

    notebook.reload()
    chat.wait_live()
    chat.wait_text("after")
    assert chat.page.evaluate("() => window.pwned") is None
    assert chat.answer().locator(dangerous).count() == 0


@pytest.mark.rule("MG4")
def test_the_saved_notebook_and_the_kernel_hold_no_word_and_no_token(desk: Desk, lab: JupyterServer) -> None:
    page = desk.new_page()
    kernel_traffic: list[str] = []

    def listen(socket: WebSocket) -> None:
        if "/api/kernels/" in socket.url:
            for event in ("framesent", "framereceived"):
                socket.on(event, lambda frame: kernel_traffic.append(_text(frame)))

    page.on("websocket", listen)
    name = desk.write_notebook(lab)
    notebook, chat = desk.open_chat(lab, name=name, page=page)
    chat.send("short")
    chat.wait_settled(runs=1)
    chat.write("an unsent draft")
    # The worst case: a user who lets Jupyter save what widgets hold.
    notebook.execute(SAVE_WIDGET_STATE)
    try:
        notebook.save()
    finally:
        notebook.execute(SAVE_WIDGET_STATE)
    saved = (lab.notebooks / name).read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert chat.conversation in saved  # which conversation is shown, and no more than that
    secret = [lab.token, "an unsent draft", " ".join(SHORT[:3]), SHORT[-1] + '"', '"short"']
    for place, text in (("file", saved), ("kernel", "\n".join(kernel_traffic))):
        assert kernel_traffic
        assert not [words for words in secret if words in text], f"in the {place}"


def _text(frame: str | bytes) -> str:
    return frame if isinstance(frame, str) else frame.decode(errors="replace")
