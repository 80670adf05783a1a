"""From a path to connections: check the file, upgrade it, set it up.

Rule: ST2, ST5.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal, final

from webchat_nb.errors import StoreDamagedError, StoreError, StoreReadOnlyError
from webchat_nb.stream.stores.sqlite import incarnation
from webchat_nb.stream.stores.sqlite.commit_points import Probe
from webchat_nb.stream.stores.sqlite.schema import check_version, upgrade
from webchat_nb.stream.stores.sqlite.wal import WalGauge
from webchat_nb.stream.stores.sqlite.writes import catch_up

Synchronous = Literal["FULL", "NORMAL"]

_MAGIC = b"SQLite format 3\0"
ConnectionFactory = type[sqlite3.Connection]
"""``sqlite3.Connection``, or a subclass of it that fails on purpose (``webchat_nb.testing.faults``)."""

_FULL_CHECK_BYTES = 32 << 20
"""Files up to this size are checked whole when opened (about 0.1 s); of larger ones only the sessions are."""

_VACUUM_PAGES = 1024
"""Fewer free pages than this are left for later rows instead of giving them back to the file system."""


@final
class Connections:
    """The three connections to one file.

    Args:
        path: The database; locked by us and checked.
        synchronous: Of the write connection.
        max_bytes: Most bytes the database may grow to.
        patience_s: How long opening, pruning, erasing and closing wait for another program that writes to the file, and
            commits too, which do so without blocking the event loop.
        new_id: Where incarnations come from.
        let_go: Called once when everything is closed, also when connecting fails.
        connection_factory: Makes what sqlite3 connects.
        probe: Called at each commit point.

    Attributes:
        write: For transactions; waits for nobody (``BEGIN`` fails at once when another program writes).
        read: For questions, on the event loop.
        checkpoint: Copies the write-ahead log into the database, on a thread of its own.
        generation: Of the store (OR3).
        wal: What the log holds.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Synchronous,
        max_bytes: int | None,
        patience_s: float,
        new_id: Callable[[], str],
        let_go: Callable[[], None],
        connection_factory: ConnectionFactory,
        probe: Probe | None,
    ) -> None:
        self._patience_s = patience_s
        self._connection_factory = connection_factory
        self._probe = probe
        self._path = path
        self._let_go = let_go
        self._new_id = new_id
        self._opened: list[sqlite3.Connection] = []
        self._wal: WalGauge | None = None
        try:
            self.write = self._connect()
            self._check()
            self._set_up(synchronous, max_bytes)
            self.read = self._connect()
            self.read.execute("PRAGMA query_only = ON")
            self.checkpoint = self._connect()
            (page_bytes,) = self.write.execute("PRAGMA page_size").fetchone()
            self.wal = self._wal = WalGauge(path, page_bytes)
        except BaseException:
            self._close_all()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._patience_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=self._connection_factory,
        )
        self._opened.append(connection)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves the data in the drive's cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        return connection

    def _check(self) -> None:
        """Refuse a file that is not ours, too new or damaged, without changing it."""
        check_version(self.write, self._path)
        is_small = self._path.stat().st_size <= _FULL_CHECK_BYTES
        (answer,) = self.write.execute(f"PRAGMA quick_check({'1' if is_small else 'sessions'})").fetchone()
        if answer != "ok":
            raise StoreDamagedError(
                f"store {self._path}: the file is damaged ({answer}): move it away or restore a backup"
            )

    def _set_up(self, synchronous: Synchronous, max_bytes: int | None) -> None:
        (mode,) = self.write.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError(f"store {self._path}: its file system cannot keep a write-ahead log: choose a local disk")
        self.write.execute("PRAGMA synchronous = FULL")
        had_version = upgrade(self.write, self._path)
        may_lose_tail = synchronous == "NORMAL"
        self.generation = incarnation.begin(
            self.write,
            self._path,
            is_new=had_version == 0,
            may_lose_tail=may_lose_tail,
            new_id=self._new_id,
            probe=self._probe,
        )
        self._catch_up()
        self.write.execute(f"PRAGMA synchronous = {synchronous}")
        self.write.execute("PRAGMA secure_delete = ON")  # also for rows that change, or erasing would come too late
        self.write.execute("PRAGMA cache_size = -16000")  # KiB: a large batch stays in memory until its commit
        if max_bytes is not None:
            (page_bytes,) = self.write.execute("PRAGMA page_size").fetchone()
            self.write.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_bytes)}")
        self.write.execute("PRAGMA busy_timeout = 0")

    def _catch_up(self) -> None:
        self.write.execute("BEGIN IMMEDIATE")
        catch_up(self.write)
        self.write.execute("COMMIT")

    def begin_patiently(self) -> None:
        """Begin a transaction, waiting for another program if need be; for a thread that may wait."""
        self.write.execute(f"PRAGMA busy_timeout = {int(self._patience_s * 1000)}")
        try:
            self.write.execute("BEGIN IMMEDIATE")
        finally:
            self.write.execute("PRAGMA busy_timeout = 0")

    def close_cleanly(self) -> None:
        """Bring everything into the one file, give free space back, say that the file is complete, and let go.

        Raises:
            sqlite3.Error: Something of it was not possible, such as a disk that is full. Nothing is lost, the next
                open does it; the connections are closed all the same.
        """
        try:
            self.write.execute("PRAGMA synchronous = FULL")
            self._catch_up()
            if self._is_mostly_free():
                self.write.execute("VACUUM")
            incarnation.end(self.write, self._path, new_id=self._new_id, probe=self._probe)
            self.checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except BaseException:
            self._close_all()
            raise
        self._close_all(is_clean=True)

    def _is_mostly_free(self) -> bool:
        (page_count,) = self.write.execute("PRAGMA page_count").fetchone()
        (free_count,) = self.write.execute("PRAGMA freelist_count").fetchone()
        return bool(free_count > _VACUUM_PAGES and free_count > page_count // 2)

    def _close_all(self, *, is_clean: bool = False) -> None:
        try:
            for connection in self._opened:
                connection.close()
            if self._wal is not None:
                self._wal.close()
            if is_clean:
                incarnation.seal(self._path)
        finally:
            self._let_go()


def check_folder(path: Path) -> None:
    """Refuse a path that no file can have.

    Raises:
        StoreError: The folder does not exist, or the path is a folder itself.
    """
    if not path.parent.is_dir():
        raise StoreError(f"store {path}: the folder {path.parent} does not exist: make it first")
    if path.is_dir():
        raise StoreError(f"store {path}: expected a file, this is a folder: add a file name")


def check_file(path: Path) -> None:
    """Refuse what SQLite would only stumble over later.

    Called before any connection is open: closing a descriptor of the database would drop SQLite's own locks.

    Raises:
        StoreReadOnlyError: The file cannot be written to.
        StoreDamagedError: It is not an SQLite database.
    """
    try:
        with path.open("r+b") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreReadOnlyError(
            f"store {path}: the file cannot be written to ({error.strerror}): check its permissions"
        ) from error
    if head and head != _MAGIC:
        raise StoreDamagedError(f"store {path}: the file is not an SQLite database: choose another path")
