"""What every place for attachments does: memory, a folder, Redis."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import RedisServer
from webchat_nb.chat.attachments import AttachmentStore, FolderAttachments, MemoryAttachments, StoredAttachment
from webchat_nb.chat.attachments.redis import RedisAttachments
from webchat_nb.errors import StoreDamagedError, StoreError, StoreUnreachableError, StoreVersionError
from webchat_nb.stream import SessionId

C1, C2 = SessionId("c1"), SessionId("c2")
HELLO, OTHER = b"hello", bytes(range(256)) * 40


def attachment(id: str = "a1", content: bytes = HELLO, session_id: str = "c1", **more: Any) -> StoredAttachment:
    known: dict[str, Any] = {
        "session_id": SessionId(session_id),
        "attachment_id": id,
        "digest": hashlib.sha256(content).hexdigest(),
        "media_type": "text/plain",
        "filename": 'früchte "1".txt',
        "size_bytes": len(content),
        "actor": "ann",
        "at_ms": 1_700_000_000_000,
    }
    return StoredAttachment(**{**known, **more})


@pytest.mark.rule("AT1", "AT3")
class AttachmentStoreContract:
    """One fact per test."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[AttachmentStore]:
        store = self.make_store(tmp_path)
        await store.open()
        yield store
        await store.close()

    def make_store(self, place: Path) -> AttachmentStore:
        raise NotImplementedError

    async def test_what_is_put_is_found_and_read(self, store: AttachmentStore) -> None:
        first, second = attachment(), attachment("a2", OTHER, media_type="image/png", is_kept=True)
        await store.put(first, HELLO)
        await store.put(second, OTHER)
        assert await store.find(C1, "a1") == first
        assert await store.find(C1, "a2") == second
        assert (await store.read(first.digest), await store.read(second.digest)) == (HELLO, OTHER)

    async def test_another_conversation_does_not_find_it(self, store: AttachmentStore) -> None:
        await store.put(attachment(), HELLO)
        assert await store.find(C2, "a1") is None

    @pytest.mark.parametrize("id", ["", "a", "..", "../a1", "A1", "a1/", "*", "a1\0", "ä" * 200])
    async def test_any_text_may_be_asked_for(self, store: AttachmentStore, id: str) -> None:
        await store.put(attachment(), HELLO)
        assert await store.find(C1, id) is None

    async def test_ids_that_only_differ_in_case_are_two(self, store: AttachmentStore) -> None:
        await store.put(attachment("a"), HELLO)
        await store.put(attachment("A", OTHER), OTHER)
        found = [await store.find(C1, id) for id in ("a", "A")]
        assert [one and one.size_bytes for one in found] == [len(HELLO), len(OTHER)]

    async def test_unknown_bytes_are_none(self, store: AttachmentStore) -> None:
        assert await store.read(hashlib.sha256(b"?").hexdigest()) is None

    async def test_put_again_changes_nothing(self, store: AttachmentStore) -> None:
        await store.put(attachment(), HELLO)
        await store.keep(C1, "a1")
        await store.put(attachment(), HELLO)
        assert await store.find(C1, "a1") == attachment(is_kept=True)

    async def test_touch_and_keep(self, store: AttachmentStore) -> None:
        await store.put(attachment(), HELLO)
        assert await store.touch(C1, "a1", at_ms=1_800_000_000_000)
        await store.keep(C1, "a1")
        assert await store.find(C1, "a1") == attachment(at_ms=1_800_000_000_000, is_kept=True)
        assert not await store.touch(C1, "a2", at_ms=1)
        await store.keep(C1, "a2")
        assert await store.find(C1, "a2") is None

    async def test_drop_takes_it_away_with_its_bytes(self, store: AttachmentStore) -> None:
        await store.put(attachment(), HELLO)
        assert await store.drop(attachment())
        assert await store.find(C1, "a1") is None and await store.read(attachment().digest) is None
        assert not await store.drop(attachment())

    async def test_what_was_touched_or_kept_meanwhile_is_not_dropped(self, store: AttachmentStore) -> None:
        await store.put(attachment(), HELLO)
        await store.touch(C1, "a1", at_ms=5)
        assert not await store.drop(attachment())
        await store.keep(C1, "a1")
        assert not await store.drop(attachment(at_ms=5))
        assert await store.read(attachment().digest) == HELLO

    async def test_bytes_go_with_the_last_that_refers_to_them(self, store: AttachmentStore) -> None:
        one, same, elsewhere = attachment(), attachment("a2"), attachment("a1", session_id="c2")
        for each in (one, same, elsewhere):
            await store.put(each, HELLO)
        await store.drop(one)
        assert await store.read(one.digest) == HELLO
        await store.forget(C1)
        assert await store.read(one.digest) == HELLO and await store.find(C1, "a2") is None
        await store.forget(C2)
        assert await store.read(one.digest) is None

    async def test_forget_takes_one_conversation_and_no_other(self, store: AttachmentStore) -> None:
        ids = ("c", "c1", "c10", "c1.", "c1-a", "C1", "c:1")
        for id in ids:
            await store.put(attachment(session_id=id, content=id.encode()), id.encode())
        await store.forget(C1)
        await store.forget(SessionId("nowhere"))
        left = [id for id in ids if await store.find(SessionId(id), "a1") is not None]
        assert left == [id for id in ids if id != "c1"]
        assert await store.read(hashlib.sha256(b"c1").hexdigest()) is None

    async def test_pages_give_each_once_and_conversations_together(self, store: AttachmentStore) -> None:
        keys = {(session_id, id) for session_id in ("c1", "c1.b", "c2", "C") for id in ("a1", "a2", "z")}
        for session_id, id in keys:
            await store.put(attachment(id, session_id=session_id), HELLO)
        seen, after = [], None
        while page := await store.page(after=after, limit=5):
            assert len(page) <= 5
            seen += [one.key for one in page]
            after = page[-1].key
        assert len(seen) == len(keys) and set(seen) == keys
        order = [session_id for session_id, _ in seen]
        assert [id for id, _ in itertools.groupby(order)] == list(dict.fromkeys(order))

    async def test_many_at_a_time(self, store: AttachmentStore) -> None:
        many = [attachment(f"a{n}", str(n % 7).encode()) for n in range(40)]
        await asyncio.gather(*(store.put(each, str(n % 7).encode()) for n, each in enumerate(many)))
        assert await asyncio.gather(*(store.drop(each) for each in many[:20])) == [True] * 20
        assert [await store.read(hashlib.sha256(str(n).encode()).hexdigest()) for n in range(7)] == [
            str(n).encode() for n in range(7)
        ]

    async def test_close_twice(self, store: AttachmentStore) -> None:
        await store.close()
        await store.close()


class TestMemoryAttachments(AttachmentStoreContract):
    def make_store(self, place: Path) -> AttachmentStore:
        return MemoryAttachments()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.mark.rule("OR4")
class TestRedisAttachments(AttachmentStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.server = server

    def make_store(self, place: Path) -> AttachmentStore:
        return RedisAttachments(self.server.url, prefix=f"test-{secrets.token_hex(6)}")

    async def test_nothing_is_left_of_what_is_forgotten(self) -> None:
        store = RedisAttachments(self.server.url, prefix="left-over")
        await store.open()
        await store.put(attachment(), HELLO)
        await store.put(attachment("a2", OTHER), OTHER)
        await store.forget(C1)
        assert await store._ask("KEYS", "left-over:*") == []
        await store.close()

    async def test_a_redis_that_is_away_is_told_without_the_password(self) -> None:
        store = RedisAttachments("redis://user:hidden@127.0.0.1:1/0")
        with pytest.raises(StoreUnreachableError) as told:
            await store.open()
        assert "hidden" not in str(told.value)
        await store.close()


class TestFolderAttachments(AttachmentStoreContract):
    def make_store(self, place: Path) -> AttachmentStore:
        return FolderAttachments(place / "chat.db-files")

    async def test_the_folder_is_made_with_the_first_attachment(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path / "new")
        await store.open()
        assert await store.find(C1, "a1") is None and await store.page(after=None, limit=5) == []
        await store.forget(C1)
        assert not (tmp_path / "new").exists()
        await store.put(attachment(), HELLO)
        digest = attachment().digest
        path = tmp_path / "new" / "chat.db-files" / digest[:2] / digest[2:]
        assert path.read_bytes() == HELLO
        assert path.parent.parent.stat().st_mode & 0o077 == 0
        await store.close()

    async def test_it_is_there_after_a_restart(self, tmp_path: Path) -> None:
        for round in range(3):
            store = self.make_store(tmp_path)
            await store.open()
            if round == 0:
                await store.put(attachment(), HELLO)
            assert await store.find(C1, "a1") == attachment() and await store.read(attachment().digest) == HELLO
            await store.close()

    async def test_what_a_crash_left_half_done_is_taken_away(self, tmp_path: Path) -> None:
        folder = tmp_path / "chat.db-files"
        store = FolderAttachments(folder)
        await store.open()
        await store.put(attachment(), HELLO)
        lost = attachment("a2", OTHER)
        await store.close()
        db = sqlite3.connect(folder / "index.db", isolation_level=None)
        db.execute("INSERT INTO contents VALUES (?)", (lost.digest,))  # the crash came before the attachment's own row
        db.close()
        left = folder / lost.digest[:2] / lost.digest[2:]
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(OTHER)
        (folder / "new" / "half").write_bytes(b"ha")
        store = FolderAttachments(folder)
        await store.open()
        assert not left.exists() and not (folder / "new").exists()
        assert await store.read(attachment().digest) == HELLO
        await store.put(lost, OTHER)
        assert await store.read(lost.digest) == OTHER
        await store.close()

    @pytest.mark.rule("ST5")
    async def test_trouble_with_the_disk_is_told(self, tmp_path: Path) -> None:
        folder = tmp_path / "chat.db-files"
        folder.write_text("in the way")
        store = FolderAttachments(folder)
        await store.open()
        with pytest.raises(StoreError, match=r"chat\.db-files: "):
            await store.put(attachment(), HELLO)
        await store.close()
        with pytest.raises(StoreError, match="not open"):
            await store.find(C1, "a1")

    @pytest.mark.rule("ST5")
    async def test_a_write_that_fails_leaves_no_attachment(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        await store.open()
        await store.put(attachment(), HELLO)
        digest = attachment("a2", OTHER).digest
        (tmp_path / "chat.db-files" / digest[:2]).write_text("in the way")
        with pytest.raises(StoreError):
            await store.put(attachment("a2", OTHER), OTHER)
        assert await store.find(C1, "a2") is None and await store.find(C1, "a1") is not None
        assert os.listdir(tmp_path / "chat.db-files" / "new") == []
        await store.close()

    async def test_a_foreign_or_newer_index_is_left_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "chat.db-files"
        folder.mkdir()
        (folder / "index.db").write_bytes(b"not a database, " * 100)
        store = FolderAttachments(folder)
        with pytest.raises(StoreDamagedError):
            await store.open()
        await store.close()
        (folder / "index.db").unlink()
        db = sqlite3.connect(folder / "index.db")
        db.execute("PRAGMA user_version = 99")
        db.close()
        store = FolderAttachments(folder)
        with pytest.raises(StoreVersionError):
            await store.open()
        await store.close()
