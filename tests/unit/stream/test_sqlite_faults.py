"""A disk that fails, a file that is full or locked: a clear error, nothing half-done, and all goes on (ST5)."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from webchat_nb.errors import StoreDamagedError, StoreError, StoreLockedError
from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.faults import FaultyDisk, limited_files, locked
from webchat_nb.testing.store_author import Author, receipt, row
from webchat_nb.testing.store_contract.base import C1

DISK_FAILED = r"chat\.db: the disk failed to read or write: check it and its free space"


class DiskTests(AsyncTests):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "chat.db"

    @pytest.fixture
    def disk(self) -> FaultyDisk:
        return FaultyDisk()

    @pytest.fixture(params=["FULL", "NORMAL"])
    def store(self, path: Path, disk: FaultyDisk, request: pytest.FixtureRequest) -> Iterator[SQLiteStore]:
        store = SQLiteStore(
            path, synchronous=request.param, patience_s=0.05, connection_factory=disk.connection_factory
        )
        self.runner.run(store.open())
        yield store
        self.runner.run(store.close())

    async def is_whole(self, store: SQLiteStore, path: Path, payloads: list[bytes]) -> None:
        """Now and after a restart the log holds these payloads and nothing else; the store goes on."""
        assert [entry.payload for entry in await store.events(C1, Ordinal(0), 9999)] == payloads
        before = await store.session(C1)
        assert before is not None
        assert before.head == len(payloads)
        await store.close()
        again = SQLiteStore(path)
        await again.open()
        try:
            after = await again.session(C1)
            assert after == before
            assert [entry.payload for entry in await again.events(C1, Ordinal(0), 9999)] == payloads
        finally:
            await again.close()


@pytest.mark.rule("ST5")
class TestWriting(DiskTests):
    @pytest.mark.parametrize(
        "statement",
        [
            "BEGIN",
            "SELECT key",
            "INSERT INTO events",
            "UPDATE sessions",
            "INSERT INTO entities",
            "INSERT OR IGNORE INTO receipts",
            "COMMIT",
        ],
    )
    async def test_a_failing_statement_leaves_nothing_of_the_batch(
        self, store: SQLiteStore, path: Path, disk: FaultyDisk, statement: str
    ) -> None:
        author, other = Author(store), Author(store, "c2")
        await author.write(b"before")
        draft = author.draft(b"x", rows=[row("m1", 2)], receipts=[receipt("k")], attributes={"title": "T"})
        disk.fail(statement)
        with pytest.raises(StoreError, match=DISK_FAILED):
            await store.commit([draft, other.draft(b"y")])
        assert disk.has_failed
        assert await store.session(other.session_id) is None
        assert await store.entity(C1, "ChatMessage", "m1") is None
        assert await store.receipt(C1, "ann", "k") is None
        await store.commit([draft])
        await self.is_whole(store, path, [b"before", b"x"])

    async def test_a_rollback_that_fails_too_is_made_up_for(
        self, store: SQLiteStore, path: Path, disk: FaultyDisk
    ) -> None:
        author = Author(store)
        await author.write(b"before")
        for change in (
            lambda: author.write(b"lost"),
            lambda: store.prune(C1, upto=Ordinal(1)),
            lambda: store.erase(C1),
        ):
            disk.fail("COMMIT")
            disk.fail("ROLLBACK")
            with pytest.raises(StoreError, match=DISK_FAILED):
                await change()
            assert disk.has_failed
            await author.write(b"after")
        await self.is_whole(store, path, [b"before", *[b"after"] * 3])

    async def test_a_commit_that_is_kept_and_reported_as_failed_is_found(
        self, store: SQLiteStore, path: Path, disk: FaultyDisk
    ) -> None:
        author = Author(store)
        await author.write(b"a")
        disk.fail("COMMIT", answer_lost=True)
        with pytest.raises(StoreError):
            await author.write(b"b")
        author.head = Ordinal(2)
        await author.write(b"c")
        await self.is_whole(store, path, [b"a", b"b", b"c"])

    async def test_a_checkpoint_that_fails_is_no_harm(self, store: SQLiteStore, path: Path, disk: FaultyDisk) -> None:
        author = Author(store)
        disk.fail("PRAGMA wal_checkpoint")
        payloads = [b"x" * 2000] * 600
        for _ in range(5):
            await author.write(*payloads)
        async with asyncio.timeout(20):  # it is the work of another thread
            while not disk.has_failed:
                await asyncio.sleep(0.01)
        await self.is_whole(store, path, payloads * 5)

    async def test_a_pruning_that_fails_half_way_leaves_no_gap(
        self, store: SQLiteStore, path: Path, disk: FaultyDisk
    ) -> None:
        author = Author(store)
        await author.write(*[b"x"] * 9000, settled=9000)
        disk.fail("DELETE FROM events", after=2)
        with pytest.raises(StoreError, match=DISK_FAILED):
            await store.prune(C1, upto=Ordinal(8999))
        first = await store.first_ordinal(C1)
        assert 1 < first < 9000
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(0), 9999)] == list(range(first, 9001))
        assert await store.prune(C1, upto=Ordinal(8999)) == 9000
        await author.write(b"after")
        assert [entry.ordinal for entry in await store.events(C1, Ordinal(0), 9999)] == [9000, 9001]


@pytest.mark.rule("ST5")
class TestReading(DiskTests):
    async def test_a_question_that_fails_may_be_asked_again(self, store: SQLiteStore, disk: FaultyDisk) -> None:
        await Author(store).write(b"a")
        disk.fail("SELECT id", sqlite3.SQLITE_IOERR_READ)
        with pytest.raises(StoreError, match=DISK_FAILED):
            await store.session(C1)
        assert (await store.session(C1)) is not None

    async def test_damage_that_is_found_later_is_named(self, store: SQLiteStore, disk: FaultyDisk) -> None:
        await Author(store).write(b"a")
        disk.fail("SELECT id", sqlite3.SQLITE_CORRUPT)
        with pytest.raises(StoreDamagedError, match=r"chat\.db: the file is damaged: move it away or restore a backup"):
            await store.session(C1)


@pytest.mark.rule("ST5")
@pytest.mark.skipif(sys.platform == "win32", reason="limits are something else there")
class TestSpace(DiskTests):
    async def test_a_file_that_cannot_grow_refuses_and_lives_on(self, store: SQLiteStore, path: Path) -> None:
        author = Author(store)
        await author.write(b"before")
        wal_bytes = Path(f"{path}-wal").stat().st_size
        for limit_bytes in (wal_bytes, wal_bytes + 100, wal_bytes + 5000):  # between pages, in a header, in a page
            with limited_files(limit_bytes):
                with pytest.raises(StoreError, match=r"chat\.db: .*(free some|free space)"):
                    await author.write(*[b"x" * 1000] * 50)
                assert len(await store.events(C1, Ordinal(0), 99)) == 1
        await author.write(b"after")
        await self.is_whole(store, path, [b"before", b"after"])

    async def test_a_file_that_cannot_grow_can_still_be_closed_later(self, store: SQLiteStore, path: Path) -> None:
        author = Author(store)
        await author.write(b"before")
        with limited_files(path.stat().st_size), pytest.raises(StoreError):
            await author.write(*[b"x" * 1000] * 500)
        await self.is_whole(store, path, [b"before"])


@pytest.mark.rule("ST5")
class TestLocked(DiskTests):
    async def test_who_waits_too_long_is_told_what_to_do(self, store: SQLiteStore, path: Path) -> None:
        author = Author(store)
        await author.write(b"a", settled=1)
        with locked(path):
            for change in (author.write(b"lost"), store.prune(C1, upto=Ordinal(1)), store.erase(C1)):
                with pytest.raises(StoreLockedError, match=r"chat\.db: another program is writing .*close it"):
                    await change
            assert len(await store.events(C1, Ordinal(0), 9)) == 1
        await author.write(b"b")
        await self.is_whole(store, path, [b"a", b"b"])


@pytest.mark.rule("ST5")
class TestOpeningAndClosing(DiskTests):
    @pytest.mark.parametrize(
        "statement", ["PRAGMA user_version", "PRAGMA journal_mode", "INSERT OR REPLACE INTO meta", "COMMIT"]
    )
    async def test_an_opening_that_fails_lets_the_file_go(self, path: Path, statement: str) -> None:
        first = SQLiteStore(path)
        await first.open()
        await Author(first).write(b"a")
        before = await first.session(C1)
        await first.close()
        disk = FaultyDisk()
        disk.fail(statement)
        with pytest.raises(StoreError, match=DISK_FAILED):
            await SQLiteStore(path, connection_factory=disk.connection_factory).open()
        again = SQLiteStore(path)
        await again.open()
        assert await again.session(C1) == before
        await again.close()

    @pytest.mark.parametrize("statement", ["PRAGMA synchronous = FULL", "INSERT OR REPLACE INTO meta", "COMMIT"])
    async def test_a_closing_that_fails_loses_nothing(self, path: Path, statement: str) -> None:
        disk = FaultyDisk()
        store = SQLiteStore(path, connection_factory=disk.connection_factory)
        await store.open()
        await Author(store).write(b"a")
        before = await store.session(C1)
        disk.fail(statement)
        with pytest.raises(StoreError, match=DISK_FAILED):
            await store.close()
        again = SQLiteStore(path)
        await again.open()
        assert await again.session(C1) == before
        await again.close()

    @pytest.mark.parametrize("limit_bytes", [1000, 5000, 50_000])
    async def test_a_new_store_without_space_says_so_and_can_be_made_later(self, path: Path, limit_bytes: int) -> None:
        with limited_files(limit_bytes), pytest.raises(StoreError, match=r"chat\.db: .*(free some|free space)"):
            await SQLiteStore(path).open()
        store = SQLiteStore(path)
        await store.open()
        await Author(store).write(b"a")
        await self.is_whole(store, path, [b"a"])
