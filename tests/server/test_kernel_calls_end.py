"""How calls of real kernels end that cannot begin, are called off, or lose their kernel."""

from __future__ import annotations

import asyncio
import os
import re
import signal

import pytest

from tests.server.kernel_tools import TOOLS, desk, jp_server_config, notebook
from tests.server.kernels import Context, Desk, Notebook, until
from webchat_nb.errors import ToolError

__all__ = ["desk", "jp_server_config", "notebook"]  # fixtures


@pytest.mark.rule("TL6")
async def test_a_busy_kernel_is_told_and_the_call_is_never_begun(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    notebook.begin("free = False\nwhile not free:\n    time.sleep(0.01)")
    await notebook.until_busy()
    assert "work_on" in await desk.bind(notebook)  # is answered while the cell works
    with pytest.raises(ToolError, match="kernel is busy; the call was not begun"):
        await desk.call("work_on", seconds=0)
    waiting = asyncio.create_task(desk.call("cost", count=1))
    link = desk.kernels._links[notebook.kernel_id]
    await until(lambda: link._jobs and not link._waiting)  # announced and sent
    waiting.cancel()  # as when the answer is stopped
    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.kill(notebook.kernel.provisioner.process.pid, signal.SIGINT)
    assert (await desk.call("chatter")).result.startswith("done")
    assert await notebook.evaluate("globals().get('begun', 0)") == "0"


@pytest.mark.rule("TL6")
async def test_an_interrupt_of_the_notebook_ends_the_call_and_nothing_else(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    context = Context()
    call = asyncio.create_task(desk.call("work_on", context, seconds=30))
    await until(lambda: context.places)
    await notebook.kernel.interrupt_kernel()
    outcome = await call
    assert outcome.is_error and outcome.result == "The call was interrupted in the notebook."
    assert (await desk.call("work_on", seconds=0)).result == "worked"


@pytest.mark.rule("TL6")
async def test_calling_it_off_frees_the_kernel_at_once(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(
        TOOLS
        + """
@chat.tool
async def block(seconds: float) -> str:
    time.sleep(seconds)
    return "blocked"

@chat.tool
async def sleep(seconds: float) -> str:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        global cancelled
        cancelled = True
        raise
    return "slept"

@chat.tool
def stubborn() -> str:
    try:
        time.sleep(50)
    except BaseException:
        pass
    time.sleep(50)
    return "never"
"""
    )
    await desk.bind(notebook)
    for name, arguments in (
        ("work_on", {"seconds": 50}),
        ("block", {"seconds": 50}),
        ("sleep", {"seconds": 50}),
        ("stubborn", {}),
    ):
        context = Context()
        call = asyncio.create_task(desk.call(name, context, **arguments))
        await until(lambda context=context: context.places)
        call.cancel()  # as the box does when the tool's time is over
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            assert await notebook.evaluate("1 + 1") == "2"
    assert await notebook.evaluate("cancelled") == "True"


@pytest.mark.rule("TL6")
async def test_an_interrupt_that_comes_late_hits_no_cell(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    for turn in range(40):
        context = Context()
        call = asyncio.create_task(desk.call("work_on", context, seconds=0.002 * (turn % 10)))
        await until(lambda context=context: context.places)
        call.cancel()
        assert await notebook.evaluate("sum(range(300_000))") == "44999850000"
        await asyncio.gather(call, return_exceptions=True)  # it may have been quicker


@pytest.mark.rule("TL6")
@pytest.mark.parametrize("how", ["restart", "shutdown", "death", "death and restart"])
async def test_a_kernel_that_goes_ends_its_calls_and_takes_its_tools_along(
    desk: Desk, notebook: Notebook, how: str
) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    context = Context()
    call = asyncio.create_task(desk.call("work_on", context, seconds=60))
    await until(lambda: context.places)
    began_s = asyncio.get_running_loop().time()
    pid = notebook.kernel.provisioner.process.pid
    if how == "restart":
        await notebook.manager.restart_kernel(notebook.kernel_id, now=True)
    elif how == "shutdown":
        await notebook.manager.shutdown_kernel(notebook.kernel_id, now=True)
    else:
        if how == "death":
            notebook.kernel.stop_restarter()
        os.kill(pid, signal.SIGKILL)
    (ended,) = await asyncio.gather(call, return_exceptions=True)
    said = str(ended) if isinstance(ended, ToolError) else ended.result  # type: ignore[union-attr]
    gone = r"The notebook's kernel (was restarted|has died)\. The call has no result\."
    if how in ("restart", "shutdown"):  # before it ends a kernel, Jupyter interrupts it
        gone += r"|The call was interrupted in the notebook\."
    assert re.fullmatch(gone, said)
    assert asyncio.get_running_loop().time() - began_s < 10
    await until(lambda: desk.names() == [])
    if how == "death and restart":  # Jupyter starts another process of the same kernel
        await until(lambda: getattr(notebook.kernel.provisioner.process, "pid", pid) != pid)
        await until(lambda: notebook.kernel.ready.done())
        assert desk.names() == []
    if how == "restart":
        assert await desk.bind(notebook) == []  # the old widget, in a process that knows nothing of it
        notebook.disconnect()
        await notebook.connect()
        await notebook.run(TOOLS)
        assert "cost" in await desk.bind(notebook)
        assert (await desk.call("cost", count=2)).result == "40"


@pytest.mark.rule("TL6")
async def test_an_idle_kernel_that_goes_takes_its_tools_along(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    notebook.kernel.stop_restarter()
    os.kill(notebook.kernel.provisioner.process.pid, signal.SIGKILL)
    await until(lambda: desk.names() == [])


@pytest.mark.rule("TL6")
async def test_a_result_that_is_lost_on_its_way_is_an_error(desk: Desk, notebook: Notebook) -> None:
    await notebook.run(TOOLS)
    await desk.bind(notebook)
    assert (await desk.call("cost", count=1)).result == "20"
    await notebook.run(
        """
from webchat_nb.notebook.kernel.line import kernel_line
comm = kernel_line()._comm
send = comm.send
comm.send = lambda data: None if data["type"] == "Outcome" else send(data)
"""
    )
    with pytest.raises(ToolError, match=r"The result was lost on its way from the notebook's kernel\."):
        await desk.call("cost", count=2)
    await notebook.run("comm.send = send")
    assert (await desk.call("cost", count=3)).result == "60"
