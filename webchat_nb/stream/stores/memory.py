"""MemoryStore: the readable definition of a store.

Plain dicts and lists, no speed tricks: where the port's docstrings leave a question, this file is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import msgspec

from webchat_nb.errors import StoreError
from webchat_nb.stream.model import EntityKey, EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionCommit, SessionPage, StoreUsage
from webchat_nb.stream.stores.continuity import check_follows
from webchat_nb.stream.stores.identity import random_id
from webchat_nb.stream.stores.listing import page_of, place_of, read_cursor, searchable


@dataclass(slots=True, kw_only=True)
class _Kept:
    """All that is kept of one session."""

    session: Session
    log: list[LogEntry] = field(default_factory=list)
    rows: dict[EntityKey, EntityRow] = field(default_factory=dict)
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)


@final
class MemoryStore:
    """Keeps sessions until the process ends.

    It has no past: a new store is empty, and the same session id gets another epoch in it.

    Args:
        new_id: Where epochs come from.

    Rule: OR3, ST1, ST4, ST8.
    """

    sharing: Final = None

    def __init__(self, *, new_id: Callable[[], str] = random_id) -> None:
        self._new_id = new_id
        self._kept: dict[SessionId, _Kept] = {}
        self._usage = StoreUsage()
        self._is_open = False
        self._was_opened = False

    async def open(self) -> None:
        """Make ready.

        Raises:
            StoreError: It was opened before.
        """
        if self._was_opened:
            raise StoreError("memory store: it was opened before; make a new one")
        self._is_open = self._was_opened = True

    async def close(self) -> None:
        """Forget everything; harmless when called twice."""
        self._is_open = False
        self._kept.clear()

    def new_epoch(self) -> Epoch:
        """An epoch for a session that has no log yet."""
        self._require_open()
        return Epoch(self._new_id())

    async def session(self, session_id: SessionId) -> Session | None:
        """The session, or None when it has no log."""
        kept = self._find(session_id)
        return kept.session if kept and kept.session.exists else None

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """Keep all of the batch or nothing of it: everything is checked before anything is changed."""
        self._require_open()
        self._check(batch)
        for commit in batch:
            self._apply(commit)
        if batch:
            self._usage = StoreUsage(
                commits=self._usage.commits + 1,
                events=self._usage.events + sum(len(commit.events) for commit in batch),
                rows=self._usage.rows + sum(len(commit.rows) for commit in batch),
            )

    def _check(self, batch: Sequence[SessionCommit]) -> None:
        known: dict[SessionId, tuple[Ordinal, Epoch]] = {}
        for commit in batch:
            kept = self._kept.get(commit.session_id)
            stored = (kept.session.head, kept.session.epoch) if kept else (Ordinal(0), commit.epoch)
            head, epoch = known.get(commit.session_id, stored)
            check_follows(commit, head=head, epoch=epoch if head else commit.epoch)
            known[commit.session_id] = (commit.head, commit.epoch)

    def _apply(self, commit: SessionCommit) -> None:
        kept = self._kept.get(commit.session_id)
        if kept is None:
            born = Session(session_id=commit.session_id, epoch=commit.epoch, created_at_ms=commit.at_ms)
            kept = self._kept[commit.session_id] = _Kept(session=born)
        old = kept.session
        kept.session = msgspec.structs.replace(
            old,
            epoch=commit.next_epoch or commit.epoch,
            head=commit.head,
            settled=commit.settled,
            attributes=dict(commit.attributes),
            created_at_ms=old.created_at_ms if old.exists else commit.at_ms,
            updated_at_ms=commit.at_ms if commit.events else old.updated_at_ms,
        )
        kept.log.extend(commit.events)
        if commit.replaces_rows:
            kept.rows.clear()
        for row in commit.rows:
            there = kept.rows.get((row.kind, row.id))
            if there is None or there.updated <= row.updated:
                kept.rows[row.kind, row.id] = row
        for receipt in commit.receipts:
            kept.receipts.setdefault((receipt.actor, receipt.key), receipt)

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """The log after an ordinal, oldest first, at most ``limit``."""
        kept = self._find(session_id)
        return [entry for entry in kept.log if entry.ordinal > after][: max(0, limit)] if kept else []

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """The oldest event that is still in the log; head + 1 when none is."""
        kept = self._find(session_id)
        if kept is None:
            return Ordinal(1)
        return kept.log[0].ordinal if kept.log else Ordinal(kept.session.head + 1)

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """One row, a tombstone included; None when there never was one."""
        kept = self._find(session_id)
        return kept.rows.get((kind, id)) if kept else None

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """All live rows of one kind, by (created, id)."""
        rows = [row for row in self._rows(session_id) if row.kind == kind and not row.removed]
        return sorted(rows, key=lambda row: (row.created, row.id))

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """The newest live rows with ``created`` < ``before``, by (created, kind, id)."""
        rows = [
            row
            for row in self._rows(session_id)
            if not row.removed and row.kind not in hidden and (before is None or row.created < before)
        ]
        newest = sorted((row.created for row in rows), reverse=True)[: max(1, limit)]
        shown = [row for row in rows if row.created >= newest[-1]]
        return EntityPage(
            rows=sorted(shown, key=lambda row: (row.created, row.kind, row.id)), has_more=len(shown) < len(rows)
        )

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """Rows with ``updated`` > ``after``, tombstones included, by (updated, kind, id)."""
        rows = [row for row in self._rows(session_id) if row.updated > after and row.kind not in hidden]
        oldest = sorted(row.updated for row in rows)[: max(1, limit)]
        shown = [row for row in rows if row.updated <= oldest[-1]]
        return EntityPage(
            rows=sorted(shown, key=lambda row: (row.updated, row.kind, row.id)), has_more=len(shown) < len(rows)
        )

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """The first answer kept for a command's key."""
        kept = self._find(session_id)
        return kept.receipts.get((actor, key)) if kept else None

    async def sessions(
        self, *, limit: int, cursor: str | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """Sessions by newest activity; see ``webchat_nb.stream.stores.listing``."""
        self._require_open()
        after = read_cursor(cursor)
        sought = searchable(search or "")
        found = [
            session
            for session in (kept.session for kept in self._kept.values())
            if session.exists
            and (after is None or place_of(session) < after)
            and all(session.attributes.get(name) == value for name, value in where.items())
            and sought in searchable(session.attributes.get("title", ""))
        ]
        return page_of(sorted(found, key=place_of, reverse=True), limit)

    async def prune(self, session_id: SessionId, *, upto: Ordinal) -> Ordinal:
        """Forget the oldest events, up to an ordinal and never past ``settled``. Returns the oldest one that stays."""
        kept = self._find(session_id)
        if kept is not None:
            last = min(upto, kept.session.settled)
            kept.log = [entry for entry in kept.log if entry.ordinal > last]
        return await self.first_ordinal(session_id)

    async def forget_receipts(self, session_id: SessionId, *, before_ms: int) -> int:
        """Forget the receipts of one session that are older. Returns how many went."""
        kept = self._find(session_id)
        if kept is None:
            return 0
        old = [place for place, receipt in kept.receipts.items() if receipt.at_ms < before_ms]
        for place in old:
            del kept.receipts[place]
        return len(old)

    async def erase(self, session_id: SessionId) -> bool:
        """Forget the session entirely. False when it had no log."""
        self._require_open()
        kept = self._kept.pop(session_id, None)
        return kept is not None and kept.session.exists

    def usage(self) -> StoreUsage:
        """What was kept since ``open``; nothing is written anywhere, so ``bytes_written`` stays 0."""
        self._require_open()
        return self._usage

    def _rows(self, session_id: SessionId) -> Sequence[EntityRow]:
        kept = self._find(session_id)
        return list(kept.rows.values()) if kept else []

    def _find(self, session_id: SessionId) -> _Kept | None:
        self._require_open()
        return self._kept.get(session_id)

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreError("memory store: it is not open")
