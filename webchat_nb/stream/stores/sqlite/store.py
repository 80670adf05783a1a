"""SQLiteStore: the port on one SQLite file. Questions go to ``reads``, changes to ``writer``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar, final

from webchat_nb.errors import StoreError
from webchat_nb.stream.clock import Clock, SystemClock
from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionCommit, SessionPage, StoreUsage
from webchat_nb.stream.stores.identity import random_id
from webchat_nb.stream.stores.listing import read_cursor
from webchat_nb.stream.stores.sqlite import reads
from webchat_nb.stream.stores.sqlite.commit_points import Probe
from webchat_nb.stream.stores.sqlite.errors import Translated
from webchat_nb.stream.stores.sqlite.lock import FileLock
from webchat_nb.stream.stores.sqlite.opening import (
    ConnectionFactory,
    Connections,
    Synchronous,
    check_file,
    check_folder,
)
from webchat_nb.stream.stores.sqlite.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


@final
class SQLiteStore:
    """Keeps sessions in one file. One process at a time may have it open.

    Questions and the statements of a commit run on the event loop: they take microseconds and touch no disk but the
    page cache. What waits for the disk runs on threads of the store's own: ``COMMIT`` with its fsync under ``FULL``,
    checkpoints, erasing, opening and closing. Under ``NORMAL`` a commit has nothing to wait for and ends on the loop.

    A caller that is cancelled while its commit is under way is cancelled after it; the batch may be kept.

    Beside the file lie ``-wal`` and ``-shm`` (SQLite's, while open), ``-lock`` (one process) and ``-incarnation``
    (recognises restored backups, see ``incarnation.py``). Copy the database alone as a backup, after ``close``.

    Args:
        path: The file; made when it does not exist, its folder has to be there.
        synchronous: ``FULL``: what was acknowledged survives a power cut. ``NORMAL``: it survives ``kill -9``; a
            power cut may lose the last seconds. So after any unclean end under ``NORMAL`` all epochs change (OR3).
        max_bytes: The database grows no larger; then ``StoreFullError``. None: until the disk is full.
        patience_s: How long to wait, in seconds, for another program that writes to the file; then
            ``StoreLockedError``. The event loop is not blocked meanwhile.
        clock: Tells since when the file is open.
        new_id: Where epochs and the like come from.
        connection_factory: Makes what sqlite3 connects; for tests with disks that fail.
        probe: Called at each ``CommitPoint``, on the thread that writes; for tests that crash there.

    Rule: OR1-OR3, ST1-ST5, ST8.
    """

    sharing: Final = None

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Synchronous = "FULL",
        max_bytes: int | None = None,
        patience_s: float = 5.0,
        clock: Clock | None = None,
        new_id: Callable[[], str] = random_id,
        connection_factory: ConnectionFactory = sqlite3.Connection,
        probe: Probe | None = None,
    ) -> None:
        self._path = Path(path).resolve()  # two names of one file share its sidecars
        self._synchronous = synchronous
        self._max_bytes = max_bytes
        self._patience_s = patience_s
        self._connection_factory = connection_factory
        self._probe = probe
        self._clock = clock or SystemClock()
        self._new_id = new_id
        self._lock = FileLock(self._path)
        self._translated = Translated(self._path)
        self._writer = Writer(synchronous, self._translated, probe)
        self._was_opened = False

    async def open(self) -> None:
        """Lock, check, upgrade and set up the file.

        Raises:
            StoreLockedError: Another process, or another store of this one, has it open.
            StoreReadOnlyError, StoreDamagedError, StoreVersionError: As they say; the file is unchanged.
            StoreError: It was opened before, or its folder does not exist.
        """
        if self._was_opened:
            raise StoreError(f"store {self._path}: it was opened before; make a new one")
        self._was_opened = True
        await self._writer.open(self._connect)

    def _connect(self) -> Connections:
        check_folder(self._path)
        self._lock.acquire(self._clock.now_ms())
        try:
            check_file(self._path)
            return Connections(
                self._path,
                synchronous=self._synchronous,
                max_bytes=self._max_bytes,
                patience_s=self._patience_s,
                new_id=self._new_id,
                connection_factory=self._connection_factory,
                probe=self._probe,
                let_go=self._lock.release,
            )
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        """Finish what is under way, bring everything into the one file and let go of it; harmless when called twice.

        Raises:
            StoreError: The last clean-up failed, such as on a full disk. Nothing is lost, the file is let go of.
        """
        await self._writer.close()

    def new_epoch(self) -> Epoch:
        """An epoch for a session that has no log yet."""
        self._require_open()
        return Epoch(self._new_id())

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """Keep all of the batch, durably, or nothing of it.

        Raises:
            StoreConflictError: A session's head is not the commit's ``base``, or its epoch another one.
            StoreFullError, StoreLockedError, StoreError: It could not be written. The next commit may succeed.
        """
        if batch:
            await self._writer.commit(batch, self._require_open)
        else:
            self._require_open()

    async def prune(self, session_id: SessionId, *, upto: Ordinal) -> Ordinal:
        """Forget the oldest events of the log, up to an ordinal and never past ``settled``.

        Done in pieces, so that commits wait for one piece at most. The space is used again by later rows, and given
        back to the file system at a clean close. What is forgotten is overwritten in the database at once; the
        write-ahead log holds it until a later checkpoint.

        Returns:
            The oldest event that is still in the log.
        """
        return await self._writer.prune(session_id, upto, self._require_open)

    async def forget_receipts(self, session_id: SessionId, *, before_ms: int) -> int:
        """Forget the receipts of one session that are older; writes only when there are some. Returns how many went."""
        if not self._ask(reads.has_older_receipts, session_id, before_ms):
            return 0
        return await self._writer.forget_receipts(session_id, before_ms, self._require_open)

    async def erase(self, session_id: SessionId) -> bool:
        """Forget the session entirely: what is deleted is overwritten, in the database and in the write-ahead log.

        Returns:
            False when it had no log.
        """
        return await self._writer.erase(session_id, self._require_open)

    async def session(self, session_id: SessionId) -> Session | None:
        """The session, or None when it has no log."""
        return self._ask(reads.session, session_id, self._require_open().generation)

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """The log after an ordinal, oldest first, at most ``limit``."""
        return self._ask(reads.events, session_id, after, limit)

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """The oldest event that is still in the log; head + 1 when none is."""
        return self._ask(reads.first_ordinal, session_id)

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """One row, a tombstone included; None when there never was one."""
        return self._ask(reads.entity, session_id, kind, id)

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """All live rows of one kind, by (created, id)."""
        return self._ask(reads.entities, session_id, kind)

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """The newest live rows with ``created`` < ``before``, by (created, kind, id)."""
        return self._ask(reads.window, session_id, limit=limit, before=before, hidden=hidden)

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """Rows with ``updated`` > ``after``, tombstones included, by (updated, kind, id)."""
        return self._ask(reads.changed, session_id, after=after, limit=limit, hidden=hidden)

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """The first answer kept for a command's key."""
        return self._ask(reads.receipt, session_id, actor, key)

    async def sessions(
        self, *, limit: int, cursor: str | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """Sessions by newest activity; see ``webchat_nb.stream.stores.listing``."""
        generation, after = self._require_open().generation, read_cursor(cursor)
        return self._ask(reads.sessions, generation, limit=limit, after=after, where=where, search=search)

    def usage(self) -> StoreUsage:
        """What was written since ``open``.

        ``bytes_written`` is what went into the write-ahead log; checkpoints write each changed page once more.
        """
        return self._writer.usage(self._require_open())

    def _ask(self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        connections = self._require_open()
        with self._translated:
            return question(connections.read, *args, **kwargs)

    def _require_open(self) -> Connections:
        connections = self._writer.connections
        if connections is None:
            raise StoreError(f"store {self._path}: it is not open")
        return connections
