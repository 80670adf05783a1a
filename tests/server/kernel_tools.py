"""Cells with tools, and the fixtures for their calls: a Jupyter server, a kernel and a conversation's desk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp

from tests.server.kernels import Desk, Notebook
from tests.unit.transports.chats import profiles_in
from webchat_nb_server import WebChatExtension

CHAT = "from webchat_nb import ChatWidget\nchat = ChatWidget(conversation='c1')\n"

TOOLS = (
    CHAT
    + '''
import asyncio, sys, time

price = 20

@chat.tool
def cost(count: int) -> int:
    """What so many cost.

    Args:
        count: How many.
    """
    return count * price

@chat.tool
def chatter() -> str:
    print("hello")
    print("oh", file=sys.stderr)
    return "done"

@chat.tool(timeout_s=20)
async def wait_a_little(text: str) -> str:
    await asyncio.sleep(0.01)
    return text.upper()

@chat.tool
def count(to: int):
    for number in range(1, to + 1):
        yield f"number {number}"
    return to

@chat.tool(timeout_s=3)
def work_on(seconds: float) -> str:
    global begun
    begun = globals().get("begun", 0) + 1
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    return "worked"
'''
)


@pytest.fixture
def jp_server_config(tmp_path: Path) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False}},
        "WebChatExtension": {"db": "memory", "profiles": profiles_in(tmp_path)},
    }


@pytest.fixture
def desk(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Desk:
    extension: WebChatExtension = jp_serverapp.extension_manager.extension_points["webchat_nb"].app
    jp_asyncio_loop.run_until_complete(extension.runtime.ready())
    assert extension._kernels is not None
    return Desk(extension._kernels)


@pytest.fixture
def notebook(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Notebook]:
    started = jp_asyncio_loop.run_until_complete(Notebook.start(jp_serverapp.kernel_manager))
    yield started
    started.disconnect()
