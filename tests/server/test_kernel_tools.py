"""Tools in real kernels of a real Jupyter server; no browser is open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp

from tests.server.kernel_tools import CHAT, TOOLS, desk, jp_server_config, notebook
from tests.server.kernels import Context, Desk, Notebook, until
from webchat_nb.chat.tools import TABLE, Ask, ToolDecision
from webchat_nb.errors import ToolError, UnknownKernelError
from webchat_nb.stream.model import SessionId
from webchat_nb_server.kernels import JupyterKernels

__all__ = ["desk", "jp_server_config", "notebook"]  # fixtures


@pytest.mark.rule("TL6")
async def test_a_function_of_a_cell_is_a_tool_with_the_notebooks_variables(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    assert await desk.bind(notebook) == ["chatter", "cost", "count", "wait_a_little", "work_on"]
    tool = desk.tool("cost")
    assert (tool.schema.description, tool.approval, tool.timeout_s) == ("What so many cost.", "never", None)
    assert tool.schema.input_schema["properties"]["count"] == {"type": "integer", "description": "How many."}
    context = Context()
    assert (await desk.call("cost", context, count=3)).result == "60"
    assert context.places == ["kernel"]
    await notebook.run("price = 30")
    assert (await desk.call("cost", count=3)).result == "90"
    refused = await desk.call("cost", count="many")
    assert refused.is_error and "count" in refused.result


@pytest.mark.rule("TL6")
async def test_what_a_call_prints_goes_with_its_result_and_nothing_else_does(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    assert (await desk.call("chatter")).result == "done\n\nprinted:\nhello\noh"
    cell = """
import threading
@chat.tool
async def quiet() -> str:
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    while "is_over" not in globals():
        await asyncio.sleep(0.01)
    return "quiet"

@chat.tool
def loud() -> None:
    print("x" * 20_000)
"""
    await notebook.run(cell)
    await until(lambda: "loud" in desk.names())
    context = Context()
    quiet = asyncio.create_task(desk.call("quiet", context))
    await until(lambda: context.places)
    assert "hello" in (await desk.call("chatter")).result
    await notebook.run("print('of a cell')\nis_over = True")
    assert (await quiet).result == "quiet"
    loud = (await desk.call("loud")).result
    assert len(loud) < 10_100 and loud.endswith("10001 characters more")
    assert "print" not in await notebook.evaluate("type(sys.stdout).__module__")


@pytest.mark.rule("TL6", "TL1")
async def test_whatever_a_tool_raises_is_its_outcome_and_not_the_end_of_the_kernel(
    desk: Desk, notebook: Notebook
) -> None:
    cell = """
@chat.tool
def leave() -> None:
    sys.exit(3)

@chat.tool
async def give_up() -> None:
    raise BaseException("no more")

@chat.tool
def break_off() -> None:
    raise ValueError("half \\ud83d")
"""
    await notebook.run(TOOLS + cell)
    await desk.bind(notebook)
    names = "leave", "give_up", "break_off"
    outcomes = [await desk.call(name) for name in names]
    assert [outcome.result for outcome in outcomes] == ["SystemExit: 3", "BaseException: no more", "ValueError: half ?"]
    assert all(outcome.is_error for outcome in outcomes)
    assert "chatter" in desk.names()


@pytest.mark.rule("TL6", "TL5")
async def test_async_functions_generators_and_questions(desk: Desk, notebook: Notebook) -> None:
    async def answer(ask: Ask) -> ToolDecision:
        return ToolDecision(is_approved=True, input='{"answer": "blue"}')

    await notebook.run(
        TOOLS
        + """
from webchat_nb.chat.tools import Ask
@chat.tool
def paint():
    said = yield Ask(question="Which colour?")
    yield f"painting it {said['answer']}"
    return said["answer"]
"""
    )
    await desk.bind(notebook)
    both = await asyncio.gather(desk.call("wait_a_little", text="a"), desk.call("wait_a_little", text="b"))
    assert [outcome.result for outcome in both] == ["A", "B"]
    context = Context()
    assert (await desk.call("count", context, to=3)).result == "3"
    assert context.words == ["number 1", "number 2", "number 3"]
    context = Context(answer)
    assert (await desk.call("paint", context)).result == "blue"
    assert [ask.question for ask in context.asked] == ["Which colour?"] and context.words == ["painting it blue"]


@pytest.mark.rule("TL6")
async def test_a_tool_comes_changes_and_goes_while_no_browser_is_open(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(CHAT)
    assert await desk.bind(notebook) == []
    await notebook.run("@chat.tool\ndef late() -> str:\n    return 'first'")
    await until(lambda: desk.names() == ["late"])
    assert (await desk.call("late")).result == "first"
    old = desk.tool("late")
    await notebook.run("@chat.tool(approval='always', timeout_s=9)\ndef late() -> str:\n    return 'second'")
    await until(lambda: desk.tool("late").approval == "always")
    assert desk.tool("late").timeout_s == 9 and (await desk.call("late")).result == "second"
    await notebook.run(CHAT)
    assert await notebook.evaluate("chat.tools") == "['late']"
    await notebook.run("chat.remove_tool('late')")
    await until(lambda: desk.names() == [])
    gone = await old.call(_use("late"), Context())
    assert gone.is_error and gone.result == "no tool late is in the notebook any more"


@pytest.mark.rule("TL6", "TL4")
async def test_a_function_says_in_the_kernel_whether_a_person_is_asked(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(
        CHAT
        + """
limit = 10
@chat.tool(approval=lambda arguments: arguments["amount"] > limit)
def pay(amount: int) -> str:
    return "paid"

async def unsure(arguments):
    raise KeyError("no idea")

@chat.tool(approval=unsure)
def other() -> str:
    return "done"
"""
    )
    await desk.bind(notebook)
    approval: Any = desk.tool("pay").approval
    assert [await approval({"amount": 10}), await approval({"amount": 11})] == [False, True]
    await notebook.run("limit = 5")
    assert await approval({"amount": 10}) is True
    unsure: Any = desk.tool("other").approval
    with pytest.raises(ToolError, match="KeyError: 'no idea'"):
        await unsure({})


@pytest.mark.rule("TL6")
async def test_kernels_and_conversations_and_people_are_apart(
    desk: Desk, notebook: Notebook, jp_serverapp: ServerApp
) -> None:
    other = await Notebook.start(jp_serverapp.kernel_manager)
    try:
        await notebook.run(TOOLS)
        await other.run(TOOLS.replace("conversation='c1'", "conversation='c2'").replace("price = 20", "price = 1"))
        elsewhere = Desk(desk.kernels, "c2")
        await desk.bind(notebook)
        await elsewhere.bind(other)
        assert await Desk(desk.kernels, "c2").bind(notebook) == []
        assert (await desk.call("cost", count=2)).result == "40"
        assert (await elsewhere.call("cost", count=2)).result == "2"
        assert Desk(desk.kernels, "c3").names() == []
        assert Desk(desk.kernels, "c1", actor="mallory").names() == []
    finally:
        other.disconnect()


@pytest.mark.rule("TL6", "TL3")
async def test_tables_images_and_large_results_arrive_whole(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(
        CHAT
        + r"""
class Frame:
    '''As pandas has it, for what is asked of a table.'''

PNG = (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x03\x08\x02\x00\x00\x00" + bytes(range(256)) * 400)

@chat.tool
def picture() -> bytes:
    return PNG

@chat.tool
def long_text() -> str:
    return "ä" * 90_000

@chat.tool
def table():
    from webchat_nb.chat.tools import TABLE, ToolContent, ToolOutcome
    return ToolOutcome(result="2 rows", shown=ToolContent(TABLE, '{"schema": {"fields": []}, "data": []}'))
"""
    )
    await desk.bind(notebook)
    picture = await desk.call("picture")
    assert picture.shown is not None and picture.shown.media_type == "image/png"
    assert isinstance(picture.shown.data, bytes) and picture.shown.data.endswith(bytes(range(256)) * 400)
    assert (await desk.call("long_text")).result == "ä" * 90_000
    table = await desk.call("table")
    assert table.result == "2 rows" and table.shown is not None and table.shown.media_type == TABLE


@pytest.mark.rule("TL6", "TL3")
async def test_figures_of_a_call_are_closed_at_its_end_and_those_of_cells_are_not(
    desk: Desk, notebook: Notebook
) -> None:
    await notebook.run(
        CHAT
        + r"""
import sys, types
pyplot = types.ModuleType("matplotlib.pyplot")  # what is asked of it, as it has it
pyplot.figures = {}
pyplot.get_fignums = lambda: sorted(pyplot.figures)
pyplot.close = lambda number: pyplot.figures.pop(number)
sys.modules["matplotlib.pyplot"] = pyplot

class Figure:
    def __init__(self):
        pyplot.figures[len(pyplot.figures) + 1] = self

    def _repr_png_(self):
        return b"\x89PNG\r\n\x1a\n" + bytes(100)

mine = Figure()

@chat.tool
def plot():
    return Figure()
"""
    )
    await desk.bind(notebook)
    shown = (await desk.call("plot")).shown
    assert shown is not None and shown.media_type == "image/png"
    assert await notebook.evaluate("pyplot.get_fignums()") == "[1]"


@pytest.mark.rule("TL6")
async def test_a_kernel_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownKernelError, match="there is no kernel 'nonsense'"):
        await desk.kernels.bind(SessionId("c1"), "", "nonsense")


@pytest.mark.rule("TL6")
async def test_a_kernel_without_a_widget_offers_nothing(desk: Desk, notebook: Notebook) -> None:
    await notebook.run("x = 1")
    assert await desk.bind(notebook) == []
    assert desk.names() == []
    assert isinstance(desk.kernels, JupyterKernels) and not desk.kernels._links


def _use(name: str) -> Any:
    from webchat_nb.chat.tools import ToolUse

    return ToolUse(call_id="call-2", name=name, input="{}")


@pytest.mark.rule("TL6")
async def test_a_tool_that_is_declared_in_a_thread_or_a_subshell_leaves_the_line_as_it_is(
    desk: Desk, notebook: Notebook
) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    declare = "@chat.tool\ndef {name}() -> str:\n    return '{name}'"
    thread = f"import threading\ndef declare():\n    exec({declare.format(name='threaded')!r}, globals())\n"
    await notebook.run(thread + "threading.Thread(target=declare).start()")
    await until(lambda: "threaded" in desk.names())
    await notebook.run_in_subshell(declare.format(name="beside"))
    await until(lambda: "beside" in desk.names())
    for name in ("threaded", "beside", "threaded"):
        assert (await desk.call(name)).result == name
    await notebook.run(
        "@chat.tool\ndef where() -> bool:\n    return threading.current_thread() is threading.main_thread()"
    )
    await until(lambda: "where" in desk.names())
    assert (await desk.call("where")).result == "true"
