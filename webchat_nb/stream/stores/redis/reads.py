"""Every question to the store, and Redis's answers as records. A question is one step: it sees no half of a commit.

Rule: OR3, OR4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, final

import msgspec

from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionPage
from webchat_nb.stream.stores.generation import wire_epoch
from webchat_nb.stream.stores.listing import Place, page_of, place_of, searchable
from webchat_nb.stream.stores.redis.keys import Keys, beginning, joined, parted
from webchat_nb.stream.stores.redis.link import Link
from webchat_nb.stream.stores.redis.scripts import KIND, LIST, PAGE, SESSION
from webchat_nb.stream.stores.redis.writes import INDEXED, KeptReceipt

_SCANNED = 200
"""Sessions that are looked at in one step when only some of them may fit."""

_MAX_ORDINAL: Final = 2**53

_attributes_from_json = msgspec.json.Decoder(dict[str, str]).decode
_receipt_from_json = msgspec.json.Decoder(KeptReceipt).decode


@final
class Reader:
    """Asks Redis."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def session(self, session_id: SessionId) -> Session | None:
        """The session, or None when it has no log."""
        generation, facts = await self._link.run(SESSION, self._keys.prefix, session_id)
        session = _to_session(session_id, facts, generation.decode())
        return session if session is not None and session.exists else None

    async def events(self, session_id: SessionId, after: Ordinal, limit: int) -> Sequence[LogEntry]:
        """The log after an ordinal, oldest first, at most ``limit``."""
        if limit < 1:
            return []
        first = f"{min(max(0, after) + 1, _MAX_ORDINAL)}-0"
        found = await self._link.ask("XRANGE", self._keys.of("log", session_id), first, "+", "COUNT", limit)
        return [_to_entry(stream_id, fields) for stream_id, fields in found]

    async def first_ordinal(self, session_id: SessionId) -> Ordinal:
        """The oldest event that is still in the log; head + 1 when none is."""
        first = await self._link.ask("HGET", self._keys.of("session", session_id), "first")
        return Ordinal(int(first or 1))

    async def entity(self, session_id: SessionId, kind: str, id: str) -> EntityRow | None:
        """One row, a tombstone included."""
        found = await self._link.ask("HGET", self._keys.of("rows", session_id), joined(kind, id))
        return None if found is None else _to_row(joined(kind, id), found)

    async def entities(self, session_id: SessionId, kind: str) -> Sequence[EntityRow]:
        """All live rows of one kind, by (created, id)."""
        index, rows = self._keys.of("kinds", session_id), self._keys.of("rows", session_id)
        found = _to_rows(await self._link.run(KIND, index, rows, beginning(kind)))
        return sorted(found, key=attrgetter("created", "id"))

    async def window(
        self, session_id: SessionId, *, limit: int, before: Ordinal | None, hidden: Sequence[str]
    ) -> EntityPage:
        """The newest live rows, given oldest first."""
        bound = "+inf" if before is None else f"({before}"
        rows, has_more = await self._page(session_id, "live", "newest", bound, limit, hidden)
        return EntityPage(rows=sorted(rows, key=attrgetter("created", "kind", "id")), has_more=has_more)

    async def changed(self, session_id: SessionId, *, after: Ordinal, limit: int, hidden: Sequence[str]) -> EntityPage:
        """The rows that changed after an ordinal, tombstones included."""
        rows, has_more = await self._page(session_id, "changed", "oldest", f"({after}", limit, hidden)
        return EntityPage(rows=sorted(rows, key=attrgetter("updated", "kind", "id")), has_more=has_more)

    async def _page(
        self,
        session_id: SessionId,
        index: Literal["live", "changed"],
        direction: Literal["newest", "oldest"],
        bound: str,
        limit: int,
        hidden: Sequence[str],
    ) -> tuple[list[EntityRow], bool]:
        keys = (self._keys.of(index, session_id), self._keys.of("rows", session_id))
        hidden_beginnings = [beginning(kind) for kind in hidden]
        has_more, *found = await self._link.run(PAGE, *keys, direction, bound, max(1, limit), *hidden_beginnings)
        return _to_rows(found), bool(has_more)

    async def receipt(self, session_id: SessionId, actor: str, key: str) -> Receipt | None:
        """The first answer kept for a command's key."""
        found = await self._link.ask("HGET", self._keys.of("receipts", session_id), joined(actor, key))
        if found is None:
            return None
        kept = _receipt_from_json(found)
        return Receipt(
            session_id=session_id,
            actor=actor,
            key=key,
            fingerprint=kept.fingerprint,
            answer=kept.answer,
            ordinal=Ordinal(kept.ordinal),
            at_ms=kept.at_ms,
        )

    async def sessions(
        self, *, limit: int, after: Place | None, where: Mapping[str, str], search: str | None
    ) -> SessionPage:
        """A page of the list.

        Each step continues after the last place that the one before looked at; like a page it repeats nothing.
        """
        wanted = max(1, limit) + 1
        sought = searchable(search or "")
        indexes = [self._keys.by(name, where[name]) for name in INDEXED if name in where] or [self._keys.sessions]
        count = _SCANNED if where or sought else wanted
        shown: list[Session] = []
        while len(shown) < wanted:
            found = await self._listed(count, after, indexes)
            shown += [session for session in found if _fits(session, where, sought)]
            if len(found) < count:
                break
            after = place_of(found[-1])
        return page_of(shown[:wanted], limit)

    async def _listed(self, count: int, after: Place | None, indexes: Sequence[str]) -> list[Session]:
        place = ("", "") if after is None else (str(after.updated_at_ms), after.id)
        generation, *found = await self._link.run(LIST, self._keys.prefix, count, *place, *indexes)
        sessions = [
            _to_session(SessionId(id.decode()), facts, generation.decode())
            for id, facts in zip(found[::2], found[1::2], strict=True)
        ]
        return [session for session in sessions if session is not None]


def _fits(session: Session, where: Mapping[str, str], sought: str) -> bool:
    attributes = session.attributes
    return all([attributes.get(name) == value for name, value in where.items()]) and (
        sought in searchable(attributes.get("title", ""))
    )


def _to_entry(stream_id: bytes, fields: Sequence[bytes]) -> LogEntry:
    _, name, _, payload, _, at_ms, _, appends = fields
    return LogEntry(
        ordinal=Ordinal(int(stream_id.partition(b"-")[0])),
        name=name.decode(),
        payload=payload,
        at_ms=int(at_ms),
        appends=appends == b"1",
    )


def _to_rows(found: Sequence[bytes]) -> list[EntityRow]:
    return [_to_row(member, row) for member, row in zip(found[::2], found[1::2], strict=True)]


def _to_row(member: bytes, row: bytes) -> EntityRow:
    kind, id = parted(member)
    created, updated, rebased, removed, payload = row.split(b" ", 4)
    return EntityRow(
        kind=kind,
        id=id,
        created=Ordinal(int(created)),
        updated=Ordinal(int(updated)),
        rebased=Ordinal(int(rebased)),
        payload=payload,
        removed=removed == b"1",
    )


def _to_session(session_id: SessionId, facts: Sequence[Any], generation: str) -> Session | None:
    epoch, born, head, settled, attributes, created_at_ms, updated_at_ms = facts
    if epoch is None:
        return None
    return Session(
        session_id=session_id,
        epoch=Epoch(wire_epoch(epoch.decode(), born.decode(), generation)),
        head=Ordinal(int(head)),
        settled=Ordinal(int(settled)),
        attributes=_attributes_from_json(attributes),
        created_at_ms=int(created_at_ms),
        updated_at_ms=int(updated_at_ms),
    )
