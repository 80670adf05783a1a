# ruff: noqa: D102 - the name of a test is its sentence
"""Answers that are kept."""

from __future__ import annotations

import pytest

from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import FIRST_MS, Author, receipt
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests, listed


class ReceiptContract(StoreTests):
    """Answers that are kept."""

    @pytest.mark.rule("HT3")
    async def test_a_receipt_is_found_by_session_actor_and_key(self, store: Store) -> None:
        await Author(store).write(b"a", receipts=[receipt("k1")])
        assert await store.receipt(C1, "ann", "k1") == receipt("k1")
        assert await store.receipt(C1, "bob", "k1") is None
        assert await store.receipt(C1, "ann", "k2") is None
        assert await store.receipt(C2, "ann", "k1") is None

    @pytest.mark.rule("HT3")
    async def test_the_first_answer_to_a_key_stays(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", receipts=[receipt("k1", answer="started")])
        await author.write(b"b", receipts=[receipt("k1", answer="queued")])
        assert await store.receipt(C1, "ann", "k1") == receipt("k1", answer="started")

    async def test_a_receipt_alone_makes_no_session(self, store: Store) -> None:
        author = Author(store)
        await author.write(receipts=[receipt("k1")])
        assert await store.session(C1) is None
        assert (await listed(store)).sessions == []
        assert await store.receipt(C1, "ann", "k1") is not None
        author.epoch = store.new_epoch()
        await author.write(b"a")
        session = await store.session(C1)
        assert session is not None
        assert (session.epoch, session.created_at_ms) == (author.epoch, FIRST_MS + 1000)
