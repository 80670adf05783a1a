# ruff: noqa: D102 - the name of a test is its sentence
"""Two writers of one log."""

from __future__ import annotations

import pytest

from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests


class ConflictContract(StoreTests):
    """Two writers of one log."""

    @pytest.mark.rule("OR2")
    @pytest.mark.parametrize("base", [0, 1, 3])
    async def test_a_batch_on_another_head_is_refused(self, store: Store, base: int) -> None:
        author = Author(store)
        await author.write(b"a", b"b")
        with pytest.raises(StoreConflictError):
            await store.commit([author.draft(b"x", base=base)])

    @pytest.mark.rule("OR2", "OR3")
    async def test_a_batch_for_another_epoch_is_refused(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        author.epoch = store.new_epoch()
        with pytest.raises(StoreConflictError):
            await author.write(b"b")

    @pytest.mark.rule("OR1")
    async def test_a_log_does_not_begin_in_the_middle(self, store: Store) -> None:
        with pytest.raises(StoreConflictError):
            await store.commit([Author(store).draft(b"x", base=4)])

    @pytest.mark.rule("PL1", "ST5")
    async def test_a_refused_batch_leaves_nothing(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        await one.write(b"a", attributes={"title": "Before"})
        before = await store.session(C1)
        draft = one.draft(b"b", rows=[row("m1", 2)], receipts=[receipt("k1")], attributes={"title": "After"})
        with pytest.raises(StoreConflictError):
            await store.commit([two.draft(b"new"), draft, one.draft(b"c", base=7)])
        assert await store.session(C1) == before
        assert await store.session(C2) is None
        assert len(await store.events(C1, Ordinal(0), 9)) == 1
        assert await store.entity(C1, "ChatMessage", "m1") is None
        assert await store.receipt(C1, "ann", "k1") is None

    async def test_after_a_refusal_the_log_goes_on(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        with pytest.raises(StoreConflictError):
            await store.commit([author.draft(b"x", base=0)])
        await author.write(b"b")
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"a", b"b"]
