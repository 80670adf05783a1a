# ruff: noqa: D102 - the name of a test is its sentence
"""Rows, windows and changes."""

from __future__ import annotations

import pytest

from webchat_nb.stream.model import EntityRow, Ordinal
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import Author, row
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests, ids_of


class EntityContract(StoreTests):
    """Rows, windows and changes."""

    async def test_a_row_comes_back_whole(self, store: Store) -> None:
        one = EntityRow(
            kind="ChatMessage",
            id="m1:text:1",
            created=Ordinal(1),
            updated=Ordinal(3),
            rebased=Ordinal(2),
            payload='{"content":"Grüße"}'.encode(),
        )
        await Author(store).write(b"a", b"b", b"c", rows=[one])
        assert await store.entity(C1, "ChatMessage", "m1:text:1") == one
        assert await store.entity(C1, "ChatRun", "m1:text:1") is None

    @pytest.mark.rule("ST4")
    @pytest.mark.parametrize(("updated", "kept"), [(2, b"old"), (3, b"new"), (4, b"new")])
    async def test_an_older_row_never_overwrites_a_newer_one(self, store: Store, updated: int, kept: bytes) -> None:
        author = Author(store)
        await author.write(*[b"x"] * 3, rows=[row("m1", 1, 3, payload=b"old")])
        await author.write(b"x", rows=[row("m1", 1, updated, payload=b"new")])
        found = await store.entity(C1, "ChatMessage", "m1")
        assert found is not None
        assert found.payload == kept

    async def test_a_tombstone_is_found_but_not_listed(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", rows=[row("m1", 1), row("m2", 1)])
        await author.write(b"b", rows=[row("m1", 1, 2, removed=True)])
        assert await store.entity(C1, "ChatMessage", "m1") == row("m1", 1, 2, removed=True)
        assert ids_of(await store.entities(C1, "ChatMessage")) == ["m2"]
        assert ids_of((await store.window(C1, limit=9, before=None, hidden=())).rows) == ["m2"]

    async def test_a_removed_entity_that_comes_back_is_no_tombstone(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", rows=[row("m1", 1)])
        await author.write(b"b", rows=[row("m1", 1, 2, removed=True)])
        await author.write(b"c", rows=[row("m1", 3, payload=b'{"content":"anew"}')])
        assert await store.entity(C1, "ChatMessage", "m1") == row("m1", 3, payload=b'{"content":"anew"}')
        assert ids_of((await store.window(C1, limit=9, before=None, hidden=())).rows) == ["m1"]

    async def test_tombstones_take_no_room_in_a_window(self, store: Store) -> None:
        author = Author(store)
        await author.write(*[b"x"] * 6, rows=[row(f"m{n}", n) for n in range(1, 7)])
        await author.write(b"x", rows=[row(f"m{n}", n, 7, removed=True) for n in (1, 5, 6)])
        page = await store.window(C1, limit=2, before=None, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["m3", "m4"], True)
        page = await store.window(C1, limit=3, before=None, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["m2", "m3", "m4"], False)
        page = await store.window(C1, limit=9, before=Ordinal(2), hidden=())
        assert (ids_of(page.rows), page.has_more) == ([], False)

    @pytest.mark.rule("FR13")
    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    async def test_windows_one_before_the_other_are_the_whole_timeline(self, store: Store, limit: int) -> None:
        rows = [row(f"m{n:02}", n // 3 + 1, removed=n % 4 == 0) for n in range(20)]
        await Author(store).write(*[b"x"] * 7, rows=rows)
        seen: list[str] = []
        before, has_more = None, True
        while has_more:
            page = await store.window(C1, limit=limit, before=before, hidden=())
            seen = ids_of(page.rows) + seen
            before, has_more = page.rows[0].created, page.has_more
        assert seen == [row.id for row in rows if not row.removed]

    async def test_entities_of_a_kind_come_by_created_and_id(self, store: Store) -> None:
        rows = [row("b", 2), row("a", 2), row("z", 1), row("r", 1, kind="ChatRun")]
        await Author(store).write(b"1", b"2", rows=rows)
        assert ids_of(await store.entities(C1, "ChatMessage")) == ["z", "a", "b"]
        assert await store.entities(C2, "ChatMessage") == []

    @pytest.mark.rule("FR13")
    async def test_a_window_is_the_newest_rows_oldest_first(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9, rows=[row(f"m{n}", n) for n in range(1, 10)])
        page = await store.window(C1, limit=3, before=None, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["m7", "m8", "m9"], True)
        page = await store.window(C1, limit=3, before=Ordinal(4), hidden=())
        assert (ids_of(page.rows), page.has_more) == (["m1", "m2", "m3"], False)
        page = await store.window(C1, limit=3, before=Ordinal(1), hidden=())
        assert (ids_of(page.rows), page.has_more) == ([], False)

    async def test_a_window_never_tears_rows_of_one_ordinal_apart(self, store: Store) -> None:
        rows = [row("a", 1), row("b", 2), row("c", 2), row("d", 2), row("e", 3)]
        await Author(store).write(*[b"x"] * 3, rows=rows)
        page = await store.window(C1, limit=2, before=None, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["b", "c", "d", "e"], True)
        page = await store.window(C1, limit=4, before=None, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["b", "c", "d", "e"], True)
        page = await store.window(C1, limit=1, before=Ordinal(2), hidden=())
        assert (ids_of(page.rows), page.has_more) == (["a"], False)

    async def test_hidden_kinds_are_in_no_window_and_no_change(self, store: Store) -> None:
        rows = [
            row("m1", 1),
            *[row(f"r{n}", n, kind="Run") for n in range(2, 6)],
            row("m2", 6),
            row("p", 6, kind="Plan"),
        ]
        await Author(store).write(*[b"x"] * 6, rows=rows)
        page = await store.window(C1, limit=2, before=None, hidden=["Run", "Plan"])
        assert (ids_of(page.rows), page.has_more) == (["m1", "m2"], False)
        page = await store.changed(C1, after=Ordinal(1), limit=1, hidden=["Run", "Plan"])
        assert (ids_of(page.rows), page.has_more) == (["m2"], False)

    @pytest.mark.rule("HT5")
    async def test_changes_include_tombstones_in_the_order_they_happened(self, store: Store) -> None:
        author = Author(store)
        await author.write(*[b"x"] * 4, rows=[row("a", 1), row("b", 2), row("c", 3), row("d", 4)])
        await author.write(b"x", b"x", rows=[row("b", 2, 5, removed=True), row("a", 1, 6)])
        page = await store.changed(C1, after=Ordinal(2), limit=9, hidden=())
        assert (ids_of(page.rows), page.has_more) == (["c", "d", "b", "a"], False)

    @pytest.mark.rule("HT5")
    async def test_pages_of_changes_are_complete(self, store: Store) -> None:
        rows = [row(f"m{n}", n // 3 + 1) for n in range(10)]
        await Author(store).write(*[b"x"] * 4, rows=rows)
        seen: list[str] = []
        after, has_more = Ordinal(0), True
        while has_more:
            page = await store.changed(C1, after=after, limit=2, hidden=())
            seen += ids_of(page.rows)
            after, has_more = page.rows[-1].updated, page.has_more
        assert seen == [f"m{n}" for n in range(10)]
