# ruff: noqa: D102 - the name of a test is its sentence
"""The list of sessions."""

from __future__ import annotations

import pytest

from webchat_nb.errors import BadRequestError
from webchat_nb.stream.model import SessionId
from webchat_nb.stream.store import Store
from webchat_nb.testing.store_author import FIRST_MS, Author
from webchat_nb.testing.store_contract.base import StoreTests, all_ids, listed


class ListContract(StoreTests):
    """The list of sessions."""

    async def test_the_newest_activity_comes_first(self, store: Store) -> None:
        authors = [Author(store, f"c{n}", at_ms=FIRST_MS + n) for n in range(3)]
        for author in authors:
            await author.write(b"a")
        await authors[0].write(b"b")
        page = await listed(store)
        assert ([session.session_id for session in page.sessions], page.next) == (["c0", "c2", "c1"], None)
        assert page.sessions[0] == await store.session(SessionId("c0"))

    async def test_pages_lose_and_repeat_nothing(self, store: Store) -> None:
        for n in range(10):  # pairs of the same time
            await Author(store, f"c{n}", at_ms=FIRST_MS + n // 2).write(b"a")
        assert await all_ids(store, limit=3) == ["c9", "c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]

    async def test_new_activity_between_pages_repeats_nothing(self, store: Store) -> None:
        authors = [Author(store, f"c{n}", at_ms=FIRST_MS + n) for n in range(6)]
        for author in authors:
            await author.write(b"a")
        first = await listed(store, limit=2)
        await authors[5].write(b"b")
        await Author(store, "new", at_ms=FIRST_MS + 9000).write(b"a")
        second = await listed(store, limit=9, cursor=first.next)
        assert [session.session_id for session in second.sessions] == ["c3", "c2", "c1", "c0"]

    async def test_where_is_equality_on_every_attribute_named(self, store: Store) -> None:
        await Author(store, "c1").write(b"a", attributes={"owner": "ann", "status": "running", "folder": 'a"b'})
        await Author(store, "c2").write(b"a", attributes={"owner": "ann", "status": "idle"})
        await Author(store, "c3").write(b"a", attributes={"owner": "Ann"})
        assert await all_ids(store, where={"owner": "ann"}) == ["c2", "c1"]
        assert await all_ids(store, where={"owner": "ann", "status": "idle"}) == ["c2"]
        assert await all_ids(store, where={"folder": 'a"b'}) == ["c1"]
        assert await all_ids(store, where={"status": ""}) == []

    async def test_no_value_passes_for_another_attribute(self, store: Store) -> None:
        values = ['"folder":"x"', '","folder":"x', '\\","folder":"x"', 'folder":"x', "x", "Grüße\n\t\x01😀"]
        for number, value in enumerate(values):
            await Author(store, f"c{number}").write(b"a", attributes={"a": value, "z": value, "xfolder": "x"})
        assert await all_ids(store, where={"folder": "x"}) == []
        for number, value in enumerate(values):
            assert await all_ids(store, where={"z": value}) == [f"c{number}"]
            assert await all_ids(store, where={"a": value, "z": value}) == [f"c{number}"]

    @pytest.mark.parametrize("search", ["ÄPFEL", "100%", "a_b", "und"])
    async def test_search_finds_plain_text_in_titles_in_any_case(self, store: Store, search: str) -> None:
        await Author(store, "c1").write(b"a", attributes={"title": "Äpfel UND 100% A_B"})
        await Author(store, "c2").write(b"a", attributes={"title": "1000 axb", "owner": "und"})
        await Author(store, "c3").write(b"a")
        assert await all_ids(store, search=search) == ["c1"]

    async def test_an_empty_search_finds_everything(self, store: Store) -> None:
        await Author(store).write(b"a")
        assert await all_ids(store, search="") == ["c1"]

    @pytest.mark.parametrize("cursor", ["", "nonsense", "1700000000000", "~c1", "1~c 1"])
    async def test_a_cursor_that_no_page_gave_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(BadRequestError, match="cursor"):
            await listed(store, cursor=cursor)
