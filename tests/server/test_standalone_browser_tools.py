"""Tools of pages over real HTTP and a real websocket: manifest, claim, result."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from tests.server.standalone import Socket, StandaloneTests
from webchat_nb.wire.requests import Principal

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "all", "delay_ms": 0},
    "turns": [
        {"match": "form", "steps": [{"call": {"tool": "fill", "args": {}}}, {"say": "Done."}]},
        {"steps": [{"call": {"tool": "locate", "args": {}}}, {"say": "Done."}]},
    ],
}
LOCATE = {
    "name": "locate",
    "description": "Where the person is.",
    "inputSchema": {"type": "object", "properties": {"exact": {"type": "boolean"}}},
}
FILL = {"name": "fill", "answerSchema": {"type": "object", "properties": {"days": {"type": "integer"}}}}


@pytest.mark.rule("TL7")
class TestBrowserTools(StandaloneTests):
    async def _page(self) -> Socket:
        """A page that follows ``c1``."""
        script = self.app.profiles.get("fast").script
        assert script is not None
        with open(script, "w") as file:
            yaml.safe_dump(SCRIPT, file)
        socket = await self.join("?conv_id=c1")
        await socket.until("timeline.snapshot")
        return socket

    async def offer(self, *tools: Any, status: int = 200, client: str = "page1") -> Any:
        body = {"clientId": client, "tools": tools}
        return await self.get_json("v1/sessions/c1/tools/manifest", status, method="POST", body=body)

    async def say(self, status: int = 200, **body: Any) -> Any:
        return await self.get_json("v1/sessions/c1/tools/results", status, method="POST", body=body)

    async def called(self, socket: Socket, prompt: str = "where am I?") -> dict[str, Any]:
        """Send a prompt and wait for the call that a browser is to make; the call."""
        await self.get_json("v1/chat", method="POST", body={"prompt": prompt, "conv_id": "c1"})
        told = (await socket.until("tool.executing"))[-1]
        call: dict[str, Any] = told["ops"][0]["entity"]["payload"]
        assert (call["place"], call["status"]) == ("browser", "executing")
        return call

    async def result(self, socket: Socket) -> tuple[str, str]:
        told = (await socket.until("tool.result"))[-1]
        entity = next(op["entity"] for op in told["ops"] if op["entity"]["kind"] == "ChatToolResult")
        return entity["payload"]["status"], entity["payload"]["result"]

    async def test_over_http(self) -> None:
        socket = await self._page()
        assert await self.offer(LOCATE) == {"accepted": True, "tools": 1, "leaseS": 900.0}
        call = await self.called(socket)
        id = call["toolCallId"]
        claim = {"toolCallId": id, "claim": True}
        assert await self.say(**claim, clientId="page1") == {"accepted": True}
        assert await self.say(**claim, clientId="page2") == {"accepted": False}
        assert (await self.say(409, toolCallId=id, result=1, clientId="page2"))["code"] == "already_answered"
        answer = {"toolCallId": id, "result": {"city": "Ulm"}, "clientId": "page1"}
        assert await self.say(**answer) == {"accepted": True}
        assert await self.result(socket) == ("ok", '{"city":"Ulm"}')
        await self.app.service.wait_idle(Principal(), "c1")
        assert (await self.say(409, toolCallId=id, result="late"))["code"] == "already_answered"
        assert (await self.say(404, toolCallId="none", result="x"))["code"] == "unknown_tool_call"
        told = await self.offer({**LOCATE, "inputSchema": {"type": "strin"}}, status=400)
        assert told["message"].startswith("tools[0].inputSchema.type: ")
        assert (await self.say(400, toolCallId=id, answer=1))["code"] == "bad_request"
        assert await self.offer() == {"accepted": True, "tools": 0, "leaseS": 900.0}
        body = {"toolCallId": id, "result": "x"}
        path = "v1/sessions/nowhere/tools/results"
        await self.refused(path, 404, "unknown_session", method="POST", body=body)

    @pytest.mark.rule("FR12")
    async def test_in_frames(self) -> None:
        socket = await self._page()

        async def command(id: str, name: str, **data: Any) -> dict[str, Any]:
            await socket.say({"type": "command", "id": id, "name": name, "conv_id": "c1", "data": data})
            while True:
                event = await socket.hear()
                if event["type"] in ("ws.ack", "ws.nack") and event["data"]["id"] == id:
                    answer: dict[str, Any] = event["data"]
                    return answer

        offered = await command("m1", "tool.manifest", client_id="page1", tools=[LOCATE, FILL])
        assert (offered["accepted"], offered["tools"], offered["lease_s"]) == (True, 2, 900.0)
        id = (await self.called(socket))["toolCallId"]
        assert (await command("c1", "tool.result", tool_call_id=id, claim=True, client_id="page1"))["accepted"]
        refused = await command("c2", "tool.result", tool_call_id=id, claim=True, client_id="page2")
        assert not refused["accepted"]
        assert (await command("r0", "tool.result", tool_call_id="none"))["code"] == "unknown_tool_call"
        for _ in range(2):  # the second is the same command again
            answered = await command("r1", "tool.result", tool_call_id=id, result="no GPS", is_error=True)
            assert answered["accepted"]
        await self.app.service.wait_idle(Principal(), "c1")
        timeline = await self.get_json("v1/timeline?conv_id=c1")
        (found,) = [one["payload"] for one in timeline["entities"] if one["kind"] == "ChatToolResult"]
        assert (found["status"], found["result"]) == ("error", "no GPS")
        nack = await command("m2", "tool.manifest", client_id="page1", tools=[{"name": "a b"}])
        assert (nack["code"], nack["message"][:14]) == ("bad_request", "tools[0].name:")

    async def test_a_form_is_still_there_after_a_reload(self) -> None:
        socket = await self._page()
        await self.offer(FILL)
        id = (await self.called(socket, "form"))["toolCallId"]
        socket.connection.close()
        again = await self.join("?conv_id=c1")
        snapshot = (await again.until("timeline.snapshot"))[-1]["data"]["entities"]
        (call,) = [entity["payload"] for entity in snapshot if entity["kind"] == "ChatToolCall"]
        assert (call["toolCallId"], call["status"]) == (id, "executing") and "days" in call["answerSchema"]
        refused = await self.say(400, toolCallId=id, result={"days": "many"})
        assert refused["message"].startswith("result.days: ")
        assert await self.say(toolCallId=id, result={"days": 2}) == {"accepted": True}
        assert await self.result(again) == ("ok", '{"days":2}')

    @pytest.mark.rule("AC6")
    async def test_the_limits_are_told(self) -> None:
        hello = await (await self.join()).hear()
        told = {name: hello["data"]["limits"][name] for name in ("max_browser_tools", "max_tool_result_chars")}
        assert told == {"max_browser_tools": 64, "max_tool_result_chars": 200_000}
        assert {"tool.manifest", "tool.result"} <= set(hello["data"]["capabilities"]["commands"])

    @pytest.mark.rule("AC6", "FR10")
    async def test_a_result_that_is_nested_too_deeply_is_refused(self) -> None:
        deep = "[" * 100_000 + "]" * 100_000
        path, body = "v1/sessions/c1/tools/results", f'{{"toolCallId": "x", "result": {deep}}}'
        assert "nested" in await self.refused(path, 400, "bad_request", method="POST", body=body)
        socket = await self._page()
        data = f'{{"tool_call_id": "x", "result": {deep}}}'
        await socket.say(f'{{"type": "command", "id": "r1", "name": "tool.result", "conv_id": "c1", "data": {data}}}')
        assert "nested" in (await socket.until("ws.error"))[-1]["data"]["message"]

    async def test_many_pages_that_claim_at_once_are_told_apart(self) -> None:
        socket = await self._page()
        await self.offer(LOCATE)
        id = (await self.called(socket))["toolCallId"]
        claims = await asyncio.gather(*[self.say(toolCallId=id, claim=True, clientId=f"page{n}") for n in range(20)])
        assert sum(answer["accepted"] for answer in claims) == 1
