"""Author: writes to one session of a store, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, SessionId
from webchat_nb.stream.store import SessionCommit, Store

FIRST_MS = 1_700_000_000_000
"""The wall time at which an author begins, in milliseconds."""


@final
class Author:
    """Continues one session's log: knows its epoch and its head.

    Args:
        store: Open.
        session_id: Of a session that has no log yet.
        at_ms: The time of the first commit; each one is a second later than the one before.
    """

    def __init__(self, store: Store, session_id: str = "c1", *, at_ms: int = FIRST_MS) -> None:
        self.store = store
        self.session_id = SessionId(session_id)
        self.epoch: Epoch = store.new_epoch()
        self.head = Ordinal(0)
        self.at_ms = at_ms
        self.attributes: Mapping[str, str] = {}

    def draft(
        self,
        *payloads: bytes,
        base: int | None = None,
        rows: Sequence[EntityRow] = (),
        settled: int = 0,
        receipts: Sequence[Receipt] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> SessionCommit:
        """A commit with one event for each payload; nothing is written."""
        base = self.head if base is None else base
        return SessionCommit(
            session_id=self.session_id,
            epoch=self.epoch,
            base=Ordinal(base),
            events=[entry(base + n, payload, at_ms=self.at_ms) for n, payload in enumerate(payloads, 1)],
            rows=rows,
            settled=Ordinal(settled),
            attributes=self.attributes if attributes is None else attributes,
            receipts=receipts,
            at_ms=self.at_ms,
        )

    async def write(
        self,
        *payloads: bytes,
        rows: Sequence[EntityRow] = (),
        settled: int = 0,
        receipts: Sequence[Receipt] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Commit one event for each payload; attributes stay until they are given again."""
        commit = self.draft(*payloads, rows=rows, settled=settled, receipts=receipts, attributes=attributes)
        await self.store.commit([commit])
        self.head, self.attributes = commit.head, commit.attributes
        self.at_ms += 1000


def entry(ordinal: int, payload: bytes = b"text", *, at_ms: int = FIRST_MS, appends: bool = True) -> LogEntry:
    """An event as a store keeps it."""
    return LogEntry(ordinal=Ordinal(ordinal), name="ChatTokensDelta", payload=payload, at_ms=at_ms, appends=appends)


def row(
    id: str,
    created: int,
    updated: int | None = None,
    *,
    kind: str = "ChatMessage",
    payload: bytes = b"{}",
    removed: bool = False,
) -> EntityRow:
    """An entity as a store keeps it."""
    changed = created if updated is None else updated
    return EntityRow(
        kind=kind,
        id=id,
        created=Ordinal(created),
        updated=Ordinal(changed),
        rebased=Ordinal(changed),
        payload=b"" if removed else payload,
        removed=removed,
    )


def receipt(key: str, *, actor: str = "ann", session_id: str = "c1", answer: str = "started") -> Receipt:
    """The answer to a command."""
    return Receipt(
        session_id=SessionId(session_id),
        actor=actor,
        key=key,
        fingerprint="f1",
        answer={"status": answer},
        ordinal=Ordinal(1),
        at_ms=FIRST_MS,
    )
