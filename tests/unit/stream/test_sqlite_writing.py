"""What is written where: pages per token, bytes per event, the log's length, what is left after erasing and closing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import Author, receipt, row

C1 = SessionId("c1")
TOKEN = b"x" * 40
"""As large as the protobuf bytes of a five-letter token's event."""

PAGE = 4096 + 24
"""A page in the write-ahead log, with its header."""


class SQLiteTests(AsyncTests):
    synchronous: Literal["FULL", "NORMAL"] = "FULL"

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLiteStore]:
        store = SQLiteStore(tmp_path / "chat.db", synchronous=self.synchronous)
        self.runner.run(store.open())
        yield store
        self.runner.run(store.close())


async def stream(author: Author, token_count: int, *, at_once: int = 1) -> None:
    """An answer: commits of appends alone, all in one second of the clock."""
    for _ in range(0, token_count, at_once):
        await author.write(*[TOKEN] * at_once)


def file_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


@pytest.mark.rule("ST3")
class TestSizes(SQLiteTests):
    synchronous = "NORMAL"  # the same pages, without the wait

    async def test_a_token_costs_about_one_page(self, store: SQLiteStore) -> None:
        author = Author(store)
        await author.write(b"begin", attributes={"title": "T", "status": "running"})
        before = store.usage().bytes_written
        await stream(author, 1000)
        assert store.usage().bytes_written - before <= 1000 * 4600

    async def test_ten_times_the_tokens_cost_ten_times_the_bytes(self, store: SQLiteStore) -> None:
        short, long = Author(store, "short"), Author(store, "long")
        start = store.usage().bytes_written
        await stream(short, 500)
        middle = store.usage().bytes_written
        await stream(long, 5000)
        assert store.usage().bytes_written - middle <= 10.5 * (middle - start)

    async def test_an_event_takes_at_most_120_bytes_of_the_file(self, store: SQLiteStore, tmp_path: Path) -> None:
        names = [f"{'a-rather-long-notebook-name' * 3}:{n}" for n in range(5)]
        authors = [Author(store, name) for name in names]
        for _ in range(100):
            for author in authors:
                await stream(author, 20, at_once=5)
        await store.close()
        assert (tmp_path / "chat.db").stat().st_size <= 120 * 5 * 2000

    async def test_the_write_ahead_log_stays_short_under_a_steady_load(
        self, store: SQLiteStore, tmp_path: Path
    ) -> None:
        await stream(Author(store), 20_000)
        assert store.usage().bytes_written > 20_000 * PAGE
        assert (tmp_path / "chat.db-wal").stat().st_size <= 9000 * PAGE


class TestErasing(SQLiteTests):
    async def test_erased_words_are_in_no_file(self, store: SQLiteStore, tmp_path: Path) -> None:
        secret = b"the-secret-word"
        author, other = Author(store), Author(store, "other")
        for number in range(1, 50):
            await author.write(
                secret * 9,
                rows=[row("m", number, payload=secret * (number % 7 * 300))],  # grows and shrinks
                receipts=[receipt(f"k{number}", answer=secret.decode())],
                attributes={"title": secret.decode()},
            )
            await other.write(b"stays")
        assert secret in file_bytes(tmp_path)
        await store.erase(author.session_id)
        assert secret not in file_bytes(tmp_path)
        assert len(await store.events(other.session_id, Ordinal(0), 99)) == 49


@pytest.mark.rule("ST8")
class TestPruning(SQLiteTests):
    async def write(self, author: Author) -> None:
        for _ in range(10):
            await author.write(*[b"the-secret-word" * 20] * 1000)
        await author.write(rows=[row("m1", author.head)], settled=author.head)

    async def test_pruned_words_are_in_no_file_after_closing(self, store: SQLiteStore, tmp_path: Path) -> None:
        author = Author(store)
        await self.write(author)
        await store.prune(C1, upto=author.head)
        await store.close()
        assert b"the-secret-word" not in file_bytes(tmp_path)

    async def test_the_space_is_used_again(self, store: SQLiteStore, tmp_path: Path) -> None:
        author = Author(store)
        await self.write(author)
        for _ in range(3):
            await store.prune(C1, upto=author.head)
            await self.write(author)
        await store.close()
        assert (tmp_path / "chat.db").stat().st_size < 1.2 * 10_000 * 330

    async def test_much_free_space_is_given_back_at_closing(self, store: SQLiteStore, tmp_path: Path) -> None:
        author = Author(store)
        for _ in range(2):
            await self.write(author)
        await store.prune(C1, upto=Ordinal(author.head - 10))
        await store.close()
        assert (tmp_path / "chat.db").stat().st_size < 100_000

    async def test_commits_come_between_the_pieces(self, store: SQLiteStore) -> None:
        author, other = Author(store), Author(store, "other")
        await self.write(author)
        pruning = asyncio.create_task(store.prune(C1, upto=author.head))
        while not pruning.done():
            await other.write(b"x")
        assert await pruning == author.head + 1
        assert other.head > 2


class TestClosing(SQLiteTests):
    async def test_all_is_in_one_file_then(self, store: SQLiteStore, tmp_path: Path) -> None:
        await Author(store).write(b"a")
        await store.close()
        assert sorted(file.name for file in tmp_path.iterdir()) == ["chat.db", "chat.db-incarnation", "chat.db-lock"]

    async def test_much_free_space_is_given_back(self, store: SQLiteStore, tmp_path: Path) -> None:
        large, small = Author(store, "large"), Author(store, "small")
        await large.write(*[b"x" * 1000] * 9000)
        await small.write(b"stays")
        await store.erase(large.session_id)
        await store.close()
        assert (tmp_path / "chat.db").stat().st_size < 200_000


class TestCancelling(SQLiteTests):
    async def test_a_cancelled_commit_is_finished_first(self, store: SQLiteStore) -> None:
        author = Author(store)
        for _ in range(20):
            commit = author.draft(b"x")
            task = asyncio.create_task(store.commit([commit]))
            await asyncio.sleep(0)  # it waits for the disk now
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            session = await store.session(C1)
            assert session is not None
            assert session.head == commit.head
            author.epoch, author.head = session.epoch, session.head

    async def test_closing_waits_for_the_commits_asked_for_before(self, store: SQLiteStore, tmp_path: Path) -> None:
        author = Author(store)
        commits = [asyncio.create_task(store.commit([author.draft(b"x", base=n)])) for n in range(5)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*commits)
        again = SQLiteStore(tmp_path / "chat.db")
        await again.open()
        assert len(await again.events(C1, Ordinal(0), 9)) == 5
        await again.close()

    async def test_a_cancelled_opening_lets_the_file_go(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        task = asyncio.create_task(SQLiteStore(path).open())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = SQLiteStore(path)
        await again.open()
        await again.close()

    async def test_the_loop_runs_on_while_a_commit_waits_for_the_disk(self, store: SQLiteStore) -> None:
        commit = asyncio.create_task(store.commit([Author(store).draft(b"x")]))
        turn_count = 0
        while not commit.done():
            await asyncio.sleep(0)
            turn_count += 1
        assert turn_count > 2
