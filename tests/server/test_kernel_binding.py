"""A widget says over its websocket which kernel it was made in: who may, what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyter_server.auth import Authorizer, User
from jupyter_server.serverapp import ServerApp

from tests.server.kernels import Notebook
from tests.server.standalone import Socket, StandaloneTests
from tests.server.test_jupyter import Knock, NamedUsers
from tests.unit.transports.chats import submit
from webchat_nb_server import WebChatExtension

CELL = '''
from webchat_nb import ChatWidget
import time
chat = ChatWidget(conversation="c1")

@chat.tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b

@chat.tool(timeout_s=1)
def work_on() -> str:
    time.sleep(60)
    return "never"

@chat.tool(approval=lambda arguments: arguments["path"] != "a.txt")
def delete(path: str) -> str:
    return f"{path} is gone"
'''

SCRIPT = {
    "script": 1,
    "turns": [
        {"match": "add", "steps": [{"call": {"tool": "add", "args": {"a": 2, "b": 3}}}]},
        {"match": "work", "steps": [{"call": {"tool": "work_on", "args": {}}}]},
        {
            "match": "delete",
            "steps": [
                {"call": {"tool": "delete", "args": {"path": "a.txt"}}},
                {"call": {"tool": "delete", "args": {"path": "b.txt"}}},
            ],
        },
    ],
}


class NoKernels(Authorizer):
    """Kernels are nobody's to use."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return (action, resource) != ("execute", "kernels")


def bind(kernel_id: str, conv_id: str = "c1", id: str = "b1", **more: Any) -> dict[str, Any]:
    data = {"kernel_id": kernel_id, **more}
    return {"type": "command", "id": id, "name": "kernel.bind", "conv_id": conv_id, "data": data}


async def answer(socket: Socket, frame: dict[str, Any]) -> dict[str, Any]:
    """Say it; what is acknowledged or refused."""
    await socket.say(frame)
    while (event := await socket.hear())["type"] not in ("ws.ack", "ws.nack"):
        pass
    said: dict[str, Any] = event["data"]
    return said


async def result(socket: Socket, prompt: str, id: str) -> list[str]:
    """What came of the calls of a prompt."""
    await socket.say(submit(prompt, id=id))
    events = await socket.until("run.finished")
    entities = [op["entity"] for event in events for op in event.get("ops", []) if op["op"] == "upsert"]
    return [entity["payload"]["result"] for entity in entities if entity["kind"] == "ChatToolResult"]


@pytest.fixture
def server_config() -> dict[str, Any]:
    return {}


@pytest.fixture
def jp_server_config(tmp_path: Path, server_config: dict[str, Any]) -> dict[str, Any]:
    script = tmp_path / "script.yaml"
    script.write_text(yaml.safe_dump(SCRIPT), encoding="utf-8")
    profiles = [
        {"slug": "free", "engine": "scripted", "script": str(script)},
        {"slug": "locked", "engine": "scripted", "script": str(script), "allow_overrides": False},
    ]
    return {
        "ServerApp": {
            "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
            **server_config,
        },
        "WebChatExtension": {"db": "memory", "profiles": {"default": "free", "profiles": profiles}},
    }


@pytest.fixture
def knock(jp_serverapp: ServerApp, jp_http_port: int, jp_base_url: str, http_server_client: Any) -> Iterator[Knock]:
    found = Knock(jp_http_port, jp_base_url, str(jp_serverapp.identity_provider.token))
    yield found
    for socket in found.sockets:
        socket.connection.close()


@pytest.fixture
def notebook(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Notebook]:
    started = jp_asyncio_loop.run_until_complete(Notebook.start(jp_serverapp.kernel_manager))
    jp_asyncio_loop.run_until_complete(started.run(CELL))
    yield started
    started.disconnect()


@pytest.mark.rule("TL6", "TL4", "TL8", "FR12")
async def test_a_prompt_after_it_has_the_tools_of_the_kernel(knock: Knock, notebook: Notebook) -> None:
    socket = await knock.join("?conv_id=c1", **knock.token)
    assert "kernel.bind" in (await socket.hear())["data"]["capabilities"]["commands"]
    assert await result(socket, "add", "p1") == ["no tool add is registered"]
    bound = await answer(socket, bind(notebook.kernel_id))
    assert bound == {"id": "b1", "tools": ["add", "work_on", "delete"], "engine": False}
    assert await result(socket, "add", "p2") == ["5"]
    await socket.say(submit("add", id="p3", profile="locked"))
    (refused,) = [
        op["entity"]["payload"]["result"]
        for event in await socket.until("run.finished")
        for op in event.get("ops", [])
        if op["op"] == "upsert" and op["entity"]["kind"] == "ChatToolResult"
    ]
    assert refused == "no tool add is registered"
    socket.connection.close()


@pytest.mark.rule("TL6", "TL1")
async def test_a_tool_whose_time_is_over_leaves_the_kernel_free(knock: Knock, notebook: Notebook) -> None:
    socket = await knock.join("?conv_id=c1", **knock.token)
    await answer(socket, bind(notebook.kernel_id))
    assert await result(socket, "work", "p1") == ["The tool took longer than 1 s."]
    async with asyncio.timeout(5):
        assert await notebook.evaluate("1 + 1") == "2"


@pytest.mark.rule("TL6", "TL4")
async def test_the_kernel_says_which_calls_a_person_is_asked_about(knock: Knock, notebook: Notebook) -> None:
    socket = await knock.join("?conv_id=c1", **knock.token)
    await answer(socket, bind(notebook.kernel_id))
    await socket.say(submit("delete", id="p1"))
    question = (await socket.until("tool.approval.requested"))[-1]
    data = {"approval_id": question["id"], "decision": "approve", "input": '{"path": "c.txt"}'}
    await socket.say({"type": "command", "id": "d1", "name": "tool.decide", "conv_id": "c1", "data": data})
    await socket.until("run.finished")
    page = await knock.fetch("webchat/v1/timeline?conv_id=c1", **knock.token)
    assert b'"a.txt is gone"' in page.body and b'"c.txt is gone"' in page.body and b"b.txt is gone" not in page.body


@pytest.mark.rule("TL6")
async def test_what_cannot_be_bound_is_refused(knock: Knock) -> None:
    socket = await knock.join("?conv_id=c1", **knock.token)
    refused = await answer(socket, bind("nonsense"))
    assert (refused["code"], refused["message"]) == ("unknown_kernel", "kernel_id: there is no kernel 'nonsense'")
    refused = await answer(socket, bind("k", engine="mine"))
    assert refused["code"] == "bad_request" and "engine" in refused["message"]


class TestAuthorizer:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"authorizer_class": NoKernels}

    @pytest.mark.rule("TL6", "AC3")
    async def test_who_may_not_use_kernels_may_not_bind_one(
        self, knock: Knock, notebook: Notebook, jp_serverapp: ServerApp
    ) -> None:
        socket = await knock.join("?conv_id=c1", **knock.token)
        assert (await answer(socket, bind(notebook.kernel_id)))["code"] == "forbidden"
        extension: WebChatExtension = jp_serverapp.extension_manager.extension_points["webchat_nb"].app
        assert extension._kernels is not None and not extension._kernels._links
        assert await result(socket, "add", "p1") == ["no tool add is registered"]


class TestNamedUsers:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"identity_provider_class": NamedUsers, "disable_check_xsrf": True}

    @pytest.mark.rule("TL6", "AC3")
    async def test_nobody_binds_a_kernel_to_a_conversation_of_somebody_else(
        self, knock: Knock, notebook: Notebook
    ) -> None:
        alice = await knock.join("?conv_id=c1", X_User="alice")
        assert await result(alice, "add", "p1") == ["no tool add is registered"]
        mallory = await knock.join(X_User="mallory")
        assert (await answer(mallory, bind(notebook.kernel_id)))["code"] == "unknown_session"
        assert await result(alice, "add", "p2") == ["no tool add is registered"]
        await answer(alice, bind(notebook.kernel_id))
        assert await result(alice, "add", "p3") == ["5"]


class TestStandalone(StandaloneTests):
    @pytest.mark.rule("TL6")
    async def test_a_server_without_kernels_says_so(self) -> None:
        socket = await self.join("?conv_id=c1")
        assert (await answer(socket, bind("k1")))["code"] == "no_kernels"
