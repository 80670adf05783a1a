"""Attachments where two servers share a Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, idle, submit
from tests.unit.chat.everything import NOTE
from tests.unit.chat.test_attachments import reading, upload
from webchat_nb.app import ChatApp
from webchat_nb.errors import BadRequestError, NotFoundError
from webchat_nb.stream import SessionId, SystemClock
from webchat_nb.testing.clock import ManualClock

GRACE_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def two(server: RedisServer, tmp_path: Path) -> AsyncIterator[tuple[ChatApp, ChatApp, ManualClock]]:
    clock = ManualClock(start_ms=SystemClock().now_ms())
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(reading(tmp_path, db=server.url))
        other = reading(tmp_path, db=server.url, clock=clock, attachment_grace_s=GRACE_S)
        second = await stack.enter_async_context(other)
        yield first, second, clock


@pytest.mark.rule("AT1", "AT3", "OR4")
async def test_what_one_server_took_the_other_serves_and_takes_away(
    two: tuple[ChatApp, ChatApp, ManualClock],
) -> None:
    one, other, _ = two
    id = await upload(one)
    await submit(other.service, "x", attachments=[id])
    await idle(other.service)
    assert (await entities(one, "ChatMessage"))[-1]["content"] == "now früchte.csv text/csv; "
    assert (await one.service.read_attachment(ME, "c1", id))[1] == NOTE
    await other.service.erase_session(ME, "c1")
    with pytest.raises(BadRequestError):
        await submit(one.service, "x", attachments=[id])


@pytest.mark.rule("AT3", "OR4")
async def test_an_erasure_that_a_crash_cut_short_is_finished_by_another_server(
    two: tuple[ChatApp, ChatApp, ManualClock],
) -> None:
    one, other, clock = two
    id = await upload(one)
    await submit(one.service, "x", attachments=[id])
    await idle(one.service)
    await one.hub.erase(SessionId("c1"))  # and here it dies
    await other.service.attachments.sweep()
    assert (await other.service.attachments.read(SessionId("c1"), id))[1] == NOTE  # it may be just about to be imported
    clock.jump(GRACE_S + 30)
    await other.service.attachments.sweep()
    with pytest.raises(NotFoundError):
        await other.service.attachments.read(SessionId("c1"), id)
