"""A store that fails: the error reaches who asked, nothing half-done is seen, and afterwards all goes on (ST5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from webchat_nb.errors import StoreError, StoreFullError
from webchat_nb.stream import Hub, Ordinal
from webchat_nb.stream.model import Cursor
from webchat_nb.stream.store import Store
from webchat_nb.stream.stores import MemoryStore, SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.board import added, board_hub, extended
from webchat_nb.testing.faults import FaultyStore, Method
from webchat_nb.testing.fold import Fold, rows_timeline
from webchat_nb.testing.store_contract import StoreContract
from webchat_nb.testing.store_contract.base import C1, C2

FULL = StoreFullError("the test's store is full")


class TestFaultyStoreWithNothingPlanned(StoreContract):
    is_durable = False

    def make_store(self, place: Path) -> Store:
        return FaultyStore(MemoryStore())


async def note(hub: Hub, id: str = "a") -> str:
    """The text of a note, as a snapshot shows it."""
    entities = rows_timeline((await hub.snapshot(C1)).entities)
    return str(entities["Note", id].get("text", ""))


@pytest.mark.rule("ST5")
class TestFailing(AsyncTests):
    @pytest.fixture(params=["memory", "sqlite"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> FaultyStore:
        return FaultyStore(MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "chat.db"))

    @pytest.fixture
    def hub(self, store: FaultyStore) -> Iterator[Hub]:
        hub = board_hub(store)
        self.runner.run(hub.start())
        self.runner.run(hub.publish(added(C1, "a", "A")))
        yield hub
        self.runner.run(hub.shutdown())

    @pytest.mark.rule("PL1", "OR2")
    async def test_a_refused_commit_leaves_nothing_and_the_next_one_is_kept(self, hub: Hub, store: FaultyStore) -> None:
        subscription = await hub.subscribe(C1)
        store.fail("commit", FULL)
        with pytest.raises(StoreFullError):
            await hub.publish(extended(C1, "a", "lost"))
        assert subscription.take() == []
        assert (await hub.session(C1)).head == 1
        assert list(await hub.publish(extended(C1, "a", "kept"))) == [2]
        assert await note(hub) == "Akept"

    async def test_sessions_that_share_a_refused_commit_all_go_on(self, hub: Hub, store: FaultyStore) -> None:
        store.fail("commit", FULL, times=3)
        for _ in range(3):
            with pytest.raises(StoreFullError):
                await hub.publish(added(C2, "b"))
        assert list(await hub.publish(added(C2, "b"))) == [1]
        assert list(await hub.publish(extended(C1, "a", "!"))) == [2]

    @pytest.mark.rule("OR2")
    async def test_after_a_lost_answer_memory_is_what_the_store_is(self, hub: Hub, store: FaultyStore) -> None:
        subscription = await hub.subscribe(C1)
        store.fail("commit", StoreError("the answer was lost"), answer_lost=True)
        with pytest.raises(StoreError):
            await hub.publish(extended(C1, "a", "+"))
        assert await hub.session(C1) == await store.session(C1)
        assert await note(hub) == "A+"
        assert subscription.is_lagging, "it was not told of an event that is kept: it has to hydrate again"
        assert list(await hub.publish(extended(C1, "a", "+"))) == [3]
        assert (await hub.rebuild(C1)).is_same

    @pytest.mark.rule("FR2")
    @pytest.mark.parametrize("method", ["session", "window", "first_ordinal", "changed"])
    async def test_a_failing_question_subscribes_nobody_and_the_next_one_does(
        self, hub: Hub, store: FaultyStore, method: Method
    ) -> None:
        await hub.publish(added(C1, "b"), added(C1, "a", "whole"))
        since = None if method == "window" else Cursor((await hub.session(C1)).epoch, Ordinal(1))
        hub.evict(idle_longer_than_s=-1)
        store.fail(method, StoreError("cannot be read"))
        with pytest.raises(StoreError, match="cannot be read"):
            await hub.subscribe(C1, since=since)
        subscription = await hub.subscribe(C1, since=since)
        assert subscription.hydration.head == 3
        assert list(await hub.publish(extended(C1, "a", "!"))) == [4]
        assert [delivery.seq for delivery in subscription.take()] == [4]

    async def test_a_failing_erasure_leaves_the_session(self, hub: Hub, store: FaultyStore) -> None:
        store.fail("erase", StoreError("cannot be erased"))
        with pytest.raises(StoreError):
            await hub.erase(C1)
        assert await note(hub) == "A"
        assert await hub.erase(C1)

    @pytest.mark.rule("FR4", "FR6", "ST8")
    @pytest.mark.parametrize("method", ["first_ordinal", "changed"])
    async def test_a_log_pruned_while_somebody_resumes_is_no_wrong_timeline(
        self, hub: Hub, store: FaultyStore, method: Method
    ) -> None:
        fold = Fold()
        fold.hydrate((await hub.subscribe(C1)).hydration)
        for _ in range(3):
            await hub.publish(extended(C1, "a", "+"))
        await hub.publish(added(C1, "b"), extended(C1, "a", "grown " * 1000))  # long enough to be written as a row
        store.meanwhile(method, lambda: store.prune(C1, upto=Ordinal(4)))
        fold.hydrate((await hub.subscribe(C1, since=fold.cursor)).hydration)
        assert fold.timeline == rows_timeline((await hub.snapshot(C1)).entities)
