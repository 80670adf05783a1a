"""`webchat-nb serve` as a process whose profiles name tools of a module of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.processes import serving
from tests.server.standalone import Socket
from tests.unit.transports.chats import submit
from webchat_nb.testing.aio import AsyncTests

TOOLS = '''
from webchat_nb.chat.tools.functions.declared import tool

@tool(approval="always")
def get_weather(city: str, days: int = 1) -> dict:
    """Tell the weather."""
    return {"city": city, "days": days}

def add(a: int, b: int) -> int:
    """Add."""
    return a + b
'''

SCRIPT = """
script: 1
defaults: {chunk: all}
turns:
  - match: add
    steps: [{call: {tool: add, args: {a: 1, b: 2}}}]
  - steps: [{call: {tool: get_weather, args: {city: Paris}}}, {ask: {question: "More?"}}, {say: "{answer}"}]
"""

PROFILES = """
profiles:
  - {slug: default, script: ./script.yaml, tools: ["my_weather_tools:get_weather", "my_weather_tools:add"]}
  - {slug: broken, script: ./script.yaml, tools: ["no_such_tools:get_weather", plus]}
"""


class Serving(AsyncTests):
    """Requests to one server."""

    address = ""

    async def ask_for(self, path: str, status: int = 200, body: Any = None) -> Any:
        answer = await AsyncHTTPClient().fetch(
            HTTPRequest(
                self.address + path,
                method="GET" if body is None else "POST",
                body=None if body is None else json.dumps(body),
                headers={"Authorization": "token T", "Content-Type": "application/json"},
            ),
            raise_error=False,
        )
        assert answer.code == status, answer.body
        return json.loads(answer.body)

    async def result(self) -> dict[str, Any]:
        """The newest result of a call."""
        told = await self.ask_for("v1/sessions/c1")
        results = [one["payload"] for one in told["entities"] if one["kind"] == "ChatToolResult"]
        newest: dict[str, Any] = results[-1]
        return newest


class TestTools(Serving):
    @pytest.mark.rule("TL1", "TL4", "TL5", "PF2")
    async def test_a_profile_names_functions_of_a_module(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "my_weather_tools.py").write_text(TOOLS)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        async with serving(tmp_path, "--token", "T", "--db", "memory", script=SCRIPT, profiles=PROFILES) as (
            _,
            address,
        ):
            self.address = address
            profiles = {one["slug"]: one for one in (await self.ask_for("v1/profiles"))["profiles"]}
            assert profiles["default"]["tools"] == ["my_weather_tools:get_weather", "my_weather_tools:add"]
            assert profiles["default"]["lacks"] == []
            assert profiles["broken"]["lacks"] == ["the module no_such_tools", "a tool 'plus' (there are: none)"]
            body = {"prompt": "hi", "conv_id": "c1", "overrides": {"tools": ["os:getcwd"]}}
            assert (await self.ask_for("v1/chat", 400, body))["code"] == "invalid_override"

            socket = Socket(await websocket_connect(address.replace("http", "ws") + "v1/ws?token=T&conv_id=c1"))
            await socket.say(submit("add"))
            await socket.until("run.finished")
            assert (await self.result())["result"] == "3"

            await socket.say(submit("weather", id="second"))
            question = (await socket.until("tool.approval.requested"))[-1]
            path = f"v1/sessions/c1/approvals/{question['id']}"
            wrong = {"decision": "approve", "input": '{"city": "Rome", "days": "two"}'}
            assert (await self.ask_for(path, 400, wrong))["message"] == "input.days: 'two' is not of type 'integer'"
            right = {"decision": "approve", "input": '{"city": "Rome", "days": 2}'}
            assert await self.ask_for(path, 200, right) == {"status": "edited"}

            question = (await socket.until("tool.approval.requested"))[-1]
            path = f"v1/sessions/c1/approvals/{question['id']}"
            assert "answer" in (await self.ask_for(path, 400, {"decision": "approve"}))["message"]
            answer = {"decision": "approve", "input": '{"answer": "No."}'}
            assert await self.ask_for(path, 200, answer) == {"status": "approved"}
            await socket.until("run.finished")
            assert json.loads((await self.result())["result"]) == {"city": "Rome", "days": 2}
            socket.connection.close()
