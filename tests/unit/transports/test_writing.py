"""Who has something new writes it at once: what a sink does then is nothing to whoever publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path

import pytest

from tests.unit.transports.chats import chat_in
from webchat_nb.transports.connection import Connection
from webchat_nb.transports.greeting import Join
from webchat_nb.transports.sink import SinkClosedError
from webchat_nb.wire.requests import Principal, SubmitRequest


class FickleSink:
    """Takes frames until it is told to raise, or to have no room.

    Attributes:
        frames: What was taken.
        fault: Raised by the next ``send``.
        room: While set, what ``send`` asks to wait for.
        close_codes: How it was closed.
    """

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.fault: Exception | None = None
        self.room: asyncio.Future[None] | None = None
        self.close_codes: list[int] = []

    def send(self, frames: Sequence[bytes]) -> Awaitable[None] | None:
        if self.fault is not None:
            raise self.fault
        self.frames += frames
        return self.room

    def ping(self) -> None:
        return None

    def close(self, code: int, reason: str) -> None:
        self.close_codes.append(code)


@pytest.mark.rule("FR8")
@pytest.mark.parametrize(
    ("fault", "codes"), [(RuntimeError("a fault of ours"), [1011]), (SinkClosedError(), [])], ids=["fault", "gone"]
)
async def test_a_sink_that_fails_ends_its_connection_and_no_answer(
    tmp_path: Path, fault: Exception, codes: list[int]
) -> None:
    async with chat_in(tmp_path) as app:
        failing, healthy = FickleSink(), FickleSink()
        for sink in (failing, healthy):
            join = Join(conv_id="c1")
            connection = Connection(backend=app.service, sink=sink, who=Principal(), connection_id="x", join=join)
            await connection.start()
            await connection.settle()
        failing.fault = fault
        taken_count = len(failing.frames)
        await app.service.submit(Principal(), SubmitRequest(prompt="hi", conv_id="c1"))
        await app.service.wait_idle(Principal(), "c1")
        assert failing.close_codes == codes and len(failing.frames) == taken_count
        assert b'"run.finished"' in healthy.frames[-1] and healthy.close_codes == []


@pytest.mark.rule("FR2", "FR8")
async def test_what_comes_while_a_sink_has_no_room_follows_in_order_when_it_has(tmp_path: Path) -> None:
    async with chat_in(tmp_path) as app:
        sink = FickleSink()
        sink.room = asyncio.get_running_loop().create_future()
        connection = Connection(
            backend=app.service, sink=sink, who=Principal(), connection_id="x", join=Join(conv_id="c1")
        )
        await connection.start()
        await connection.settle()
        await app.service.submit(Principal(), SubmitRequest(prompt="hi", conv_id="c1"))
        await app.service.wait_idle(Principal(), "c1")
        assert len(sink.frames) == 1 and b'"ws.hello"' in sink.frames[0]
        room, sink.room = sink.room, None
        room.set_result(None)
        await asyncio.sleep(0)
        assert b'"ws.subscribed"' in sink.frames[1] and b'"timeline.snapshot"' in sink.frames[2]
        assert b'"run.finished"' in sink.frames[-1]
        connection.detach()
