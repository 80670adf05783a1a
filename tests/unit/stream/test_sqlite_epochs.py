"""When a file may not be what clients remember, its epochs change; otherwise they stay (OR3)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest

from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Epoch, Ordinal, SessionId
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import Author

C1 = SessionId("c1")
Synchronous = Literal["FULL", "NORMAL"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder / "chat.db"


async def visit(path: Path, synchronous: Synchronous = "FULL") -> Epoch:
    """Open, write one event, close; returns the epoch of the session."""
    store = SQLiteStore(path, synchronous=synchronous)
    await store.open()
    session = await store.session(C1)
    author = Author(store)
    if session is not None:
        author.epoch, author.head = session.epoch, session.head
    await author.write(b"x")
    await store.close()
    return author.epoch


@pytest.mark.rule("OR3")
class TestEpochs(AsyncTests):
    @pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
    async def test_a_clean_restart_keeps_the_epoch(self, path: Path, synchronous: Synchronous) -> None:
        first = await visit(path, synchronous)
        assert await visit(path, synchronous) == first
        assert await visit(path, "FULL") == first

    async def test_a_restored_backup_changes_the_epoch(self, path: Path) -> None:
        first = await visit(path)
        backup = path.with_suffix(".backup")
        shutil.copy2(path, backup)
        assert await visit(path) == first
        shutil.copy2(backup, path)
        second = await visit(path)
        assert second != first
        assert await visit(path) == second
        shutil.copy2(backup, path)
        assert await visit(path) not in {first, second}

    async def test_a_backup_taken_while_the_store_was_open_is_recognised(self, path: Path) -> None:
        await visit(path)
        store = SQLiteStore(path)
        await store.open()
        backup = path.with_suffix(".backup")
        author = Author(store, "c2")
        await author.write(b"x")
        shutil.copy2(path, backup)
        await store.close()
        first = await visit(path)
        shutil.copy2(backup, path)
        assert await visit(path) != first

    async def test_a_whole_folder_restored_changes_the_epoch(self, path: Path) -> None:
        first = await visit(path)
        backup = path.parent.with_name("backup")
        shutil.copytree(path.parent, backup)
        await visit(path)
        shutil.rmtree(path.parent)
        shutil.copytree(backup, path.parent)
        assert await visit(path) != first

    async def test_a_restored_folder_is_seen_even_where_the_file_has_its_old_inode(self, path: Path) -> None:
        first = await visit(path)
        old = {file: file.read_bytes() for file in path.parent.iterdir()}
        await visit(path)
        for file, content in old.items():
            file.write_bytes(content)
        assert await visit(path) != first

    async def test_a_database_without_its_sidecar_changes_the_epoch(self, path: Path) -> None:
        first = await visit(path)
        path.with_name("chat.db-incarnation").unlink()
        assert await visit(path) != first

    async def test_commits_are_held_to_the_new_epoch(self, path: Path) -> None:
        first = await visit(path)
        path.with_name("chat.db-incarnation").unlink()
        store = SQLiteStore(path)
        await store.open()
        old, new = Author(store), Author(store, "c2")
        old.head = Ordinal(1)
        old.epoch = first
        with pytest.raises(StoreConflictError):
            await old.write(b"y")
        await new.write(b"z")
        assert "." not in new.epoch  # a log that began in this generation needs no suffix
        page = await store.sessions(limit=9, cursor=None, where={}, search=None)
        assert {session.session_id: session.epoch for session in page.sessions}[new.session_id] == new.epoch
        await store.close()
        assert (await visit(path)).startswith(f"{first}.")
