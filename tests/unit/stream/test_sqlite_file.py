"""A file that is locked, foreign, too new, damaged, read-only or full: a clear error, and nothing is lost (ST5)."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from webchat_nb.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
    StoreVersionError,
)
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.stream.stores.sqlite.schema import MIGRATIONS, upgrade
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import Author, row

C1 = SessionId("c1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


async def fill(path: Path, *, event_count: int = 3) -> None:
    """A closed file with one session."""
    store = SQLiteStore(path)
    await store.open()
    author = Author(store)
    await author.write(*[b"x" * 40] * event_count, rows=[row("m1", 1)])
    await store.close()


@pytest.mark.rule("ST5")
class TestOpening(AsyncTests):
    @pytest.mark.rule("ST7")
    async def test_a_second_store_is_told_who_has_the_file(self, path: Path) -> None:
        first = SQLiteStore(path)
        await first.open()
        with pytest.raises(StoreLockedError, match=rf"{path.name}: process {os.getpid()} \(since 20"):
            await SQLiteStore(path).open()
        await first.close()
        again = SQLiteStore(path)
        await again.open()
        await again.close()

    async def test_another_name_of_the_file_is_the_same_file(self, path: Path) -> None:
        first = SQLiteStore(path)
        await first.open()
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(StoreLockedError):
            await SQLiteStore(link).open()
        await first.close()

    async def test_the_lock_ends_with_the_process(self, path: Path) -> None:
        code = f"import asyncio, os; from webchat_nb.stream.stores import SQLiteStore as S; \
asyncio.run(S({str(path)!r}).open()); print('open', flush=True); os.kill(os.getpid(), 9)"
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
        assert child.stdout == b"open\n"
        store = SQLiteStore(path)
        await store.open()
        await store.close()

    async def test_a_missing_folder_is_named(self, path: Path) -> None:
        with pytest.raises(StoreError, match=r"folder .*nowhere does not exist"):
            await SQLiteStore(path.parent / "nowhere" / "chat.db").open()

    async def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="this is a folder"):
            await SQLiteStore(tmp_path).open()

    @pytest.mark.parametrize("content", [b"hello", b"{}" * 4000])
    async def test_a_file_that_is_no_database_is_left_alone(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(StoreDamagedError, match=r"chat\.db.*not an SQLite database"):
            await SQLiteStore(path).open()
        assert path.read_bytes() == content

    async def test_the_database_of_another_program_is_left_alone(self, path: Path) -> None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE history (line TEXT)")
        other.commit()
        other.close()
        content = path.read_bytes()
        with pytest.raises(StoreDamagedError, match="another program"):
            await SQLiteStore(path).open()
        assert path.read_bytes() == content

    async def test_an_empty_file_is_a_new_store(self, path: Path) -> None:
        path.touch()
        store = SQLiteStore(path)
        await store.open()
        assert await store.session(C1) is None
        await store.close()

    async def test_a_file_with_broken_pages_is_refused(self, path: Path) -> None:
        await fill(path, event_count=2000)
        content = bytearray(path.read_bytes())
        content[8192:40960] = os.urandom(32768)
        path.write_bytes(content)
        with pytest.raises(StoreDamagedError, match="damaged"):
            await SQLiteStore(path).open()

    async def test_a_file_cut_short_is_refused(self, path: Path) -> None:
        await fill(path, event_count=2000)
        os.truncate(path, 40960)
        with pytest.raises(StoreDamagedError, match="damaged"):
            await SQLiteStore(path).open()

    async def test_a_newer_file_is_refused_with_both_versions(self, path: Path) -> None:
        await fill(path)
        newer = sqlite3.connect(path)
        newer.execute("PRAGMA user_version = 99")
        newer.close()
        with pytest.raises(StoreVersionError, match=f"version 99, this webchat_nb knows {len(MIGRATIONS)}"):
            await SQLiteStore(path).open()

    async def test_after_a_refusal_the_file_can_be_opened_by_others(self, path: Path) -> None:
        path.write_bytes(b"hello")
        with pytest.raises(StoreDamagedError):
            await SQLiteStore(path).open()
        path.unlink()
        await fill(path)


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user whom permissions hold back; when we are root, we become nobody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
        else:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
            try:
                yield folder
            finally:
                os.seteuid(0)


@pytest.mark.rule("ST5")
@pytest.mark.skipif(sys.platform == "win32", reason="permissions are something else there")
class TestReadOnly(AsyncTests):
    async def test_a_read_only_file_is_named(self, ordinary_user: Path) -> None:
        path = ordinary_user / "chat.db"
        await fill(path)
        path.chmod(stat.S_IRUSR)
        with pytest.raises(StoreReadOnlyError, match=r"chat\.db: the file cannot be written to"):
            await SQLiteStore(path).open()

    @pytest.mark.parametrize("is_new", [True, False])
    async def test_a_read_only_folder_is_named(self, ordinary_user: Path, is_new: bool) -> None:
        path = ordinary_user / "chat.db"
        if not is_new:
            await fill(path)
        ordinary_user.chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(StoreReadOnlyError, match=r"chat\.db"):
            await SQLiteStore(path).open()
        ordinary_user.chmod(stat.S_IRWXU)


@pytest.mark.rule("ST5")
class TestFull(AsyncTests):
    @pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
    async def test_a_full_store_refuses_whole_batches_and_lives_on(self, path: Path, synchronous: str) -> None:
        store = SQLiteStore(path, max_bytes=400_000, synchronous=synchronous)  # type: ignore[arg-type]
        await store.open()
        large, small = Author(store, "large"), Author(store, "small")
        await small.write(b"before")
        await large.write(*[b"x" * 1000] * 150)
        with pytest.raises(StoreFullError, match=r"chat\.db: no space is left"):
            await store.commit([small.draft(b"lost"), large.draft(*[b"x" * 1000] * 150)])
        assert len(await store.events(small.session_id, Ordinal(0), 9)) == 1
        await small.write(b"after")  # what still fits
        assert await store.erase(large.session_id)
        large = Author(store, "large")
        await large.write(*[b"x" * 1000] * 150)
        await store.close()

    async def test_another_writer_is_waited_for_without_blocking_the_loop(self, path: Path) -> None:
        store = SQLiteStore(path)
        await store.open()
        author = Author(store)
        await author.write(b"a")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self.runner.get_loop().call_later(0.05, other.execute, "ROLLBACK")  # runs only on a loop that is not blocked
        await author.write(b"b")
        other.close()
        await store.close()


class TestUpgrade:
    def test_an_older_file_is_upgraded_with_all_its_rows(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        assert upgrade(connection, path, MIGRATIONS) == 0
        connection.execute("INSERT INTO meta VALUES ('kept', 'yes')")

        def add_colour(db: Database) -> None:
            db["meta"].add_column("colour", str)  # type: ignore[union-attr]

        newer = (*MIGRATIONS, add_colour)
        assert upgrade(connection, path, newer) == len(MIGRATIONS)
        assert connection.execute("SELECT * FROM meta").fetchall() == [("kept", "yes", None)]
        assert upgrade(connection, path, newer) == len(newer)
        connection.close()

    def test_a_failing_upgrade_leaves_the_older_file(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        upgrade(connection, path, MIGRATIONS)

        def fail(db: Database) -> None:
            db.execute("CREATE TABLE half (done TEXT)")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            upgrade(connection, path, (*MIGRATIONS, fail))
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        connection.close()

    def test_the_log_can_be_read_with_ordinary_tools(self, path: Path) -> None:
        import asyncio

        asyncio.run(fill(path))
        db = Database(path)
        assert [(line["session"], line["ordinal"]) for line in db["log"].rows] == [("c1", 1), ("c1", 2), ("c1", 3)]
        db.close()
