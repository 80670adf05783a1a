"""What lies in Redis: the entries of a log, large batches, long lists, and nothing of what was erased."""

from __future__ import annotations

import os

import pytest

from tests.redis_server import RedisServer
from tests.unit.stream.redis_stores import C1, opened, prefix, server
from webchat_nb.stream.model import Ordinal
from webchat_nb.testing.store_author import FIRST_MS, Author, row

__all__ = ["prefix", "server"]


@pytest.mark.rule("OR4")
async def test_the_entries_of_a_log_are_named_after_its_ordinals(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        author = Author(store)
        await author.write(b"a", b"b")
        await author.write(b"\x00\xff\r\n")
        found = server.ask("XRANGE", f"{prefix}:log:c1", "-", "+")
        assert [stream_id for stream_id, _ in found] == [b"1-0", b"2-0", b"3-0"]
        assert found[2][1][b"p"] == b"\x00\xff\r\n"


@pytest.mark.rule("OR4", "ST4")
async def test_the_largest_batch_is_one_commit(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        author = Author(store)
        contents = [os.urandom(200) for _ in range(2048)]
        rows = [row(f"m{number}", number, 2048, payload=os.urandom(300_000)) for number in range(1, 9)]
        rows += [row(f"s{number}", number, payload=b" 1 2 ") for number in range(1, 2049)]
        await author.write(*contents, rows=rows)
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 3000)] == contents
        assert list(await store.entities(C1, "ChatMessage")) == sorted(rows, key=lambda row: (row.created, row.id))
        page = await store.window(C1, limit=1000, before=None, hidden=())
        assert (len(page.rows), page.has_more) == (1000, True)


@pytest.mark.rule("ST1")
async def test_a_store_leaves_nothing_of_an_erased_session(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        author = Author(store)
        await author.write(b"a", rows=[row("m", 1)], attributes={"owner": "ann", "status": "running", "title": "T"})
        await author.write(b"b", attributes={"owner": "bob", "status": "idle"})
        await store.erase(C1)
    assert server.ask("KEYS", f"{prefix}:*") == [f"{prefix}:meta".encode()]


@pytest.mark.rule("ST1")
async def test_a_search_goes_through_a_list_of_any_length(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        drafts = [
            Author(store, f"c{number:03}", at_ms=FIRST_MS + number // 7).draft(
                b"a", attributes={"title": "rare" if number % 150 == 0 else "common", "owner": "ann"}
            )
            for number in range(700)
        ]
        await store.commit(drafts)
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await store.sessions(limit=2, cursor=cursor, where={"owner": "ann"}, search="rare")
            found += [session.session_id for session in page.sessions]
            cursor = page.next
            if cursor is None:
                break
        assert found == ["c600", "c450", "c300", "c150", "c000"]
