"""`webchat-nb serve` as a process: its first line, its end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.standalone import Socket
from tests.unit.transports.chats import SCRIPT, submit
from webchat_nb.testing.aio import AsyncTests

LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+/x/)\n")


@asynccontextmanager
async def serving(folder: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    (folder / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    profiles = folder / "profiles.yaml"
    profiles.write_text("default: fast\nprofiles:\n  - {slug: fast, engine: scripted, script: ./script.yaml}\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webchat_nb.cli", "serve", "--port", "0", "--base-path", "/x",
        "--profiles", str(profiles), *options,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        found = LISTENING.fullmatch(line)
        assert found, line
        yield process, found[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


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
