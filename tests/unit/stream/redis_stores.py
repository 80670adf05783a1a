"""What the tests of the Redis store share: stores on one server, closed at the end, and waiting with a bound."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.redis_server import RedisServer
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.stores.redis import RedisStore

C1 = SessionId("c1")
BOUNDED_S = 20.0
"""How long a test waits for a real process before it fails."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for all tests of a module; each has a prefix of its own. Not to be killed."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return f"test-{secrets.token_hex(6)}"


@asynccontextmanager
async def opened(url: str, *, prefix: str = "webchat", **settings: Any) -> AsyncIterator[RedisStore]:
    """An open store."""
    store = RedisStore(url, prefix=prefix, **settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something holds that a real process does in its own time."""
    async with asyncio.timeout(BOUNDED_S):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


async def payloads(store: RedisStore, session_id: str = "c1") -> list[bytes]:
    """The log, after a look at its ordinals."""
    log = await store.events(SessionId(session_id), Ordinal(0), 10**6)
    assert [entry.ordinal for entry in log] == list(range(1, len(log) + 1))
    return [entry.payload for entry in log]
