"""`webchat-nb serve` as a process: its first line, its end."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.processes import serving
from tests.server.standalone import Socket
from tests.unit.transports.chats import submit
from webchat_nb.testing.aio import AsyncTests


class TestServe(AsyncTests):
    @pytest.mark.rule("FR11", "HT6")
    async def test_sigterm_closes_sockets_with_4000_and_keeps_what_was_said(self, tmp_path: Path) -> None:
        db = str(tmp_path / "chat.db")
        async with serving(tmp_path, "--token", "T", "--db", db) as (process, address):
            socket = Socket(await websocket_connect(address.replace("http", "ws") + "v1/ws?token=T&conv_id=c1"))
            await socket.say(submit())
            await socket.until("run.finished")
            process.send_signal(signal.SIGTERM)
            assert await socket.closed() == 4000
            assert await asyncio.wait_for(process.wait(), 10) == 0
            socket.connection.close()
        async with serving(tmp_path, "--token", "T", "--db", db, "--no-ui") as (_, address):
            headers = {"Authorization": "token T"}
            answer = await AsyncHTTPClient().fetch(HTTPRequest(address + "v1/sessions/c1", headers=headers))
            contents = [entity["payload"].get("content") for entity in json.loads(answer.body)["entities"]]
            assert "You said: hi" in contents
            page = await AsyncHTTPClient().fetch(HTTPRequest(address, headers=headers), raise_error=False)
            assert page.code == 404
