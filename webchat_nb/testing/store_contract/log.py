# ruff: noqa: D102 - the name of a test is its sentence
"""Sessions and their logs."""

from __future__ import annotations

import pytest

from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import FIRST_MS, Author, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests


class LogContract(StoreTests):
    """Sessions and their logs."""

    async def test_a_session_without_a_log_is_none(self, store: Store) -> None:
        assert await store.session(C1) is None

    async def test_a_log_without_events_begins_at_1(self, store: Store) -> None:
        assert await store.first_ordinal(C1) == 1
        assert await store.events(C1, Ordinal(0), 10) == []

    async def test_new_epochs_differ(self, store: Store) -> None:
        assert len({store.new_epoch() for _ in range(100)}) == 100

    @pytest.mark.rule("OR1")
    async def test_events_come_back_whole_and_in_order(self, store: Store) -> None:
        author = Author(store)
        first, second = author.draft(b"a", b"\x00\xff"), author.draft(b"c", base=2)
        await store.commit([first])
        await store.commit([second])
        assert await store.events(C1, Ordinal(0), 10) == [*first.events, *second.events]

    async def test_events_are_read_after_an_ordinal_and_up_to_a_limit(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9)
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(3), 4)] == [4, 5, 6, 7]
        assert await store.events(C1, Ordinal(9), 4) == []
        assert await store.events(C1, Ordinal(3), 0) == []
        assert await store.events(C1, Ordinal(2**53), 4) == []

    async def test_logs_of_neighbouring_sessions_do_not_touch(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        for _ in range(3):
            await one.write(b"one")
            await two.write(b"two", b"two")
        assert {entry.payload for entry in await store.events(one.session_id, Ordinal(0), 99)} == {b"one"}
        assert [entry.ordinal for entry in await store.events(two.session_id, Ordinal(0), 99)] == [1, 2, 3, 4, 5, 6]

    async def test_the_session_tells_what_the_last_commit_said(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", attributes={"title": "Old"})
        await author.write(b"b", b"c", settled=2, attributes={"title": "Grüße", "owner": "ann"})
        session = await store.session(C1)
        assert session is not None
        assert (session.session_id, session.epoch, session.head, session.settled) == (C1, author.epoch, 3, 2)
        assert session.attributes == {"title": "Grüße", "owner": "ann"}
        assert (session.created_at_ms, session.updated_at_ms) == (FIRST_MS, FIRST_MS + 1000)

    @pytest.mark.rule("ST3")
    async def test_commits_of_appends_alone_move_head_and_time_too(self, store: Store) -> None:
        author = Author(store)
        for _ in range(5):
            await author.write(b"x", attributes={"title": "T"})
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.updated_at_ms) == (5, FIRST_MS + 4000)

    async def test_a_checkpoint_moves_settled_and_not_the_time(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        await author.write(b"b")
        await author.write(rows=[row("m1", 1, 2)], settled=2)
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.settled, session.updated_at_ms) == (2, 2, FIRST_MS + 1000)

    async def test_sessions_share_a_batch(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        await store.commit([one.draft(b"a"), two.draft(b"b"), one.draft(b"c", base=1)])
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"a", b"c"]
        assert [entry.payload for entry in await store.events(C2, Ordinal(0), 9)] == [b"b"]

    async def test_usage_counts_what_was_committed(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", rows=[row("m1", 1)])
        await author.write(b"c")
        usage = store.usage()
        assert (usage.commits, usage.events, usage.rows) == (2, 3, 1)

    @pytest.mark.rule("ST3")
    async def test_ten_times_the_tokens_cost_ten_times_the_bytes(self, store: Store) -> None:
        short, long = Author(store, "c1"), Author(store, "c2")
        start = store.usage().bytes_written
        for _ in range(50):
            await short.write(b"x" * 40)
        middle = store.usage().bytes_written
        for _ in range(500):
            await long.write(b"x" * 40)
        cost, tenfold = middle - start, store.usage().bytes_written - middle
        assert (cost > 0) is self.is_durable
        assert tenfold <= 11 * cost

    async def test_questions_write_nothing(self, store: Store) -> None:
        await Author(store).write(b"a", rows=[row("m1", 1)])
        before = store.usage()
        await store.events(C1, Ordinal(0), 9)
        await store.window(C1, limit=9, before=None, hidden=())
        await store.session(C1)
        assert store.usage() == before
