# ruff: noqa: D102 - the name of a test is its sentence
"""A store that several processes write to: two store objects on one place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.store import Sharing, Store
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, StoreTests, all_ids

BOUNDED_S = 10.0
"""How long a test waits for a word from the other store before it fails."""


class SharingContract(StoreTests):
    """What one store object writes, another one on the same place knows."""

    is_shared: ClassVar[bool] = True

    @pytest.fixture
    def other(self, store: Store, tmp_path: Path) -> Iterator[Store]:
        """Another open store on the same place, as in another process."""
        other = self.make_store(tmp_path)
        self.told: asyncio.Queue[tuple[SessionId, Ordinal]] = asyncio.Queue()
        sharing(other).watch(lambda session_id, head: self.told.put_nowait((session_id, head)), lambda: None)
        self.runner.run(other.open())
        yield other
        self.runner.run(other.close())

    async def test_what_one_writes_the_other_reads(self, store: Store, other: Store) -> None:
        author = Author(store)
        rows = [row("m1", 1), row("m2", 1, 2, removed=True)]
        await author.write(b"a", b"b", rows=rows, receipts=[receipt("k1")], attributes={"title": "T"}, settled=2)
        assert await other.session(C1) == await store.session(C1)
        assert await other.events(C1, Ordinal(0), 9) == await store.events(C1, Ordinal(0), 9)
        assert (await other.changed(C1, after=Ordinal(0), limit=9, hidden=())).rows == rows
        assert await other.receipt(C1, "ann", "k1") == receipt("k1")
        assert await all_ids(other) == ["c1"]

    @pytest.mark.rule("OR2", "OR4")
    async def test_of_two_writers_on_one_head_one_is_refused(self, store: Store, other: Store) -> None:
        one = Author(store)
        two = Author(other)
        two.epoch = one.epoch
        for base in range(20):
            drafts = (one.draft(b"one", base=base), two.draft(b"two", base=base))
            outcomes = await asyncio.gather(
                store.commit([drafts[0]]), other.commit([drafts[1]]), return_exceptions=True
            )
            refused = [outcome for outcome in outcomes if outcome is not None]
            assert [type(outcome) for outcome in refused] == [StoreConflictError]
            winner = drafts[0] if outcomes[0] is None else drafts[1]
            assert [entry.payload for entry in await other.events(C1, Ordinal(base), 9)] == [winner.events[0].payload]

    @pytest.mark.rule("OR4")
    async def test_who_lost_the_race_goes_on_from_the_present_head(self, store: Store, other: Store) -> None:
        one, two = Author(store), Author(other)
        await one.write(b"a", b"b")
        with pytest.raises(StoreConflictError):
            await two.write(b"c")
        found = await sharing(other).head(C1)
        assert found == (one.epoch, 2)
        two.epoch, two.head = found
        await two.write(b"c")
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"a", b"b", b"c"]

    @pytest.mark.rule("OR4")
    async def test_whoever_has_the_turn_commits_and_the_others_wait(self, store: Store, other: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        assert await sharing(other).take_turn(C1)
        assert await sharing(other).take_turn(C1), "it is still its turn"
        assert not await sharing(store).take_turn(C1)
        waiting = asyncio.create_task(store.commit([author.draft(b"late")]))
        elsewhere = Author(store, "c2")
        await Author(other, "c3").write(b"x")
        await asyncio.sleep(0.02)  # long enough for a commit that does not wait
        assert not waiting.done()
        winner = Author(other)
        winner.epoch, winner.head = author.epoch, author.head
        await winner.write(b"b")
        await sharing(other).end_turn(C1)
        with pytest.raises(StoreConflictError):
            await asyncio.wait_for(waiting, BOUNDED_S)
        await elsewhere.write(b"y")
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"a", b"b"]

    @pytest.mark.rule("OR4")
    async def test_a_turn_that_nobody_ends_is_over_by_itself(self, store: Store, other: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        assert await sharing(other).take_turn(C1)
        await asyncio.wait_for(author.write(b"b"), BOUNDED_S)
        await sharing(other).end_turn(C1)
        assert await sharing(store).take_turn(C1)

    async def test_a_refused_batch_leaves_nothing_in_any_session(self, store: Store, other: Store) -> None:
        one, late, new = Author(store), Author(other), Author(other, "new")
        await one.write(b"a")
        with pytest.raises(StoreConflictError):
            await other.commit([new.draft(b"x", receipts=[receipt("k", session_id="new")]), late.draft(b"late")])
        assert await store.session(SessionId("new")) is None
        assert await store.receipt(SessionId("new"), "ann", "k") is None

    async def test_the_other_is_told_of_a_commit(self, store: Store, other: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b")
        await self.wait_told(2)
        await author.write(b"c")
        await self.wait_told(3)

    @pytest.mark.rule("OR3")
    async def test_the_other_is_told_that_a_session_was_erased(self, store: Store, other: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        await self.wait_told(1)
        await store.erase(C1)
        await self.wait_told(0)
        assert await sharing(other).head(C1) is None
        late = Author(other)
        late.epoch, late.head = author.epoch, Ordinal(1)
        with pytest.raises(StoreConflictError):
            await late.write(b"late")

    @pytest.mark.rule("ST8")
    async def test_the_other_finds_a_pruned_log_shorter(self, store: Store, other: Store) -> None:
        await Author(store).write(b"a", b"b", b"c", settled=3)
        assert await store.prune(C1, upto=Ordinal(2)) == 3
        assert await other.first_ordinal(C1) == 3
        assert [entry.ordinal for entry in await other.events(C1, Ordinal(0), 9)] == [3]

    @pytest.mark.rule("RN3")
    async def test_a_lease_is_held_by_one_until_it_is_given_back(self, store: Store, other: Store) -> None:
        mine, theirs = sharing(store).leases, sharing(other).leases
        assert await mine.take("run-1")
        assert not await theirs.take("run-1")
        assert await theirs.is_held("run-1")
        assert await theirs.take("run-2")
        await mine.give_back("run-1")
        assert not await theirs.is_held("run-1")
        assert await theirs.take("run-1")
        await mine.give_back("run-1")
        assert await mine.is_held("run-1")

    async def wait_told(self, head: int) -> None:
        """Wait until the other store was told of the session's head, whatever it was told before."""
        async with asyncio.timeout(BOUNDED_S):
            while await self.told.get() != (C1, head):
                pass


def sharing(store: Store) -> Sharing:
    """What a shared store has besides."""
    assert store.sharing is not None
    return store.sharing
