"""Who writes when, and on which thread: one transaction at a time, and the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import final

from webchat_nb.stream.model import Ordinal
from webchat_nb.stream.store import SessionCommit, StoreUsage
from webchat_nb.stream.stores.sqlite import writes
from webchat_nb.stream.stores.sqlite.commit_points import CommitPoint, Probe
from webchat_nb.stream.stores.sqlite.disk_thread import DiskThread
from webchat_nb.stream.stores.sqlite.opening import Connections, Synchronous

_CHECKPOINT_FRAMES = 1000
"""Pages in the write-ahead log (4 MB) after which a checkpoint copies them into the database."""

_OVERDUE_FRAMES = 8 * _CHECKPOINT_FRAMES
"""Pages after which commits wait for the checkpoint, so that the log does not grow for ever under a steady load."""

_PRUNED_AT_ONCE = 2000
"""Events deleted in one transaction: commits wait some 10 ms for it."""


@final
class Writer:
    """Transactions on the write connection, checkpoints on their own.

    The statements of a commit run on the event loop: they take microseconds and stay in memory. Only ``COMMIT`` goes
    to a thread when it ends with an fsync. One call there, instead of many, matters beside a busy loop: the thread has
    to get the interpreter back after every call into SQLite.

    Args:
        synchronous: ``FULL``: each COMMIT is an fsync. ``NORMAL``: only one that starts the write-ahead log anew is.
        translated: Turns sqlite3's errors into ours.
        probe: Called at each commit point.
    """

    def __init__(
        self, synchronous: Synchronous, translated: AbstractContextManager[None], probe: Probe | None = None
    ) -> None:
        self._probe = probe
        self._synchronous = synchronous
        self._translated = translated
        self._committer = DiskThread("webchat-commit")
        self._checkpointer = DiskThread("webchat-checkpoint")
        self._turn = asyncio.Lock()
        self._is_checkpointing = False
        self._next_commit_syncs = False
        self._commit_count = self._event_count = self._row_count = 0
        self.connections: Connections | None = None

    async def open(self, connect: Callable[[], Connections]) -> None:
        """Start the threads and connect on one of them."""
        self._committer.start()
        self._checkpointer.start()

        def connect_and_keep() -> None:
            with self._translated:
                self.connections = connect()

        try:
            await self._committer.run(connect_and_keep)
        except BaseException:
            await self.close()  # cancelled just after connecting
            self._stop_threads()
            raise

    async def close(self) -> None:
        """After what was asked for before, bring everything into the one file and disconnect."""
        async with self._turn:
            connections, self.connections = self.connections, None
            if connections is None:
                return
            try:
                await self._checkpointer.run(lambda: None)  # what was posted there is done
            finally:  # also when cancelled
                try:
                    with self._translated:
                        await self._committer.run(connections.close_cleanly)
                finally:
                    self._stop_threads()

    def _stop_threads(self) -> None:
        self._committer.stop()
        self._checkpointer.stop()

    async def commit(self, batch: Sequence[SessionCommit], require_open: Callable[[], Connections]) -> None:
        """Keep all of the batch or nothing."""
        async with self._turn:
            connections = require_open()
            write = connections.write
            self._pass(CommitPoint.BATCH_GATHERED)
            with self._translated:
                try:
                    await self._begin(connections)
                    self._pass(CommitPoint.BEGUN)
                    for commit in batch:
                        writes.keep(write, commit, connections.generation, self._probe)
                    self._pass(CommitPoint.BEFORE_COMMIT)
                    await self._end(write)
                except BaseException:
                    _roll_back(write)
                    raise
            self._pass(CommitPoint.COMMITTED)
            self._commit_count += 1
            self._event_count += sum([len(commit.events) for commit in batch])
            self._row_count += sum([len(commit.rows) for commit in batch])
            await self._checkpoint_when_due(connections)

    def _pass(self, point: CommitPoint) -> None:
        if self._probe is not None:
            self._probe(point)

    async def _begin(self, connections: Connections) -> None:
        _roll_back(connections.write)  # what could not be undone when it failed
        try:
            connections.write.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            await self._committer.run(connections.begin_patiently)

    async def _end(self, write: sqlite3.Connection) -> None:
        if self._synchronous == "FULL" or self._next_commit_syncs:
            self._next_commit_syncs = False
            await self._committer.run(partial(write.execute, "COMMIT"))
        else:
            write.execute("COMMIT")

    async def _checkpoint_when_due(self, connections: Connections) -> None:
        wal = connections.wal
        wal.advance()
        if wal.frames_since_checkpoint < _CHECKPOINT_FRAMES:
            return
        if wal.frame_count >= _OVERDUE_FRAMES:
            await self._checkpointer.run(partial(self._checkpoint, connections))
        elif not self._is_checkpointing:
            self._is_checkpointing = True
            self._checkpointer.post(partial(self._checkpoint, connections))
        wal.frames_since_checkpoint = 0

    def _checkpoint(self, connections: Connections, mode: str = "PASSIVE") -> None:
        """On the checkpoint thread. Failing is no harm: the log keeps everything, and the next one tries again."""
        self._pass(CommitPoint.BEFORE_CHECKPOINT)
        try:
            answer = connections.checkpoint.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            _, frame_count, copied_count = answer
            if frame_count == copied_count:  # the next commit starts the log anew, which is an fsync in any mode
                self._next_commit_syncs = True
        except sqlite3.Error:
            pass
        finally:
            self._is_checkpointing = False
        self._pass(CommitPoint.CHECKPOINTED)

    async def prune(self, session_id: str, upto: Ordinal, require_open: Callable[[], Connections]) -> Ordinal:
        """Forget the oldest events in pieces; commits come in between. Stops when the log became another one."""
        epoch: str | None = None
        while True:
            async with self._turn:
                connections = require_open()
                with self._translated:
                    pruned = await self._committer.run(partial(self._prune_some, connections, session_id, upto))
                await self._checkpoint_when_due(connections)
            if pruned.is_done or epoch not in (None, pruned.epoch):
                return pruned.first
            epoch = pruned.epoch

    async def forget_receipts(self, session_id: str, before_ms: int, require_open: Callable[[], Connections]) -> int:
        """Delete a session's older receipts. Returns how many."""
        async with self._turn:
            connections = require_open()
            with self._translated:
                count = await self._committer.run(partial(self._forget_receipts, connections, session_id, before_ms))
            await self._checkpoint_when_due(connections)
            return count

    async def erase(self, session_id: str, require_open: Callable[[], Connections]) -> bool:
        """Delete a session; what is deleted is overwritten, in the database and in the write-ahead log."""
        async with self._turn:
            connections = require_open()
            with self._translated:
                erased = await self._committer.run(partial(self._erase, connections, session_id))
            connections.wal.advance()
            await self._checkpointer.run(partial(self._checkpoint, connections, "TRUNCATE"))
            return erased

    def _prune_some(self, connections: Connections, session_id: str, upto: Ordinal) -> writes.Pruned:
        with self._transaction(connections) as write:
            pruned = writes.prune_some(write, session_id, upto, _PRUNED_AT_ONCE)
            self._pass(CommitPoint.PRUNE_DELETED)
        self._pass(CommitPoint.PRUNED)
        return pruned

    def _forget_receipts(self, connections: Connections, session_id: str, before_ms: int) -> int:
        with self._transaction(connections) as write:
            return writes.forget_receipts(write, session_id, before_ms)

    def _erase(self, connections: Connections, session_id: str) -> bool:
        with self._transaction(connections) as write:
            erased = writes.erase(write, session_id)
            self._pass(CommitPoint.ERASE_DELETED)
        self._pass(CommitPoint.ERASED)
        return erased

    @contextmanager
    def _transaction(self, connections: Connections) -> Iterator[sqlite3.Connection]:
        """On the commit thread: kept whole when the block ends, not at all when it raises."""
        write = connections.write
        _roll_back(write)
        try:
            connections.begin_patiently()
            yield write
            write.execute("COMMIT")
        except BaseException:
            _roll_back(write)
            raise

    def usage(self, connections: Connections) -> StoreUsage:
        """What was written since ``open``."""
        return StoreUsage(
            commits=self._commit_count,
            events=self._event_count,
            rows=self._row_count,
            bytes_written=connections.wal.bytes_written,
        )


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo what is under way. When even that fails the next transaction tries it again; the first error is told."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:  # SQLite may have done it itself
            connection.execute("ROLLBACK")
