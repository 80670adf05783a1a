"""RedisStore: the port on one Redis. Questions go to ``reads``, changes to ``writes``, news come by ``sharing``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import final

from webchat_nb.errors import StoreError
from webchat_nb.stream.clock import Clock, SystemClock
from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionCommit, SessionPage, Sharing, StoreUsage
from webchat_nb.stream.stores.identity import random_id
from webchat_nb.stream.stores.listing import read_cursor
from webchat_nb.stream.stores.redis.address import Address
from webchat_nb.stream.stores.redis.keys import Keys
from webchat_nb.stream.stores.redis.leases import RedisLeases
from webchat_nb.stream.stores.redis.link import Link
from webchat_nb.stream.stores.redis.reads import Reader
from webchat_nb.stream.stores.redis.recognition import Recognition
from webchat_nb.stream.stores.redis.scripts import FORGET_RECEIPTS, PRUNE
from webchat_nb.stream.stores.redis.sharing import RedisSharing
from webchat_nb.stream.stores.redis.writes import Writer

_log = logging.getLogger(__name__)


@final
class RedisStore:
    """Keeps sessions in Redis; several servers may have it open at a time.

    How much survives is up to Redis: with ``appendonly yes`` and ``appendfsync always`` all that was acknowledged
    survives a power cut, as in the SQLite store. With less, a restart of Redis may lose the last moment, and therefore
    changes all epochs (OR3). Redis has to be told not to evict anything (``maxmemory-policy noeviction``).

    While Redis is away, commits wait and are tried again for ``patience_s``, so that a running answer survives a
    restart; questions, erasures and leases fail after half a second with ``StoreUnreachableError``.

    What is erased is gone from Redis at once; from its append-only file at its next rewrite.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, or the same with ``rediss`` or ``unix``.
        prefix: Of all keys and the channel, so that a Redis may be shared: 1-64 of ``A-Z a-z 0-9 . _ -``.
        clock: Tells how long we have waited.
        new_id: Where epochs and names of writers come from.
        lease_ttl_s: How long a lease outlives a server that died.
        patience_s: How long a commit is tried while Redis is away.

    Raises:
        ConfigError: The URL or the prefix is not of that form.

    Rule: OR1-OR4, ST1, ST3-ST5, ST8, ST10.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "webchat",
        clock: Clock | None = None,
        new_id: Callable[[], str] = random_id,
        lease_ttl_s: float = 10.0,
        patience_s: float = 30.0,
    ) -> None:
        address = Address(url, prefix)
        clock, name = clock or SystemClock(), random_id()  # a name is never used again, whatever new_id gives
        self._where = address.shown
        self._new_id = new_id
        self._keys = keys = Keys(prefix)
        recognition = Recognition(prefix=prefix, writer=name, where=address.shown, clock=clock, new_id=random_id)
        self._link = link = Link(address, recognition, clock)
        self._reader = Reader(link, keys)
        self._writer = Writer(
            link=link, recognition=recognition, prefix=prefix, name=name, patience_s=patience_s, clock=clock
        )
        self._name = name
        self._leases = RedisLeases(link=link, keys=keys, holder=name, ttl_s=lease_ttl_s, clock=clock)
        self._sharing = RedisSharing(
            link=link, reader=self._reader, leases=self._leases, keys=keys, writer=name, clock=clock
        )
        self._is_open = False
        self._was_opened = False

    @property
    def sharing(self) -> Sharing:
        """How other processes' writes are followed."""
        return self._sharing

    async def open(self) -> None:
        """Connect, check Redis and the keys in it, listen to the other servers.

        Raises:
            StoreUnreachableError: Redis does not answer.
            StoreReadOnlyError, StoreVersionError, StoreDamagedError: As they say; nothing is changed.
            StoreError: Redis refuses the login, evicts keys, is too old or a cluster; or the store was opened before.
        """
        if self._was_opened:
            raise StoreError(f"store {self._where}: it was opened before; make a new one")
        self._was_opened = True
        try:
            await self._link.ask("PING")
            await self._sharing.open()
        except BaseException:
            await self._link.close()
            raise
        self._is_open = True

    async def close(self) -> None:
        """Finish the write that is under way, give the leases back and disconnect; harmless when called twice."""
        async with self._writer.turn:
            if not self._is_open:
                return
            self._is_open = False
        await self._sharing.close()
        await self._leases.close()
        try:
            await self._link.ask("DEL", self._keys.of("writer", self._name))
        except StoreError as error:  # it is forgotten a day later anyway
            _log.info("closing without Redis: %s", error)
        await self._link.close()

    def new_epoch(self) -> Epoch:
        """An epoch for a session that has no log yet."""
        self._require_open()
        return Epoch(self._new_id())

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """Keep all of the batch or nothing of it, as durably as Redis is set to.

        Raises:
            StoreConflictError: A session's head is not the commit's ``base``, or its epoch another one.
            StoreUnreachableError: Redis was away for ``patience_s``. Whether the batch was kept is not known: read the
                heads again before going on.
            StoreFullError, StoreReadOnlyError, StoreError: Redis refused it. Nothing is kept.
        """
        async with self._writer.turn:
            self._require_open()
            if batch:
                await self._writer.commit(batch)

    async def prune(self, session_id: SessionId, *, upto: Ordinal) -> Ordinal:
        """Forget the oldest events, up to an ordinal and never past ``settled``. Returns the oldest one that stays."""
        self._require_open()
        keys = (self._keys.of("session", session_id), self._keys.of("log", session_id))
        return Ordinal(int(await self._link.run(PRUNE, *keys, max(0, upto))))

    async def forget_receipts(self, session_id: SessionId, *, before_ms: int) -> int:
        """Forget the receipts of one session that are older. Returns how many went."""
        self._require_open()
        return int(await self._link.run(FORGET_RECEIPTS, self._keys.of("receipts", session_id), before_ms))

    async def erase(self, session_id: SessionId) -> bool:
        """Forget the session entirely. False when it had no log."""
        async with self._writer.turn:
            self._require_open()
            return await self._writer.erase(session_id)

    async def session(self, session_id: SessionId) -> Session | None:
        """The session, or None when it has no log."""
        return await self._require_open().session(session_id)

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """The log after an ordinal, oldest first, at most ``limit``."""
        return await self._require_open().events(session_id, after, limit)

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """The oldest event that is still in the log; head + 1 when none is."""
        return await self._require_open().first_ordinal(session_id)

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """One row, a tombstone included; None when there never was one."""
        return await self._require_open().entity(session_id, kind, id)

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """All live rows of one kind, by (created, id)."""
        return await self._require_open().entities(session_id, kind)

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """The newest live rows with ``created`` < ``before``, by (created, kind, id)."""
        return await self._require_open().window(session_id, limit=limit, before=before, hidden=hidden)

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """Rows with ``updated`` > ``after``, tombstones included, by (updated, kind, id)."""
        return await self._require_open().changed(session_id, after=after, limit=limit, hidden=hidden)

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """The first answer kept for a command's key."""
        return await self._require_open().receipt(session_id, actor, key)

    async def sessions(
        self, *, limit: int, cursor: str | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """Sessions by newest activity; see ``webchat_nb.stream.stores.listing``."""
        reader, after = self._require_open(), read_cursor(cursor)
        return await reader.sessions(limit=limit, after=after, where=where, search=search)

    def usage(self) -> StoreUsage:
        """What was written since ``open``; ``bytes_written`` is what was sent to Redis, without the protocol."""
        self._require_open()
        return self._writer.usage()

    def _require_open(self) -> Reader:
        if not self._is_open:
            raise StoreError(f"store {self._where}: it is not open")
        return self._reader
