# ruff: noqa: D102 - the name of a test is its sentence
"""Answers that are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import FIRST_MS, Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests, listed

LATER_MS = FIRST_MS + 1000


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

    @pytest.mark.rule("HT3")
    async def test_older_receipts_are_forgotten_and_nothing_else(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", receipts=[receipt("k1"), receipt("k1", actor="bob")])
        later = msgspec.structs.replace(receipt("k2"), at_ms=LATER_MS)
        await author.write(b"b", rows=[row("m1", 2)], receipts=[later])
        await Author(store, C2).write(b"a", receipts=[receipt("k1", session_id="c2")])
        before = await store.session(C1)
        assert await store.forget_receipts(C1, before_ms=FIRST_MS) == 0
        assert await store.forget_receipts(C1, before_ms=LATER_MS) == 2
        assert await store.forget_receipts(C1, before_ms=LATER_MS) == 0
        assert await store.receipt(C1, "ann", "k1") is None
        assert await store.receipt(C1, "bob", "k1") is None
        assert await store.receipt(C1, "ann", "k2") == later
        assert await store.receipt(C2, "ann", "k1") is not None
        assert await store.session(C1) == before
        assert len(await store.events(C1, Ordinal(0), 10)) == 2
        assert [kept.id for kept in await store.entities(C1, "ChatMessage")] == ["m1"]

    @pytest.mark.rule("HT3")
    async def test_a_forgotten_key_can_be_used_again(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", receipts=[receipt("k1", answer="first")])
        await store.forget_receipts(C1, before_ms=LATER_MS)
        await author.write(b"b", receipts=[receipt("k1", answer="second")])
        assert await store.receipt(C1, "ann", "k1") == receipt("k1", answer="second")

    @pytest.mark.rule("HT3")
    async def test_forgetting_is_durable(self, store: Store, tmp_path: Path) -> None:
        await Author(store).write(b"a", receipts=[receipt("k1")])
        await store.forget_receipts(C1, before_ms=LATER_MS)
        again = await self.reopen(store, tmp_path)
        assert await again.receipt(C1, "ann", "k1") is None
        await again.close()

    @pytest.mark.rule("HT3")
    async def test_a_session_that_does_not_exist_has_no_receipts_to_forget(self, store: Store) -> None:
        assert await store.forget_receipts(C1, before_ms=LATER_MS) == 0
