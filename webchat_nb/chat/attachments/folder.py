"""FolderAttachments: beside the SQLite file, each content a file of its own, named by its SHA-256.

::

    chat.db-files/
      index.db      which attachment of which conversation has which content
      ab/cdef…      the bytes whose SHA-256 is abcdef…
      new/          being written

A content is written under another name, synced and renamed, so that a file with such a name is whole. Its digest is in
the index before the file is there, and until after the file is gone, so no file is ever lost sight of: what a crash left
without an attachment is taken away when the folder is opened. Only one process has it open: the one that has the
SQLite file (ST7).

Rule: AT1, AT3, ST5.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, final

import msgspec

from webchat_nb.chat.attachments.store import AttachmentKey, StoredAttachment
from webchat_nb.errors import StoreDamagedError, StoreError, StoreFullError, StoreVersionError
from webchat_nb.stream import SessionId

_VERSION = 1

_SCHEMA = """
CREATE TABLE contents (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE attachments (
  session_id TEXT NOT NULL, attachment_id TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL,
  filename TEXT NOT NULL, size_bytes INTEGER NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL,
  is_kept INTEGER NOT NULL, PRIMARY KEY (session_id, attachment_id)) WITHOUT ROWID;
CREATE INDEX attachments_by_digest ON attachments (digest);
"""

_COLUMNS = StoredAttachment.__struct_fields__

_T = TypeVar("_T")


@final
class FolderAttachments:
    """Keeps attachments in a folder, which is made with the first one.

    All work is done on one thread, so that the loop never waits for a disk.

    Args:
        folder: Where; for nobody else's eyes.
    """

    is_shared: Final = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Take away what a crash left half done; nothing is made yet.

        Raises:
            StoreDamagedError: The index is not a database.
            StoreVersionError: A newer version of webchat_nb wrote it.
        """
        self._thread = ThreadPoolExecutor(1, "webchat-attachments")
        await self._do(self._tidy)

    async def close(self) -> None:
        """Finish what is under way and let go."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown()

    async def put(self, attachment: StoredAttachment, content: bytes) -> None:
        """Keep an attachment: its bytes are on the disk before it is in the index."""
        await self._do(lambda: self._put(attachment, content))

    async def find(self, session_id: SessionId, attachment_id: str) -> StoredAttachment | None:
        """One attachment."""
        found = await self._select("WHERE session_id = ? AND attachment_id = ?", session_id, attachment_id)
        return found[0] if found else None

    async def read(self, digest: str) -> bytes | None:
        """The bytes."""

        def read() -> bytes | None:
            try:
                return self._path(digest).read_bytes()
            except FileNotFoundError:
                return None

        return await self._do(read)

    async def touch(self, session_id: SessionId, attachment_id: str, *, at_ms: int) -> bool:
        """Let its time of grace begin anew."""
        return await self._update("at_ms = ?", at_ms, session_id, attachment_id)

    async def keep(self, session_id: SessionId, attachment_id: str) -> None:
        """Mark it as kept."""
        await self._update("is_kept = ?", 1, session_id, attachment_id)

    async def drop(self, attachment: StoredAttachment) -> bool:
        """Take one away, unless it was touched since it was read."""
        same = " AND ".join(f"{column} = ?" for column in _COLUMNS)
        return bool(await self._do(lambda: self._delete(same, msgspec.structs.astuple(attachment))))

    async def forget(self, session_id: SessionId) -> None:
        """Take all of a conversation away."""
        await self._do(lambda: self._delete("session_id = ?", (session_id,)))

    async def page(self, *, after: AttachmentKey | None, limit: int) -> Sequence[StoredAttachment]:
        """Attachments by key, beginning after one."""
        place = after or ("", "")
        where = "WHERE (session_id, attachment_id) > (?, ?) ORDER BY session_id, attachment_id LIMIT ?"
        return await self._select(where, *place, limit)

    # On the thread

    def _put(self, attachment: StoredAttachment, content: bytes) -> None:
        db = self._connected()
        db.execute("INSERT OR IGNORE INTO contents VALUES (?)", (attachment.digest,))
        path = self._path(attachment.digest)
        if not path.exists():
            self._write(path, content)
        marks = ", ".join("?" * len(_COLUMNS))
        db.execute(
            f"INSERT OR IGNORE INTO attachments ({', '.join(_COLUMNS)}) VALUES ({marks})",
            msgspec.structs.astuple(attachment),
        )

    def _write(self, path: Path, content: bytes) -> None:
        """Make a whole file or none."""
        for folder in (self._folder / "new", path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        new = self._folder / "new" / secrets.token_hex(8)
        try:
            with new.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        _sync_folder(self._folder)

    def _delete(self, where: str, values: Sequence[object]) -> int:
        if not self._is_there:
            return 0
        sql = f"DELETE FROM attachments WHERE {where} RETURNING digest"
        digests = [digest for (digest,) in self._connected().execute(sql, values).fetchall()]
        self._take_away(set(digests))
        return len(digests)

    def _take_away(self, digests: set[str]) -> None:
        """Bytes go with the last attachment that refers to them."""
        db = self._connected()
        for digest in digests:
            if db.execute("SELECT 1 FROM attachments WHERE digest = ? LIMIT 1", (digest,)).fetchone() is None:
                self._path(digest).unlink(missing_ok=True)
                db.execute("DELETE FROM contents WHERE digest = ?", (digest,))

    def _tidy(self) -> None:
        if self._is_there:
            shutil.rmtree(self._folder / "new", ignore_errors=True)
            orphans = "SELECT digest FROM contents EXCEPT SELECT digest FROM attachments"
            self._take_away({digest for (digest,) in self._connected().execute(orphans)})

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            db = sqlite3.connect(self._folder / "index.db", isolation_level=None)
            try:
                db.execute("PRAGMA synchronous = FULL")
                self._upgrade(db)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _upgrade(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreVersionError(
                f"attachments {self._folder}: schema version {version}, this webchat_nb knows {_VERSION}: upgrade it"
            )
        if version == 0:
            db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    @property
    def _is_there(self) -> bool:
        return self._db is not None or (self._folder / "index.db").exists()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    # From the loop

    async def _select(self, where: str, *values: object) -> list[StoredAttachment]:
        def select() -> list[StoredAttachment]:
            if not self._is_there:
                return []
            sql = f"SELECT {', '.join(_COLUMNS)} FROM attachments {where}"
            rows = self._connected().execute(sql, values).fetchall()
            return [
                msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), StoredAttachment, strict=False) for row in rows
            ]

        return await self._do(select)

    async def _update(self, change: str, value: int, session_id: SessionId, attachment_id: str) -> bool:
        def update() -> bool:
            if not self._is_there:
                return False
            sql = f"UPDATE attachments SET {change} WHERE session_id = ? AND attachment_id = ?"
            return self._connected().execute(sql, (value, session_id, attachment_id)).rowcount > 0

        return await self._do(update)

    async def _do(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            raise StoreError(f"attachments {self._folder}: the store is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (OSError, sqlite3.Error) as error:
            raise self._translated(error) from error

    def _translated(self, error: OSError | sqlite3.Error) -> StoreError:
        where = f"attachments {self._folder}"
        code = error.errno if isinstance(error, OSError) else None
        if code in (errno.ENOSPC, errno.EDQUOT) or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return StoreFullError(f"{where}: no space left")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            return StoreDamagedError(f"{where}: index.db cannot be read: {error}")
        reason = error.strerror if isinstance(error, OSError) else error
        return StoreError(f"{where}: {reason}")


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; where that cannot be asked for (Windows), the rename is enough."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
