# ruff: noqa: D102 - the name of a test is its sentence
"""Opening, closing, restarting."""

from __future__ import annotations

from pathlib import Path

import pytest

from webchat_nb.errors import StoreError
from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, StoreTests, listed


class LifeContract(StoreTests):
    """Opening, closing, restarting."""

    async def test_a_store_that_is_not_open_refuses_everything(self, store: Store, tmp_path: Path) -> None:
        draft = Author(store).draft(b"a")
        await store.close()
        for answer in (
            store.session(C1),
            store.commit([draft]),
            store.commit([]),
            store.events(C1, Ordinal(0), 1),
            store.first_ordinal(C1),
            store.entity(C1, "k", "i"),
            store.entities(C1, "k"),
            store.window(C1, limit=1, before=None, hidden=()),
            store.changed(C1, after=Ordinal(0), limit=1, hidden=()),
            store.receipt(C1, "a", "k"),
            listed(store),
            store.prune(C1, upto=Ordinal(1)),
            store.erase(C1),
        ):
            with pytest.raises(StoreError, match="not open"):
                await answer
        with pytest.raises(StoreError, match="not open"):
            store.new_epoch()
        with pytest.raises(StoreError, match="not open"):
            store.usage()

    async def test_a_store_says_whether_several_processes_share_it(self, store: Store) -> None:
        assert (store.sharing is not None) is self.is_shared, "a shared store inherits SharedStoreContract"

    async def test_closing_twice_is_harmless(self, store: Store) -> None:
        await store.close()
        await store.close()

    async def test_a_store_is_opened_once(self, store: Store) -> None:
        with pytest.raises(StoreError, match="opened before"):
            await store.open()

    @pytest.mark.rule("ST2", "OR3")
    async def test_a_restart_keeps_everything_or_changes_the_epoch(self, store: Store, tmp_path: Path) -> None:
        author = Author(store)
        await author.write(b"a", rows=[row("m1", 1)], receipts=[receipt("k1")], attributes={"title": "T"})
        await author.write(b"b", attributes={"title": "T"})
        before = await store.session(C1)
        again = await self.reopen(store, tmp_path)
        try:
            if self.is_durable:
                assert await again.session(C1) == before
                assert [entry.payload for entry in await again.events(C1, Ordinal(0), 9)] == [b"a", b"b"]
                assert await again.entity(C1, "ChatMessage", "m1") == row("m1", 1)
                assert await again.receipt(C1, "ann", "k1") == receipt("k1")
            else:
                assert await again.session(C1) is None
            assert again.new_epoch() != author.epoch
        finally:
            await again.close()
