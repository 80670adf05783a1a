# ruff: noqa: D102 - the name of a test is its sentence
"""Forgetting the beginning of a log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests, listed


@pytest.mark.rule("ST8")
class PruneContract(StoreTests):
    """A log without its beginning."""

    async def test_events_up_to_an_ordinal_are_gone_and_the_others_stay(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9, settled=9)
        assert await store.prune(C1, upto=Ordinal(4)) == 5
        assert await store.first_ordinal(C1) == 5
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(0), 99)] == [5, 6, 7, 8, 9]
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(6), 2)] == [7, 8]

    async def test_what_no_row_stands_for_is_kept(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9, settled=6)
        assert await store.prune(C1, upto=Ordinal(9)) == 7
        assert await store.first_ordinal(C1) == 7

    async def test_a_whole_log_may_go(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", settled=2)
        assert await store.prune(C1, upto=Ordinal(2**53)) == 3
        assert await store.events(C1, Ordinal(0), 9) == []
        session = await store.session(C1)
        assert session is not None
        assert (session.epoch, session.head) == (author.epoch, 2)

    async def test_all_but_the_events_stays(self, store: Store) -> None:
        author = Author(store)
        rows = [row("m1", 1), row("m2", 1, 2, removed=True)]
        await author.write(b"a", b"b", rows=rows, receipts=[receipt("k1")], attributes={"title": "T"}, settled=2)
        session = await store.session(C1)
        await store.prune(C1, upto=Ordinal(2))
        assert await store.session(C1) == session
        assert (await store.changed(C1, after=Ordinal(0), limit=9, hidden=())).rows == rows
        assert await store.receipt(C1, "ann", "k1") == receipt("k1")
        assert (await listed(store)).sessions == [session]

    async def test_the_log_goes_on_after_its_beginning_is_gone(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", settled=2)
        await store.prune(C1, upto=Ordinal(2))
        await author.write(b"c")
        assert [(entry.ordinal, entry.payload) for entry in await store.events(C1, Ordinal(0), 9)] == [(3, b"c")]
        assert await store.first_ordinal(C1) == 3

    async def test_pruning_again_or_less_changes_nothing(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 5, settled=5)
        for upto in (3, 3, 1, 0):
            assert await store.prune(C1, upto=Ordinal(upto)) == 4
        assert len(await store.events(C1, Ordinal(0), 9)) == 2

    async def test_a_streaming_session_is_pruned_up_to_what_is_settled(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", settled=2)
        for _ in range(3):  # appends alone: rows do not follow
            await author.write(b"token", settled=2)
        before = await store.session(C1)
        assert await store.prune(C1, upto=Ordinal(5)) == 3
        assert await store.session(C1) == before
        await author.write(b"token", settled=2)
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(0), 9)] == [3, 4, 5, 6]

    async def test_the_neighbours_keep_their_logs(self, store: Store) -> None:
        for name in ("c1", "c2", "c3"):
            await Author(store, name).write(b"a", b"b", settled=2)
        await store.prune(C2, upto=Ordinal(2))
        assert len(await store.events(C1, Ordinal(0), 9)) == 2
        assert await store.first_ordinal(C1) == 1

    async def test_a_session_that_does_not_exist_has_nothing_to_forget(self, store: Store) -> None:
        assert await store.prune(C1, upto=Ordinal(5)) == 1
        assert await store.session(C1) is None

    async def test_a_receipt_alone_has_nothing_to_forget(self, store: Store) -> None:
        await Author(store).write(receipts=[receipt("k1")], settled=1)
        assert await store.prune(C1, upto=Ordinal(1)) == 1
        assert await store.first_ordinal(C1) == 1

    async def test_an_erased_session_begins_at_1_again(self, store: Store) -> None:
        await Author(store).write(b"a", b"b", settled=2)
        await store.prune(C1, upto=Ordinal(2))
        await store.erase(C1)
        await Author(store).write(b"anew")
        assert await store.first_ordinal(C1) == 1
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"anew"]

    async def test_a_long_log_is_pruned_while_others_write(self, store: Store) -> None:
        long, other = Author(store, "c1"), Author(store, "c2")
        for _ in range(6):
            await long.write(*[b"x"] * 1000, settled=6000)

        async def write_meanwhile() -> None:
            for _ in range(20):
                await other.write(b"y")

        first, _ = await asyncio.gather(store.prune(C1, upto=Ordinal(5500)), write_meanwhile())
        assert first == 5501
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(0), 9999)] == list(range(5501, 6001))
        assert len(await store.events(C2, Ordinal(0), 9999)) == 20

    async def test_what_was_pruned_stays_gone_after_a_restart(self, store: Store, tmp_path: Path) -> None:
        await Author(store).write(*[b"x"] * 5, settled=5)
        await store.prune(C1, upto=Ordinal(3))
        before = await store.session(C1)
        again = await self.reopen(store, tmp_path)
        try:
            assert await again.session(C1) == (before if self.is_durable else None)
            assert await again.first_ordinal(C1) == (4 if self.is_durable else 1)
        finally:
            await again.close()
