"""Tools and engines of a notebook, in JupyterLab: the cell is run, the prompt typed, the result read."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk
from tests.e2e.jupyter import JupyterServer
from webchat_nb.testing.page import ChatPage

CHAT = "from webchat_nb import ChatWidget\nchat = ChatWidget(profile='kernels')\nchat"

TOOLS = '''
import pathlib, time
price = {price}

@chat.tool
def cost(count: int) -> int:
    """What so many cost."""
    print("counted", count)
    return count * price

@chat.tool
def slow_cost(count: int) -> int:
    """What so many cost, after a while."""
    waiting = pathlib.Path("{name}.waiting")
    waiting.touch()
    while waiting.exists():
        time.sleep(0.02)
    return count * price
'''


def results(chat: ChatPage, nth: int = 0) -> str:
    """The text of a call's card, with its result unfolded."""
    card = chat.entities("ChatToolCall").nth(nth)
    expect(card).to_have_attribute("data-state", "done")
    result = card.locator('[data-kind="ChatToolResult"]')
    result.locator("summary").first.click()
    return result.inner_text()


@pytest.mark.rule("TL6")
def test_a_tool_of_a_cell_answers_in_the_chat_of_its_notebook_alone(desk: Desk, lab: JupyterServer) -> None:
    _, chat = desk.open_chat(lab, CHAT, TOOLS.format(price=20, name="one"))
    _, other = desk.open_chat(lab, CHAT, TOOLS.format(price=5, name="two"))
    _, without = desk.open_chat(lab, CHAT)
    for page in (chat, other, without):
        page.send("cost")
        page.wait_settled(runs=1)
        page.wait_text("There.")
    assert "60" in (said := results(chat)) and "counted 3" in said
    assert "15" in results(other)
    expect(without.entities("ChatToolCall")).to_have_attribute("data-state", "failed")
    expect(without.entities("ChatToolCall")).to_contain_text("cost")


@pytest.mark.rule("TL6")
def test_a_call_works_on_while_no_page_is_open(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab, CHAT, TOOLS.format(price=20, name="closed"))
    waiting = lab.notebooks / "closed.waiting"
    notebook.save()
    name = desk.name_of(notebook)
    chat.send("slow")
    expect(chat.entities("ChatToolCall")).to_have_attribute("data-state", "running")
    expect(chat.entities("ChatToolCall")).to_contain_text("slow_cost")
    conversation = chat.conversation
    while not waiting.exists():
        notebook.page.wait_for_timeout(20)
    notebook.page.close()
    waiting.unlink()
    again = desk.open(lab, name=name).chat()
    again.wait_live()
    assert again.conversation == conversation
    again.wait_text("At last.")
    again.wait_settled(runs=1)
    assert "80" in results(again)
    again.send("cost")
    again.wait_settled(runs=2)
    assert "60" in results(again, 1)


@pytest.mark.rule("TL6")
def test_a_restarted_kernel_has_its_tools_again_when_the_notebook_is_run_again(desk: Desk, lab: JupyterServer) -> None:
    notebook, chat = desk.open_chat(lab, CHAT, TOOLS.format(price=20, name="restarted"))
    chat.send("slow")
    expect(chat.entities("ChatToolCall")).to_have_attribute("data-state", "running")
    notebook.restart_kernel()
    chat.wait_settled(runs=1)
    expect(chat.entities("ChatToolCall")).to_have_attribute("data-state", "failed")
    chat.send("cost")
    chat.wait_settled(runs=2)
    expect(chat.entities("ChatToolCall").nth(1)).to_have_attribute("data-state", "failed")
    notebook.run_all()
    chat = notebook.chat()
    chat.wait_live()
    chat.send("cost")
    chat.wait_settled(runs=3)
    assert "60" in results(chat, 2)


@pytest.mark.rule("EN9")
def test_a_function_of_the_notebook_answers(desk: Desk, lab: JupyterServer) -> None:
    cell = """
from webchat_nb import ChatWidget
def answer(messages):
    yield "You wrote "
    yield f"{len(messages)} messages, "
    yield f"the last one {messages[-1].content!r}."
ChatWidget(engine=answer)
"""
    notebook, chat = desk.open_chat(lab, cell)
    chat.send("hello")
    chat.wait_text("You wrote 1 messages, the last one 'hello'.")
    chat.wait_settled(runs=1)
    notebook.save()
    notebook.reload()
    chat.wait_live()
    chat.send("again")
    chat.wait_text("You wrote 3 messages, the last one 'again'.")
    assert chat.run_statuses() == ["finished", "finished"]
