"""A Redis that is killed, cut off, full or read-only loses nothing that was acknowledged (ST10)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import exceptions

from tests.redis_proxy import LossyProxy
from tests.redis_server import RedisServer
from tests.unit.stream.redis_stores import BOUNDED_S, C1, opened, payloads, prefix, server, until
from webchat_nb.errors import (
    StoreConflictError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.stream.stores.redis.errors import translated
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.store_author import Author, receipt, row

__all__ = ["prefix", "server"]


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that the test may kill."""
    with RedisServer(tmp_path / "redis") as own_server:
        yield own_server


async def write_many(store: RedisStore, session_id: str, count: int, acknowledged: list[bytes]) -> None:
    author = Author(store, session_id)
    for number in range(count):
        await author.write(b"%d" % number, rows=[row("m", author.head + 1)])
        acknowledged.append(b"%d" % number)


def has_reached(acknowledged: list[bytes], count: int) -> bool:
    return len(acknowledged) > count


@pytest.mark.rule("ST10", "OR1", "OR2")
async def test_killed_and_restarted_under_commits_it_keeps_each_commit_once(own_server: RedisServer) -> None:
    async with opened(own_server.url) as one, opened(own_server.url) as two:
        acknowledged: dict[str, list[bytes]] = {"a": [], "b": []}
        writing = asyncio.gather(
            write_many(one, "a", 900, acknowledged["a"]), write_many(two, "b", 900, acknowledged["b"])
        )
        for kills in range(1, 4):
            await until(partial(has_reached, acknowledged["a"], kills * 200))
            assert not writing.done()
            await asyncio.to_thread(own_server.restart)
        async with asyncio.timeout(BOUNDED_S):
            await writing
        for session_id, written in acknowledged.items():
            assert await payloads(one, session_id) == written == [b"%d" % number for number in range(900)]


@pytest.mark.rule("ST10")
async def test_what_was_acknowledged_is_there_after_a_kill(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        author = Author(store)
        await author.write(b"a", rows=[row("m", 1)], receipts=[receipt("k")], attributes={"title": "T"})
        before = await store.session(C1)
        own_server.restart()
        assert await store.session(C1) == before
        assert await store.entity(C1, "ChatMessage", "m") == row("m", 1)
        assert await store.receipt(C1, "ann", "k") == receipt("k")
        await author.write(b"b")


@pytest.mark.rule("ST10")
async def test_a_commit_waits_for_redis_to_come_back(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        author = Author(store)
        await author.write(b"a")
        own_server.kill()
        writing = asyncio.create_task(author.write(b"b"))
        with pytest.raises(StoreUnreachableError):  # meanwhile questions are refused
            await store.session(C1)
        assert not writing.done()
        own_server.start()
        async with asyncio.timeout(BOUNDED_S):
            await writing
        assert await payloads(store) == [b"a", b"b"]


@pytest.mark.rule("ST10")
async def test_patience_ends_with_an_error_that_may_be_retried(own_server: RedisServer) -> None:
    clock = ManualClock()
    async with opened(own_server.url, clock=clock) as store:
        author = Author(store)
        await author.write(b"a")
        own_server.kill()
        for ask, shortest_s, longest_s in (
            (author.write(b"b"), 28.0, 60.0),
            (store.session(C1), 0.1, 10.0),
            (store.erase(C1), 0.1, 10.0),
        ):
            began_s = clock.steady_s()
            asking = asyncio.ensure_future(ask)
            while not asking.done():
                clock.jump(0.01)
                await asyncio.sleep(0)
            with pytest.raises(StoreUnreachableError) as caught:
                await asking
            assert shortest_s < clock.steady_s() - began_s < longest_s  # of the test's own clock
            assert (caught.value.http_status, caught.value.retryable) == (503, True)
        own_server.start()
        await author.write(b"b")
        assert await payloads(store) == [b"a", b"b"]


@pytest.mark.rule("ST10", "OR2")
@pytest.mark.parametrize("losses", [1, 3])
async def test_a_commit_whose_answer_is_lost_is_kept_once(server: RedisServer, prefix: str, losses: int) -> None:
    async with LossyProxy(server.port) as proxy, opened(proxy.url, prefix=prefix) as store:
        author = Author(store)
        await author.write(b"a")
        proxy.lose(b"only once", times=losses)
        await author.write(b"only once", rows=[row("m", 2)], receipts=[receipt("k")])
        await author.write(b"c")
        assert proxy.lost_count == losses
        assert await payloads(store) == [b"a", b"only once", b"c"]


@pytest.mark.rule("ST10", "OR2")
async def test_it_is_recognised_when_another_server_wrote_on_top(server: RedisServer, prefix: str) -> None:
    clock = ManualClock()
    async with (
        LossyProxy(server.port) as proxy,
        opened(proxy.url, prefix=prefix, clock=clock) as store,
        opened(server.url, prefix=prefix) as other,
    ):
        author = Author(store)
        await author.write(b"a")
        proxy.lose(b"lost")
        writing = asyncio.create_task(author.write(b"lost"))
        await until(lambda: proxy.lost_count == 1)
        above = Author(other)
        above.epoch, above.head = author.epoch, Ordinal(2)
        await above.write(b"above")
        while not writing.done():
            clock.jump(0.1)
            await asyncio.sleep(0)
        await writing
        assert await payloads(store) == [b"a", b"lost", b"above"]


@pytest.mark.rule("ST10")
async def test_an_erasure_whose_answer_is_lost_still_says_that_there_was_something(
    server: RedisServer, prefix: str
) -> None:
    async with LossyProxy(server.port) as proxy, opened(proxy.url, prefix=prefix) as store:
        await Author(store, "erase-me").write(b"a")
        proxy.lose(b"erase-me")
        assert await store.erase(SessionId("erase-me"))
        assert proxy.lost_count == 1


@pytest.mark.rule("ST10")
async def test_a_request_that_arrives_again_much_later_changes_nothing(server: RedisServer, prefix: str) -> None:
    async with LossyProxy(server.port) as proxy, opened(proxy.url, prefix=prefix) as store:
        old = Author(store, "twice")
        await old.write(b"a")
        proxy.lose(b"twice")
        await store.erase(old.session_id)
        new = Author(store, "twice")
        await new.write(b"b")
        (erasure,) = proxy.requests
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(erasure)
        async with asyncio.timeout(BOUNDED_S):
            assert (await reader.readline()).startswith(b"*2"), "Redis took it for one that was done"
        writer.close()
        await writer.wait_closed()
        assert await payloads(store, "twice") == [b"b"]


@pytest.mark.rule("ST10")
async def test_killed_connections_are_made_anew(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        author = Author(store)
        for number in range(5):
            await author.write(b"%d" % number)
            server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        session = await store.session(C1)
        assert session is not None
        assert (session.epoch, session.head) == (author.epoch, 5)


@pytest.mark.rule("ST5")
async def test_a_full_redis_refuses_the_whole_batch_and_lives(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        one, two = Author(store, "c1"), Author(store, "c2")
        await one.write(b"a")
        own_server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreFullError, match="maxmemory"):
            await store.commit([one.draft(b"b", rows=[row("m", 2)]), two.draft(b"b")])
        assert await payloads(store) == [b"a"]
        assert await store.entity(C1, "ChatMessage", "m") is None
        async with opened(own_server.url) as late:  # a full Redis can be opened, to make room
            assert await late.prune(C1, upto=Ordinal(0)) == 1
            assert not await late.erase(two.session_id)
            assert await late.sharing.leases.take("run-1"), "or a full Redis would end the runs of all servers"
        own_server.ask("CONFIG", "SET", "maxmemory", "0")
        await one.write(b"b")
        assert await payloads(store) == [b"a", b"b"]


@pytest.mark.rule("ST5")
async def test_a_read_only_replica_answers_questions_only(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        author = Author(store)
        await author.write(b"a")
        own_server.ask("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreReadOnlyError, match="replica"):
            await author.write(b"b")
        assert await payloads(store) == [b"a"]
        own_server.ask("REPLICAOF", "NO", "ONE")
        await author.write(b"b")


@pytest.mark.rule("ST5")
async def test_keys_of_another_program_are_said_to_be_that(server: RedisServer, prefix: str) -> None:
    server.ask("SET", f"{prefix}:session:c1", "theirs")
    async with opened(server.url, prefix=prefix) as store:
        with pytest.raises(StoreDamagedError, match="another prefix"):
            await Author(store).write(b"a")
    assert server.ask("GET", f"{prefix}:session:c1") == b"theirs"


@pytest.mark.rule("ST10", "OR3")
async def test_emptied_under_way_it_begins_new_logs(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        author = Author(store)
        await author.write(b"a")
        own_server.ask("FLUSHALL")
        with pytest.raises(StoreConflictError):
            await author.write(b"b")
        assert await store.session(C1) is None
        new = Author(store)
        await new.write(b"c")
        session = await store.session(C1)
        assert session is not None
        assert session.epoch == new.epoch != author.epoch


@pytest.mark.rule("ST5")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
            StoreReadOnlyError,
        ),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), StoreUnreachableError),
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), StoreUnreachableError),
        (exceptions.TimeoutError("Timeout reading"), StoreUnreachableError),
        (exceptions.ConnectionError("max number of clients reached"), StoreUnreachableError),
        (exceptions.NoPermissionError("this user has no permissions"), StoreError),
        (exceptions.ResponseError("ERR something new"), StoreError),
    ],
)
def test_every_refusal_has_a_place_in_our_errors(error: Exception, expected: type[StoreError]) -> None:
    assert type(translated(error, "redis://there")) is expected


@pytest.mark.rule("ST5")
def test_a_certificate_that_is_not_accepted_is_no_passing_trouble() -> None:
    problem = ssl.SSLCertVerificationError(1, "certificate verify failed")
    problem.verify_message = "self-signed certificate"  # as the ssl module sets it
    refused = exceptions.ConnectionError("Error 1 connecting to there")
    refused.__context__ = problem
    error = translated(refused, "rediss://there")
    assert "self-signed certificate" in error.message
    assert not error.retryable
