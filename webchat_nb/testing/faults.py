"""Ways to make a store fail, to see that a chat lives on.

- ``FaultyStore`` stands before any store: the next call of a method is refused, or done and its answer lost.
- ``FaultyDisk`` makes sqlite3 itself fail at a statement, as a dying disk does.
- ``limited_files`` and ``locked`` bring about the real thing: no more space, another program that writes.

Rule: ST5.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, final

from webchat_nb.errors import StoreError
from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionCommit, SessionPage, Sharing, Store, StoreUsage

T = TypeVar("T")
Method = Literal[
    "open",
    "close",
    "session",
    "commit",
    "events",
    "first_ordinal",
    "entity",
    "entities",
    "window",
    "changed",
    "receipt",
    "sessions",
    "prune",
    "forget_receipts",
    "erase",
]


@final
class FaultyStore:
    """A store whose next calls fail as planned; with nothing planned it is the store itself.

    Args:
        store: What really keeps the sessions.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._planned: dict[str, list[tuple[StoreError, bool]]] = {}
        self._meanwhile: dict[str, Callable[[], Awaitable[object]]] = {}

    def fail(self, method: Method, error: StoreError, *, times: int = 1, answer_lost: bool = False) -> None:
        """Make the next calls of a method fail, after those that are planned already.

        Args:
            method: Its name in the port.
            error: What is raised.
            times: How many calls fail.
            answer_lost: The store does what it is asked, and only then is the error raised: whoever asked cannot know.
        """
        self._planned.setdefault(method, []).extend([(error, answer_lost)] * times)

    def meanwhile(self, method: Method, happen: Callable[[], Awaitable[object]]) -> None:
        """Let something happen once, right after the next call of a method was answered: a race, on purpose."""
        self._meanwhile[method] = happen

    @property
    def sharing(self) -> Sharing | None:
        """The store's own."""
        return self._store.sharing

    async def _ask(self, method: Method, ask: Callable[[], Awaitable[T]]) -> T:
        planned = self._planned.get(method)
        error, answer_lost = planned.pop(0) if planned else (None, True)
        if error is not None and not answer_lost:
            raise error
        answer = await ask()
        if error is not None:
            raise error
        happen = self._meanwhile.pop(method, None)
        if happen is not None:
            await happen()
        return answer

    async def open(self) -> None:
        """As the store."""
        await self._ask("open", self._store.open)

    async def close(self) -> None:
        """As the store."""
        await self._ask("close", self._store.close)

    def new_epoch(self) -> Epoch:
        """As the store."""
        return self._store.new_epoch()

    async def session(self, session_id: SessionId) -> Session | None:
        """As the store, unless planned otherwise."""
        return await self._ask("session", lambda: self._store.session(session_id))

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """As the store, unless planned otherwise."""
        await self._ask("commit", lambda: self._store.commit(batch))

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """As the store, unless planned otherwise."""
        return await self._ask("events", lambda: self._store.events(session_id, after, limit))

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """As the store, unless planned otherwise."""
        return await self._ask("first_ordinal", lambda: self._store.first_ordinal(session_id))

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """As the store, unless planned otherwise."""
        return await self._ask("entity", lambda: self._store.entity(session_id, kind, id))

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """As the store, unless planned otherwise."""
        return await self._ask("entities", lambda: self._store.entities(session_id, kind))

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """As the store, unless planned otherwise."""
        return await self._ask(
            "window", lambda: self._store.window(session_id, limit=limit, before=before, hidden=hidden)
        )

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """As the store, unless planned otherwise."""
        return await self._ask(
            "changed", lambda: self._store.changed(session_id, after=after, limit=limit, hidden=hidden)
        )

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """As the store, unless planned otherwise."""
        return await self._ask("receipt", lambda: self._store.receipt(session_id, actor, key))

    async def sessions(
        self, *, limit: int, cursor: str | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """As the store, unless planned otherwise."""
        return await self._ask(
            "sessions", lambda: self._store.sessions(limit=limit, cursor=cursor, where=where, search=search)
        )

    async def prune(self, session_id: SessionId, *, upto: Ordinal) -> Ordinal:
        """As the store, unless planned otherwise."""
        return await self._ask("prune", lambda: self._store.prune(session_id, upto=upto))

    async def forget_receipts(self, session_id: SessionId, *, before_ms: int) -> int:
        """As the store's."""
        return await self._ask("forget_receipts", lambda: self._store.forget_receipts(session_id, before_ms=before_ms))

    async def erase(self, session_id: SessionId) -> bool:
        """As the store, unless planned otherwise."""
        return await self._ask("erase", lambda: self._store.erase(session_id))

    def usage(self) -> StoreUsage:
        """As the store."""
        return self._store.usage()


@dataclass(slots=True)
class _Failure:
    statement: str
    code: int
    after: int
    answer_lost: bool


@final
class FaultyDisk:
    """Makes the SQLite store's statements fail: ``SQLiteStore(path, connection_factory=disk.connection_factory)``."""

    def __init__(self) -> None:
        self._planned: list[_Failure] = []
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, /, *args: Any) -> sqlite3.Cursor:
                return disk._do(sql, lambda: sqlite3.Connection.execute(self, sql, *args))

            def executemany(self, sql: str, /, *args: Any) -> sqlite3.Cursor:
                return disk._do(sql, lambda: sqlite3.Connection.executemany(self, sql, *args))

        self.connection_factory: type[sqlite3.Connection] = Connection

    def fail(
        self,
        statement: str,
        code: int = sqlite3.SQLITE_IOERR_WRITE,
        *,
        after: int = 0,
        answer_lost: bool = False,
    ) -> None:
        """Make a statement that begins with these words fail, once.

        Args:
            statement: Such as ``COMMIT`` or ``INSERT INTO events``.
            code: sqlite3's extended error code.
            after: How many such statements succeed first.
            answer_lost: The statement is carried out, and then reported as failed.
        """
        self._planned.append(_Failure(statement, code, after, answer_lost))

    @property
    def has_failed(self) -> bool:
        """All that was planned has happened."""
        return not self._planned

    def _do(self, sql: str, do: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        failure = next((planned for planned in self._planned if sql.lstrip().startswith(planned.statement)), None)
        if failure is None:
            return do()
        if failure.after > 0:
            failure.after -= 1
            return do()
        self._planned.remove(failure)
        if failure.answer_lost:
            do()
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = failure.code
        raise error


@contextmanager
def limited_files(limit_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond a size while the block runs; writing more fails in the operating system.

    Not on Windows. Concerns every file of the process, those of the test runner included.
    """
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is writing to a SQLite file while the block runs."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
