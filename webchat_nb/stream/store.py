"""The store port: what the stream asks of a place that keeps logs, entities and receipts.

A store is told only facts that are decided: ordinals given, entities projected, bytes encoded. It keeps them all or
refuses them all. The memory store (``stores/memory.py``) is the readable definition; every store passes the contract
suite in ``webchat_nb.testing.store_contract``.

Rule: OR2, PL1, ST1-ST5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId


class SessionCommit(msgspec.Struct, frozen=True, kw_only=True):
    """All that one batch changes in one session.

    Attributes:
        base: The head the batch was projected on; the store refuses when its own head differs.
        events: Numbered base+1, base+2, …; empty only when nothing but rows are checkpointed.
        rows: Entities as they are now; each replaces a row that is not newer (ST4).
        replaces_rows: ``rows`` are all there are: the session's other rows go (a rebuild, PL3).
        next_epoch: The session's epoch from now on, when what clients hold no longer follows from their cursor.
        settled: See ``Session.settled``.
        attributes: The session's attributes as they are now.
        receipts: Answers of the commands in this batch.
        at_ms: When, for ``created_at_ms`` and ``updated_at_ms``.
    """

    session_id: SessionId
    epoch: Epoch
    base: Ordinal
    events: Sequence[LogEntry]
    rows: Sequence[EntityRow]
    settled: Ordinal
    attributes: Mapping[str, str]
    receipts: Sequence[Receipt] = ()
    at_ms: int = 0
    replaces_rows: bool = False
    next_epoch: Epoch | None = None

    @property
    def head(self) -> Ordinal:
        """The session's head after this commit."""
        return Ordinal(self.base + len(self.events))


class EntityPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in the order asked for, and whether there are more beyond."""

    rows: Sequence[EntityRow]
    has_more: bool


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, newest activity first; ``next`` continues where this page ends."""

    sessions: Sequence[Session]
    next: str | None = None


class StoreUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the store was opened, for metrics and benchmarks."""

    commits: int = 0
    events: int = 0
    rows: int = 0
    bytes_written: int = 0


TURN_S = 1.0
"""How long a turn lasts that nobody ends."""


class Leases(Protocol):
    """Who of several processes carries something out; a lease ends when its holder stops renewing it.

    Rule: RN3, OR4.
    """

    async def take(self, name: str) -> bool:
        """Hold the lease from now on, renewed until it is given back; False when another process holds it."""

    async def give_back(self, name: str) -> None:
        """Let another process have it at once; harmless when it is not held by this process."""

    async def is_held(self, name: str) -> bool:
        """Whether any process, this one included, holds it now."""

    @property
    def ttl_s(self) -> float:
        """How long a lease outlives a holder that died."""


class Sharing(Protocol):
    """What a store has that several processes write to.

    ``commit`` of such a store refuses a base that is no longer the head (``StoreConflictError``); who lost the race
    reads on from its own head and tries again.
    """

    leases: Leases

    async def take_turn(self, session_id: SessionId) -> bool:
        """Have the session to this process for a moment: commits of other processes wait, at most ``TURN_S``.

        For a process that lost races: whoever has the turn can read, decide and commit without another one. False when
        another process has it.
        """

    async def end_turn(self, session_id: SessionId) -> None:
        """Let the others go on; harmless when the turn is over."""

    async def head(self, session_id: SessionId) -> tuple[Epoch, Ordinal] | None:
        """The log's epoch and head as they are now, from the store itself; None without a log."""

    def watch(self, changed: Callable[[SessionId, Ordinal], None], doubted: Callable[[], None]) -> None:
        """Name who is told of what other processes do; set before ``open``, called on the event loop.

        Args:
            changed: Another process committed; the session's head is now at least this. 0: it was erased.
            doubted: Something may have been missed (the connection was lost): look at the heads.
        """


class Store(Protocol):
    """Keeps sessions.

    Methods are called on the event loop and may be called concurrently, except ``commit``, which the pipeline calls
    one at a time. Every method raises ``StoreError`` (or a finer one) when the store cannot do it; nothing is then changed.
    """

    @property
    def sharing(self) -> Sharing | None:
        """How other processes' writes are followed; None for a store that this process has to itself."""

    async def open(self) -> None:
        """Make ready: create, upgrade, check. Called once before anything else."""

    async def close(self) -> None:
        """Finish and let go; harmless when called twice."""

    def new_epoch(self) -> Epoch:
        """An epoch for a session that has no log yet."""

    async def session(self, session_id: SessionId) -> Session | None:
        """The session, or None when it has no log."""

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """Keep all of the batch, durably, or nothing of it.

        Raises:
            StoreConflictError: A session's head is not the commit's ``base``, or its epoch another one.
        """

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """The log after an ordinal, oldest first, at most ``limit``; empty at the head."""

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """The oldest event that is still in the log; head + 1 when none is."""

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """One row, a tombstone included; None when there never was one."""

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """All live rows of one kind, by (created, id)."""

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """The newest live rows with ``created`` < ``before``, given oldest first.

        Rows that share one ``created`` are never torn apart: a page may be longer than ``limit`` by those.
        ``hidden`` names the kinds that are left out.
        """

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """Rows with ``updated`` > ``after``, tombstones included, by (updated, kind, id); never torn, as above."""

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """The answer kept for a command's key."""

    async def sessions(
        self, *, limit: int, cursor: str | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """Sessions by newest ``updated_at_ms``; ``where`` is equality on attributes, ``search`` is in the title.

        Raises:
            BadRequestError: ``cursor`` is not one that this store gave.
        """

    async def prune(self, session_id: SessionId, *, upto: Ordinal) -> Ordinal:
        """Forget the oldest events of the log, up to and including an ordinal.

        Never past ``settled``: what is forgotten is in the rows, so head, epoch, rows, attributes and receipts stay
        as they are. May be done in pieces: whoever reads meanwhile finds a shorter log without a gap, and a crash
        leaves one. Repeating it is harmless.

        Args:
            session_id: One that does not exist has nothing to forget.
            upto: The newest event to forget; beyond ``settled`` it counts as ``settled``.

        Returns:
            The oldest event that is still in the log, as ``first_ordinal`` tells.

        Rule: ST8.
        """

    async def forget_receipts(self, session_id: SessionId, *, before_ms: int) -> int:
        """Forget the receipts of one session that are older; their commands would be carried out again.

        Nothing else changes. Repeating it is harmless.

        Args:
            session_id: One that does not exist has nothing to forget.
            before_ms: Receipts with an earlier ``at_ms`` go.

        Returns:
            How many went.

        Rule: HT3.
        """

    async def erase(self, session_id: SessionId) -> bool:
        """Forget the session entirely: log, rows, receipts. False when there was none."""

    def usage(self) -> StoreUsage:
        """What was written since ``open``."""
