"""Several servers on one Redis: who is told what, and who holds a lease (OR4, RN3)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from tests.redis_server import RedisServer
from tests.unit.stream.redis_stores import BOUNDED_S, opened, prefix, server, until
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.store_author import Author

__all__ = ["prefix", "server"]


class Watcher:
    """Hears what one store is told."""

    def __init__(self, store: RedisStore) -> None:
        self.heads: list[tuple[SessionId, Ordinal]] = []
        self.doubt_count = 0
        store.sharing.watch(lambda session_id, head: self.heads.append((session_id, head)), self._doubt)

    def _doubt(self) -> None:
        self.doubt_count += 1

    def has_heard(self, session_id: str, head: int) -> bool:
        return (session_id, head) in self.heads


@pytest.mark.rule("OR4")
async def test_a_store_is_told_what_others_did_and_nothing_that_it_did_itself(server: RedisServer, prefix: str) -> None:
    watching = RedisStore(server.url, prefix=prefix)
    watcher = Watcher(watching)
    await watching.open()
    async with opened(server.url, prefix=prefix) as other, opened(server.url, prefix=f"{prefix}-else") as stranger:
        own, theirs, more = Author(watching, "own"), Author(other, "theirs"), Author(other, "more")
        await Author(stranger, "strange").write(b"a")
        await own.write(b"a")
        await other.commit([theirs.draft(b"a", b"b"), more.draft(b"a")])
        await watching.erase(own.session_id)
        await other.erase(more.session_id)
        await until(partial(watcher.has_heard, "more", 0))
    await watching.close()
    assert watcher.heads == [("theirs", 2), ("more", 1), ("more", 0)]
    assert watcher.doubt_count == 0


@pytest.mark.rule("OR4", "ST10")
async def test_after_its_connection_was_lost_a_store_doubts_and_hears_again(server: RedisServer, prefix: str) -> None:
    watching = RedisStore(server.url, prefix=prefix)
    watcher = Watcher(watching)
    await watching.open()
    async with opened(server.url, prefix=prefix) as other:
        author = Author(other)
        for round_number in range(1, 4):
            server.ask("CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda expected=round_number: watcher.doubt_count == expected)  # type: ignore[misc]
            await author.write(b"a")
            await until(partial(watcher.has_heard, "c1", round_number))
    await watching.close()


@pytest.mark.rule("RN3")
async def test_a_lease_is_renewed_as_long_as_its_holder_lives(server: RedisServer, prefix: str) -> None:
    clock = ManualClock()
    async with opened(server.url, prefix=prefix, clock=clock, lease_ttl_s=60.0) as store:
        leases, key = store.sharing.leases, f"{prefix}:lease:run-1"
        assert leases.ttl_s == 60.0
        assert await leases.take("run-1")
        assert await leases.take("run-1"), "the same process may take it again"
        for _ in range(3):
            server.ask("PEXPIRE", key, 30_000)
            clock.jump(20.0)
            await until(lambda: server.ask("PTTL", key) > 50_000)
    assert not server.ask("EXISTS", key), "a store that is closed gives its leases back"


@pytest.mark.rule("RN3")
async def test_a_lease_that_another_server_took_is_left_to_it(server: RedisServer, prefix: str) -> None:
    clock = ManualClock()
    async with opened(server.url, prefix=prefix, clock=clock, lease_ttl_s=60.0) as store:
        leases = store.sharing.leases
        await leases.take("lost")
        await leases.take("kept")
        lost, kept = f"{prefix}:lease:lost", f"{prefix}:lease:kept"
        server.ask("SET", lost, "another")
        await leases.give_back("lost")
        assert server.ask("GET", lost) == b"another"
        server.ask("DEL", lost)
        await leases.take("lost")
        server.ask("SET", lost, "another")
        for _ in range(2):  # it sees the other one, and from then on leaves the lease alone
            server.ask("PEXPIRE", kept, 30_000)
            clock.jump(20.0)
            await until(lambda: server.ask("PTTL", kept) > 50_000)
            holder = server.ask("GET", lost)
            server.ask("DEL", lost)
        assert holder is None
        assert not await leases.is_held("lost")


CHILD = """
import asyncio, sys
from webchat_nb.stream.stores.redis import RedisStore

async def hold():
    store = RedisStore(sys.argv[1], prefix=sys.argv[2], lease_ttl_s=0.5)
    await store.open()
    assert await store.sharing.leases.take("run-1")
    print("held", flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""


@pytest.mark.rule("RN3")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
async def test_the_lease_of_a_killed_server_ends_by_itself(server: RedisServer, prefix: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, server.url, prefix],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(BOUNDED_S):
            assert await asyncio.to_thread(child.stdout.readline) == b"held\n"
        async with opened(server.url, prefix=prefix, lease_ttl_s=0.5) as store:
            assert not await store.sharing.leases.take("run-1")
            child.send_signal(signal.SIGKILL)
            child.wait()
            await until(partial(store.sharing.leases.take, "run-1"))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
