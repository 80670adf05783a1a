"""How much of a log is kept (ST8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from webchat_nb.errors import ConfigError
from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.retention import Retention, prune
from webchat_nb.stream.store import Store
from webchat_nb.stream.stores import MemoryStore, SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import FIRST_MS, Author
from webchat_nb.testing.store_contract.base import C1


@pytest.mark.rule("ST8")
class TestRetention(AsyncTests):
    @pytest.fixture(params=["memory", "sqlite"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
        store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "chat.db")
        self.runner.run(store.open())
        yield store
        self.runner.run(store.close())

    async def write(self, store: Store, count: int, *, settled: int | None = None) -> Author:
        """A log with one event a second, from ``FIRST_MS`` on."""
        author = Author(store)
        for number in range(1, count + 1):
            await author.write(b"x", settled=min(number, count if settled is None else settled))
        return author

    async def first(self, store: Store, retention: Retention, *, now_ms: int = FIRST_MS) -> int:
        first = await prune(store, C1, retention, now_ms=now_ms)
        assert first == await store.first_ordinal(C1)
        return first

    @pytest.mark.parametrize(("max_events", "first"), [(0, 21), (1, 20), (5, 16), (20, 1), (21, 1), (None, 1)])
    async def test_the_newest_events_are_kept_by_count(self, store: Store, max_events: int | None, first: int) -> None:
        await self.write(store, 20)
        assert await self.first(store, Retention(max_events=max_events)) == first

    @pytest.mark.parametrize("age_s", range(22))
    async def test_events_are_kept_by_age(self, store: Store, age_s: int) -> None:
        await self.write(store, 20)
        now_ms = FIRST_MS + 20_000
        first = await self.first(store, Retention(max_age_s=age_s), now_ms=now_ms)
        assert first == max(1, 21 - age_s)
        assert all(entry.at_ms >= now_ms - age_s * 1000 for entry in await store.events(C1, Ordinal(0), 99))

    @pytest.mark.parametrize(("max_events", "max_age_s", "first"), [(5, 10, 16), (10, 5, 16), (10, 99, 11)])
    async def test_an_event_goes_as_soon_as_one_limit_says_so(
        self, store: Store, max_events: int, max_age_s: float, first: int
    ) -> None:
        await self.write(store, 20)
        retention = Retention(max_events=max_events, max_age_s=max_age_s)
        assert await self.first(store, retention, now_ms=FIRST_MS + 20_000) == first

    async def test_what_no_row_stands_for_is_kept(self, store: Store) -> None:
        await self.write(store, 20, settled=7)
        assert await self.first(store, Retention(max_events=0)) == 8
        assert await self.first(store, Retention(max_age_s=0), now_ms=FIRST_MS + 99_000) == 8

    async def test_pruning_goes_on_where_it_stood(self, store: Store) -> None:
        author = await self.write(store, 20)
        retention = Retention(max_age_s=10)
        assert await self.first(store, retention, now_ms=FIRST_MS + 20_000) == 11
        assert await self.first(store, retention, now_ms=FIRST_MS + 20_000) == 11
        await author.write(b"x", settled=21)
        assert await self.first(store, retention, now_ms=FIRST_MS + 25_000) == 16
        assert await self.first(store, retention, now_ms=FIRST_MS + 99_000) == 22
        assert await self.first(store, retention, now_ms=FIRST_MS + 99_000) == 22

    async def test_a_session_that_the_application_needs_is_left_alone(self, store: Store) -> None:
        await self.write(store, 20)
        retention = Retention(max_events=0)
        kept = await prune(store, C1, retention, now_ms=FIRST_MS, may_prune=lambda session: session.head != 20)
        assert kept == 1
        assert await prune(store, C1, retention, now_ms=FIRST_MS, may_prune=lambda session: session.head == 20) == 21

    async def test_a_session_that_does_not_exist_is_not_made(self, store: Store) -> None:
        assert await self.first(store, Retention(max_events=0)) == 1
        assert await store.session(C1) is None

    def test_what_keeps_all_says_so(self) -> None:
        assert Retention().keeps_all
        assert not Retention(max_events=0).keeps_all
        assert not Retention(max_age_s=1).keeps_all

    @pytest.mark.parametrize(
        ("limits", "name"), [({"max_events": -1}, "max_events"), ({"max_age_s": -0.5}, "max_age_s")]
    )
    def test_a_limit_below_0_is_refused_by_name(self, limits: dict[str, int], name: str) -> None:
        with pytest.raises(ConfigError, match=name):
            Retention(**limits)
