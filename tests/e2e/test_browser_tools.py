"""Tools of the page: called where the chat is shown, by one tab, once; or answered by the person in front of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Desk, StartServer
from tests.e2e.jupyter import JupyterServer
from tests.e2e.page_tools import COLOUR, MEASURE, PROFILE, WAIT, register
from tests.e2e.standalone import serving_page
from webchat_nb.testing.page import ChatPage

CHAT_CELL = f"from webchat_nb import ChatWidget\nChatWidget(profile={PROFILE!r})"

TOOL_CELL = f"""\
from IPython.display import Javascript, display
display(Javascript({register(MEASURE)!r}))"""

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tools.md"

OpenTab = Callable[..., ChatPage]


@pytest.fixture(scope="module")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_page(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture
def open_tab(desk: Desk, page_address: str) -> OpenTab:
    """Opens our own page; with another chat, the same conversation in another tab of the same person."""

    def open_tab(beside: ChatPage | None = None, *scripts: str) -> ChatPage:
        page = desk.new_page() if beside is None else beside.page.context.new_page()
        for script in scripts:
            page.add_init_script(script)
        suffix = f"&profile={PROFILE}" if beside is None else f"&conv_id={beside.conversation}"
        page.goto(page_address + suffix)
        chat = ChatPage(page)
        chat.wait_live()
        return chat

    return open_tab


def times_measured(page: Page) -> int:
    """How often the tool was called, in all tabs."""
    return int(page.evaluate("() => Number(localStorage.measured ?? 0)"))


def prove_measured(chat: ChatPage, width: int) -> None:
    """The call is on the screen with what the page itself gave."""
    chat.wait_settled(runs=1)
    call = chat.entities("ChatToolCall", status="finished")
    expect(call).to_contain_text("measure_page")
    expect(call).to_contain_text("in the browser")
    shown = json.loads(call.locator("pre").last.text_content() or "")
    assert shown.items() >= {"width": width, "unit": "px"}.items()
    chat.wait_text("That is how wide it is.")


@pytest.mark.rule("TL7")
@pytest.mark.parametrize("is_tool_first", [True, False])
def test_the_documents_cell_offers_a_tool(desk: Desk, lab: JupyterServer, is_tool_first: bool) -> None:
    (example,) = re.findall(r"^```js\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    cells = [f"%%javascript\n{example}", CHAT_CELL]
    _, chat = desk.open_chat(lab, *(cells if is_tool_first else reversed(cells)))
    chat.send("measure")
    prove_measured(chat, width=1280)


@pytest.mark.rule("TL7")
def test_our_own_page_answers_and_what_is_taken_back_is_not_offered(open_tab: OpenTab) -> None:
    chat = open_tab()
    chat.page.evaluate(f"() => {{ window.takeBack = webchatNb.tools.register({MEASURE}); }}")
    chat.send("measure")
    prove_measured(chat, width=1280)
    chat.page.evaluate("() => takeBack()")
    chat.send("measure")
    chat.wait_settled(runs=2)
    expect(chat.entities("ChatToolCall", status="failed")).to_have_count(1)
    assert times_measured(chat.page) == 1


@pytest.mark.rule("TL7")
def test_of_two_tabs_one_answers_and_both_show_it(open_tab: OpenTab) -> None:
    first = open_tab(None, register(MEASURE))
    second = open_tab(first, register(MEASURE))
    for number in range(1, 4):
        first.send("measure")
        for chat in (first, second):
            chat.wait_settled(runs=number)
            expect(chat.entities("ChatToolCall", status="finished")).to_have_count(number)
        assert times_measured(first.page) == number
    assert first.transcript() == second.transcript()


@pytest.mark.rule("TL7")
def test_a_tab_that_is_closed_is_an_error_when_the_time_is_over(open_tab: OpenTab) -> None:
    first = open_tab()
    second = open_tab(first, register(WAIT % 3))
    first.send("measure")
    second.page.wait_for_function("() => localStorage.measured")
    second.page.close()
    expect(first.entities("ChatToolCall", status="failed")).to_have_count(1)
    expect(first.entities("ChatToolCall")).to_contain_text("3 s")
    first.wait_settled(runs=1)
    first.wait_text("That is how wide it is.")


@pytest.mark.rule("TL7")
def test_a_call_that_a_reload_cut_short_is_not_begun_again(open_tab: OpenTab) -> None:
    chat = open_tab(None, register(WAIT % 4))
    chat.send("measure")
    chat.page.wait_for_function("() => localStorage.measured")
    chat.page.reload()
    chat.wait_live()
    expect(chat.entities("ChatToolCall", status="executing")).to_have_count(1)
    chat.wait_settled(runs=1)
    expect(chat.entities("ChatToolCall", status="failed")).to_have_count(1)
    assert times_measured(chat.page) == 1


@pytest.mark.rule("TL7")
def test_stop_reaches_the_tool(open_tab: OpenTab) -> None:
    chat = open_tab(None, register(WAIT % 60))
    chat.send("measure")
    chat.page.wait_for_function("() => localStorage.measured")
    chat.stop()
    chat.wait_settled(runs=1)
    chat.page.wait_for_function("() => window.wasStopped")
    expect(chat.entities("ChatToolCall", status="stopped")).to_have_count(1)
    assert chat.run_statuses() == ["stopped"]


@pytest.mark.rule("TL7")
def test_a_person_answers_by_a_form_which_outlives_a_reload(open_tab: OpenTab) -> None:
    chat = open_tab(None, register(COLOUR))
    chat.send("colour")
    blue = chat.root.get_by_role("group", name="Colour").get_by_label("blue")
    expect(blue).to_be_visible()
    chat.page.reload()
    chat.wait_live()
    blue.check()
    chat.root.locator('[data-webchat="approve"]').press("Enter")
    chat.wait_settled(runs=1)
    expect(chat.entities("ChatToolResult")).to_contain_text("blue")
    chat.wait_text("A good choice.")
    expect(blue).to_have_count(0)


@pytest.mark.rule("TL7")
def test_a_server_that_was_started_anew_is_told_again(desk: Desk, start_server: StartServer) -> None:
    server = start_server()
    notebook, chat = desk.open_chat(server, TOOL_CELL, CHAT_CELL)
    server.kill()
    chat.wait_state("reconnecting")
    server.start()
    chat.wait_live()
    notebook.dismiss_dialogs()
    chat.send("measure")
    prove_measured(chat, width=1280)
    assert times_measured(chat.page) == 1
