"""Decisions about tool calls over real HTTP and a real websocket."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.websocket import websocket_connect

from tests.server.standalone import TOKEN, Socket, StandaloneTests
from webchat_nb.wire.requests import Principal


class TestApprovals(StandaloneTests):
    async def asked(self) -> tuple[Socket, str]:
        """Ask for something that needs a decision; a socket that follows, and the question's id."""
        address = f"ws://127.0.0.1:{self.port}/v1/ws?token={TOKEN}&conv_id=c1"
        socket = Socket(await websocket_connect(address))
        await self.get_json("v1/chat", method="POST", body={"prompt": "may you?", "conv_id": "c1"})
        question = (await socket.until("tool.approval.requested"))[-1]
        return socket, question["id"]

    async def decide(self, id: str, status: int = 200, **body: Any) -> Any:
        return await self.get_json(f"v1/sessions/c1/approvals/{id}", status, method="POST", body=body)

    @pytest.mark.rule("TL2")
    async def test_over_http(self) -> None:
        socket, id = await self.asked()
        path = f"v1/sessions/c1/approvals/{id}"
        body = {"decision": "perhaps"}
        assert "decision" in await self.refused(path, 400, "bad_request", method="POST", body=body)
        assert await self.decide(id, decision="approve", input='{"path": "b.txt"}') == {"status": "edited"}
        decided = (await socket.until("tool.approval.decided"))[-1]
        assert decided["ops"][0]["entity"]["payload"]["status"] == "edited"
        await self.app.service.wait_idle(Principal(), "c1")
        await self.refused(path, 409, "already_decided", method="POST", body={"decision": "deny"})
        await self.refused(
            "v1/sessions/c1/approvals/none", 404, "unknown_approval", method="POST", body={"decision": "deny"}
        )
        await self.refused(
            "v1/sessions/nowhere/approvals/none", 404, "unknown_session", method="POST", body={"decision": "deny"}
        )
        socket.connection.close()

    @pytest.mark.rule("TL2", "FR12")
    async def test_in_a_frame(self) -> None:
        socket, id = await self.asked()
        data = {"approval_id": id, "decision": "deny", "reason": "no"}
        frame = {"type": "command", "id": "d1", "name": "tool.decide", "conv_id": "c1", "data": data}
        for _ in range(2):  # the second is the same command again
            await socket.say(frame)
            acknowledged = (await socket.until("ws.ack"))[-1]["data"]
            assert (acknowledged["id"], acknowledged["status"]) == ("d1", "denied")
        await socket.say({**frame, "id": "d2"})
        assert (await socket.until("ws.nack"))[-1]["data"]["code"] == "already_decided"
        socket.connection.close()
