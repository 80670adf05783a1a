"""Our own server with an engine that says when it said what, as a process: ``python -m tests.server.stamping_server``.

Its first line on standard output is its port. A prompt is the number of pieces to answer with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from tempfile import TemporaryDirectory

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from webchat_nb.app import Config, build
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta, ThinkingDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.stream import FanoutSettings
from webchat_nb.transports.standalone import make_application

TOKEN = "T"
PIECE_INTERVAL_S = 0.01
MAX_BACKLOG_BYTES = 128 << 10
_SEGMENT_PIECES = 20
"""Pieces after which the other speaks, the answer or the thought: each whole text is far below the backlog's bound."""

_SEND_BUFFER_BYTES = 64 << 10
"""Of each connection: the system would otherwise take megabytes for a client that reads nothing."""

_PADDING = "x" * 2000


class StampingEngine:
    """A piece of text every 10 ms, each with the steady time at which it was made."""

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        due_s = time.monotonic()
        for number in range(int(request.prompt)):
            due_s += PIECE_INTERVAL_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            text = f"<{time.monotonic_ns()}>{_PADDING}"
            yield TextDelta(text) if number // _SEGMENT_PIECES % 2 else ThinkingDelta(text)


async def serve() -> None:
    """Until the process is ended."""

    def build_engine(_: EnginePlan) -> StampingEngine:
        return StampingEngine()

    profiles = {"default": "default", "profiles": [{"slug": "default", "engine": "stamping"}]}
    # A frame for each piece: a hold of 16 ms would hide what one client does to another.
    fanout = FanoutSettings(
        flush_interval_s=0, merge_backlog_bytes=MAX_BACKLOG_BYTES // 4, max_backlog_bytes=MAX_BACKLOG_BYTES
    )
    with TemporaryDirectory(prefix="webchat-test-") as folder:
        config = Config(
            db=str(Path(folder) / "chat.sqlite"),
            profiles=profiles,
            engines={"stamping": build_engine},
            fanout=fanout,
        )
        async with build(config) as app:
            server = HTTPServer(make_application(lambda: app.service, token=TOKEN, ui=False))
            sockets = bind_sockets(0, "127.0.0.1")
            sockets[0].setsockopt(SOL_SOCKET, SO_SNDBUF, _SEND_BUFFER_BYTES)  # connections inherit it
            server.add_sockets(sockets)
            print(sockets[0].getsockname()[1], flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
