# ruff: noqa: D102 - the name of a test is its sentence
"""Forgetting a session, and replacing its rows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests, all_ids


class EraseContract(StoreTests):
    """Forgetting."""

    async def test_erasing_forgets_everything_of_one_session(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        await one.write(b"a", rows=[row("m1", 1)], receipts=[receipt("k1")], attributes={"title": "T"})
        await two.write(b"b", rows=[row("m1", 1)], receipts=[receipt("k1", session_id="c2")])
        assert await store.erase(C1)
        assert await store.session(C1) is None
        assert await store.events(C1, Ordinal(0), 9) == []
        assert await store.entity(C1, "ChatMessage", "m1") is None
        assert (await store.window(C1, limit=9, before=None, hidden=())).rows == []
        assert await store.receipt(C1, "ann", "k1") is None
        assert await all_ids(store) == ["c2"]
        assert len(await store.events(C2, Ordinal(0), 9)) == 1
        assert await store.receipt(C2, "ann", "k1") is not None

    async def test_no_question_finds_a_trace_of_an_erased_session(self, store: Store) -> None:
        author = Author(store)
        rows = [row("m1", 1), row("m2", 1, 2, removed=True)]
        await author.write(b"a", b"b", rows=rows, attributes={"title": "Secret", "owner": "ann"}, settled=2)
        await author.write(b"c", receipts=[receipt("k1")])
        await store.erase(C1)
        assert await store.first_ordinal(C1) == 1
        assert await store.entity(C1, "ChatMessage", "m2") is None
        assert await store.entities(C1, "ChatMessage") == []
        assert (await store.changed(C1, after=Ordinal(0), limit=9, hidden=())).rows == []
        assert await all_ids(store, where={"owner": "ann"}) == []
        assert await all_ids(store, search="secret") == []

    async def test_what_was_erased_does_not_come_back_with_the_id(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", rows=[row("m1", 2)], receipts=[receipt("k1")], attributes={"title": "T"})
        await store.erase(C1)
        await Author(store).write(b"anew")
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.settled, session.attributes) == (1, 0, {})
        assert await store.receipt(C1, "ann", "k1") is None
        assert (await store.changed(C1, after=Ordinal(0), limit=9, hidden=())).rows == []
        assert len(await store.events(C1, Ordinal(0), 9)) == 1

    async def test_erasing_again_is_false(self, store: Store) -> None:
        await Author(store).write(b"a")
        assert [await store.erase(C1), await store.erase(C1)] == [True, False]

    async def test_an_erased_session_stays_erased_after_a_restart(self, store: Store, tmp_path: Path) -> None:
        await Author(store).write(b"a", rows=[row("m1", 1)], receipts=[receipt("k1")])
        await store.erase(C1)
        again = await self.reopen(store, tmp_path)
        try:
            assert await again.session(C1) is None
            assert await again.receipt(C1, "ann", "k1") is None
        finally:
            await again.close()

    async def test_erasing_nothing_is_false(self, store: Store) -> None:
        await Author(store, "c2").write(b"a")
        assert not await store.erase(C1)

    @pytest.mark.rule("PL3", "OR3")
    async def test_a_rebuild_replaces_all_rows_and_may_renew_the_epoch(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"1", b"2", rows=[row("m1", 1), row("m2", 2)], attributes={"title": "old"})
        draft = author.draft(rows=[row("m1", 1, payload=b'{"content":"anew"}')], attributes={"title": "new"})
        next_epoch = store.new_epoch()
        await store.commit([msgspec.structs.replace(draft, replaces_rows=True, next_epoch=next_epoch)])
        page = await store.changed(author.session_id, after=Ordinal(0), limit=10, hidden=())
        assert [(found.id, found.payload) for found in page.rows] == [("m1", b'{"content":"anew"}')]
        session = await store.session(author.session_id)
        assert session is not None
        assert (session.epoch, session.head, session.attributes) == (next_epoch, 2, {"title": "new"})
        with pytest.raises(StoreConflictError):
            await author.write(b"3")
        author.epoch = next_epoch
        await author.write(b"3")

    @pytest.mark.rule("OR3")
    async def test_an_erased_session_begins_anew_in_another_epoch(self, store: Store) -> None:
        old = Author(store)
        await old.write(b"a", b"b")
        await store.erase(C1)
        with pytest.raises(StoreConflictError):
            await old.write(b"late")
        new = Author(store)
        await new.write(b"c")
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.epoch) == (1, new.epoch)
        assert session.epoch != old.epoch
