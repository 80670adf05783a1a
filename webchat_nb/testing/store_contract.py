# ruff: noqa: D102 - the name of a test is its sentence
"""What every store does, as tests that a new store inherits. One fact per test; longer than other files for that.

::

    class TestMyStore(StoreContract):
        def make_store(self, place: Path) -> Store:
            return MyStore(place / "data")

Needs pytest, and the marker ``rule`` to be registered.

Rule: OR1-OR3, ST1-ST4.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from webchat_nb.errors import BadRequestError, StoreConflictError, StoreError
from webchat_nb.stream.model import EntityRow, Ordinal, SessionId
from webchat_nb.stream.store import SessionPage, Store
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import FIRST_MS, Author, receipt, row

C1 = SessionId("c1")


class StoreTests(AsyncTests):
    """Gives each test an open store, and a way to open it again.

    Attributes:
        is_durable: What was committed is there after the store was closed and opened again.
    """

    is_durable: ClassVar[bool] = True

    @abstractmethod
    def make_store(self, place: Path) -> Store:
        """A store that is not open yet; for the same place, one that has the same past."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """An open, empty store."""
        store = self.make_store(tmp_path)
        self.runner.run(store.open())
        yield store
        self.runner.run(store.close())

    async def reopen(self, store: Store, place: Path) -> Store:
        """Close the store and open it again, as after a restart."""
        await store.close()
        again = self.make_store(place)
        await again.open()
        return again


class LogContract(StoreTests):
    """Sessions and their logs."""

    async def test_a_session_without_a_log_is_none(self, store: Store) -> None:
        assert await store.session(C1) is None

    async def test_a_log_without_events_begins_at_1(self, store: Store) -> None:
        assert await store.first_ordinal(C1) == 1
        assert await store.events(C1, Ordinal(0), 10) == []

    async def test_new_epochs_differ(self, store: Store) -> None:
        assert len({store.new_epoch() for _ in range(100)}) == 100

    @pytest.mark.rule("OR1")
    async def test_events_come_back_whole_and_in_order(self, store: Store) -> None:
        author = Author(store)
        first, second = author.draft(b"a", b"\x00\xff"), author.draft(b"c", base=2)
        await store.commit([first])
        await store.commit([second])
        assert await store.events(C1, Ordinal(0), 10) == [*first.events, *second.events]

    async def test_events_are_read_after_an_ordinal_and_up_to_a_limit(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9)
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(3), 4)] == [4, 5, 6, 7]
        assert await store.events(C1, Ordinal(9), 4) == []
        assert await store.events(C1, Ordinal(3), 0) == []
        assert await store.events(C1, Ordinal(2**53), 4) == []

    async def test_logs_of_neighbouring_sessions_do_not_touch(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        for _ in range(3):
            await one.write(b"one")
            await two.write(b"two", b"two")
        assert {entry.payload for entry in await store.events(one.session_id, Ordinal(0), 99)} == {b"one"}
        assert [entry.ordinal for entry in await store.events(two.session_id, Ordinal(0), 99)] == [1, 2, 3, 4, 5, 6]

    async def test_the_session_tells_what_the_last_commit_said(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", attributes={"title": "Old"})
        await author.write(b"b", b"c", settled=2, attributes={"title": "Grüße", "owner": "ann"})
        session = await store.session(C1)
        assert session is not None
        assert (session.session_id, session.epoch, session.head, session.settled) == (C1, author.epoch, 3, 2)
        assert session.attributes == {"title": "Grüße", "owner": "ann"}
        assert (session.created_at_ms, session.updated_at_ms) == (FIRST_MS, FIRST_MS + 1000)

    @pytest.mark.rule("ST3")
    async def test_commits_of_appends_alone_move_head_and_time_too(self, store: Store) -> None:
        author = Author(store)
        for _ in range(5):
            await author.write(b"x", attributes={"title": "T"})
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.updated_at_ms) == (5, FIRST_MS + 4000)

    async def test_a_checkpoint_moves_settled_and_not_the_time(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a")
        await author.write(b"b")
        await author.write(rows=[row("m1", 1, 2)], settled=2)
        session = await store.session(C1)
        assert session is not None
        assert (session.head, session.settled, session.updated_at_ms) == (2, 2, FIRST_MS + 1000)

    async def test_sessions_share_a_batch(self, store: Store) -> None:
        one, two = Author(store, "c1"), Author(store, "c2")
        await store.commit([one.draft(b"a"), two.draft(b"b"), one.draft(b"c", base=1)])
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9)] == [b"a", b"c"]
        assert [entry.payload for entry in await store.events(SessionId("c2"), Ordinal(0), 9)] == [b"b"]

    async def test_usage_counts_what_was_committed(self, store: Store) -> None:
        author = Author(store)
        await author.write(b"a", b"b", rows=[row("m1", 1)])
        await author.write(b"c")
        usage = store.usage()
        assert (usage.commits, usage.events, usage.rows) == (2, 3, 1)


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
        assert await store.session(SessionId("c2")) is None
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
        assert _ids(await store.entities(C1, "ChatMessage")) == ["m2"]
        assert _ids((await store.window(C1, limit=9, before=None, hidden=())).rows) == ["m2"]

    async def test_entities_of_a_kind_come_by_created_and_id(self, store: Store) -> None:
        rows = [row("b", 2), row("a", 2), row("z", 1), row("r", 1, kind="ChatRun")]
        await Author(store).write(b"1", b"2", rows=rows)
        assert _ids(await store.entities(C1, "ChatMessage")) == ["z", "a", "b"]
        assert await store.entities(SessionId("c2"), "ChatMessage") == []

    @pytest.mark.rule("FR13")
    async def test_a_window_is_the_newest_rows_oldest_first(self, store: Store) -> None:
        await Author(store).write(*[b"x"] * 9, rows=[row(f"m{n}", n) for n in range(1, 10)])
        page = await store.window(C1, limit=3, before=None, hidden=())
        assert (_ids(page.rows), page.has_more) == (["m7", "m8", "m9"], True)
        page = await store.window(C1, limit=3, before=Ordinal(4), hidden=())
        assert (_ids(page.rows), page.has_more) == (["m1", "m2", "m3"], False)
        page = await store.window(C1, limit=3, before=Ordinal(1), hidden=())
        assert (_ids(page.rows), page.has_more) == ([], False)

    async def test_a_window_never_tears_rows_of_one_ordinal_apart(self, store: Store) -> None:
        rows = [row("a", 1), row("b", 2), row("c", 2), row("d", 2), row("e", 3)]
        await Author(store).write(*[b"x"] * 3, rows=rows)
        page = await store.window(C1, limit=2, before=None, hidden=())
        assert (_ids(page.rows), page.has_more) == (["b", "c", "d", "e"], True)
        page = await store.window(C1, limit=4, before=None, hidden=())
        assert (_ids(page.rows), page.has_more) == (["b", "c", "d", "e"], True)
        page = await store.window(C1, limit=1, before=Ordinal(2), hidden=())
        assert (_ids(page.rows), page.has_more) == (["a"], False)

    async def test_hidden_kinds_are_in_no_window_and_no_change(self, store: Store) -> None:
        rows = [
            row("m1", 1),
            *[row(f"r{n}", n, kind="Run") for n in range(2, 6)],
            row("m2", 6),
            row("p", 6, kind="Plan"),
        ]
        await Author(store).write(*[b"x"] * 6, rows=rows)
        page = await store.window(C1, limit=2, before=None, hidden=["Run", "Plan"])
        assert (_ids(page.rows), page.has_more) == (["m1", "m2"], False)
        page = await store.changed(C1, after=Ordinal(1), limit=1, hidden=["Run", "Plan"])
        assert (_ids(page.rows), page.has_more) == (["m2"], False)

    @pytest.mark.rule("HT5")
    async def test_changes_include_tombstones_in_the_order_they_happened(self, store: Store) -> None:
        author = Author(store)
        await author.write(*[b"x"] * 4, rows=[row("a", 1), row("b", 2), row("c", 3), row("d", 4)])
        await author.write(b"x", b"x", rows=[row("b", 2, 5, removed=True), row("a", 1, 6)])
        page = await store.changed(C1, after=Ordinal(2), limit=9, hidden=())
        assert (_ids(page.rows), page.has_more) == (["c", "d", "b", "a"], False)

    @pytest.mark.rule("HT5")
    async def test_pages_of_changes_are_complete(self, store: Store) -> None:
        rows = [row(f"m{n}", n // 3 + 1) for n in range(10)]
        await Author(store).write(*[b"x"] * 4, rows=rows)
        seen: list[str] = []
        after, has_more = Ordinal(0), True
        while has_more:
            page = await store.changed(C1, after=after, limit=2, hidden=())
            seen += _ids(page.rows)
            after, has_more = page.rows[-1].updated, page.has_more
        assert seen == [f"m{n}" for n in range(10)]


class ReceiptContract(StoreTests):
    """Answers that are kept."""

    @pytest.mark.rule("HT3")
    async def test_a_receipt_is_found_by_session_actor_and_key(self, store: Store) -> None:
        await Author(store).write(b"a", receipts=[receipt("k1")])
        assert await store.receipt(C1, "ann", "k1") == receipt("k1")
        assert await store.receipt(C1, "bob", "k1") is None
        assert await store.receipt(C1, "ann", "k2") is None
        assert await store.receipt(SessionId("c2"), "ann", "k1") is None

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
        assert (await _list(store)).sessions == []
        assert await store.receipt(C1, "ann", "k1") is not None
        author.epoch = store.new_epoch()
        await author.write(b"a")
        session = await store.session(C1)
        assert session is not None
        assert (session.epoch, session.created_at_ms) == (author.epoch, FIRST_MS + 1000)


class ListContract(StoreTests):
    """The list of sessions."""

    async def test_the_newest_activity_comes_first(self, store: Store) -> None:
        authors = [Author(store, f"c{n}", at_ms=FIRST_MS + n) for n in range(3)]
        for author in authors:
            await author.write(b"a")
        await authors[0].write(b"b")
        page = await _list(store)
        assert ([session.session_id for session in page.sessions], page.next) == (["c0", "c2", "c1"], None)
        assert page.sessions[0] == await store.session(SessionId("c0"))

    async def test_pages_lose_and_repeat_nothing(self, store: Store) -> None:
        for n in range(10):  # pairs of the same time
            await Author(store, f"c{n}", at_ms=FIRST_MS + n // 2).write(b"a")
        assert await _all_ids(store, limit=3) == ["c9", "c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"]

    async def test_new_activity_between_pages_repeats_nothing(self, store: Store) -> None:
        authors = [Author(store, f"c{n}", at_ms=FIRST_MS + n) for n in range(6)]
        for author in authors:
            await author.write(b"a")
        first = await _list(store, limit=2)
        await authors[5].write(b"b")
        await Author(store, "new", at_ms=FIRST_MS + 9000).write(b"a")
        second = await _list(store, limit=9, cursor=first.next)
        assert [session.session_id for session in second.sessions] == ["c3", "c2", "c1", "c0"]

    async def test_where_is_equality_on_every_attribute_named(self, store: Store) -> None:
        await Author(store, "c1").write(b"a", attributes={"owner": "ann", "status": "running", "folder": 'a"b'})
        await Author(store, "c2").write(b"a", attributes={"owner": "ann", "status": "idle"})
        await Author(store, "c3").write(b"a", attributes={"owner": "Ann"})
        assert await _all_ids(store, where={"owner": "ann"}) == ["c2", "c1"]
        assert await _all_ids(store, where={"owner": "ann", "status": "idle"}) == ["c2"]
        assert await _all_ids(store, where={"folder": 'a"b'}) == ["c1"]
        assert await _all_ids(store, where={"status": ""}) == []

    @pytest.mark.parametrize("search", ["ÄPFEL", "100%", "a_b", "und"])
    async def test_search_finds_plain_text_in_titles_in_any_case(self, store: Store, search: str) -> None:
        await Author(store, "c1").write(b"a", attributes={"title": "Äpfel UND 100% A_B"})
        await Author(store, "c2").write(b"a", attributes={"title": "1000 axb", "owner": "und"})
        await Author(store, "c3").write(b"a")
        assert await _all_ids(store, search=search) == ["c1"]

    async def test_an_empty_search_finds_everything(self, store: Store) -> None:
        await Author(store).write(b"a")
        assert await _all_ids(store, search="") == ["c1"]

    @pytest.mark.parametrize("cursor", ["", "nonsense", "1700000000000", "~c1", "1~c 1"])
    async def test_a_cursor_that_no_page_gave_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(BadRequestError, match="cursor"):
            await _list(store, cursor=cursor)


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
        assert await _all_ids(store) == ["c2"]
        assert len(await store.events(SessionId("c2"), Ordinal(0), 9)) == 1
        assert await store.receipt(SessionId("c2"), "ann", "k1") is not None

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
            _list(store),
            store.erase(C1),
        ):
            with pytest.raises(StoreError, match="not open"):
                await answer
        with pytest.raises(StoreError, match="not open"):
            store.new_epoch()
        with pytest.raises(StoreError, match="not open"):
            store.usage()

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


class StoreContract(
    LogContract, ConflictContract, EntityContract, ReceiptContract, ListContract, EraseContract, LifeContract
):
    """All of it: what a store inherits."""


def _ids(rows: Sequence[EntityRow]) -> list[str]:
    return [row.id for row in rows]


async def _list(
    store: Store,
    *,
    limit: int = 50,
    cursor: str | None = None,
    where: dict[str, str] | None = None,
    search: str | None = None,
) -> SessionPage:
    return await store.sessions(limit=limit, cursor=cursor, where=where or {}, search=search)


async def _all_ids(
    store: Store, *, limit: int = 50, where: dict[str, str] | None = None, search: str | None = None
) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await _list(store, limit=limit, cursor=cursor, where=where, search=search)
        ids += [session.session_id for session in page.sessions]
        if page.next is None:
            return ids
        cursor = page.next
