"""Every question to the store as SQL, on a connection of its own that sees what was committed.

Each answer costs microseconds and does not depend on the length of the history (G6), so it is given on the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from webchat_nb.stream.model import EntityRow, Epoch, LogEntry, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.store import EntityPage, SessionPage
from webchat_nb.stream.stores.generation import wire_epoch
from webchat_nb.stream.stores.listing import Place, page_of, place_of, searchable
from webchat_nb.stream.stores.sqlite.schema import ORDINAL_BITS, ORDINAL_MASK, log_range

_KEY = "(SELECT key FROM sessions WHERE id = ?)"
_SESSION = "SELECT id, epoch, generation, head, settled, attributes, created_at_ms, updated_at_ms FROM sessions"
_LAGGING = f"""
SELECT s.id, s.epoch, s.generation, e.place & {ORDINAL_MASK}, s.settled, s.attributes, s.created_at_ms, e.at_ms
FROM sessions AS s JOIN events AS e ON e.place = (
  SELECT max(place) FROM events WHERE place < (s.key + 1) << {ORDINAL_BITS})
WHERE s.lagging = 1"""
_EVENTS = f"""
SELECT e.place & {ORDINAL_MASK}, e.name, e.payload, e.at_ms, e.appends
FROM sessions AS s JOIN events AS e ON e.place {log_range("s.key")} WHERE s.id = ? ORDER BY e.place LIMIT ?"""
_FIRST = f"""
SELECT coalesce((SELECT min(e.place) & {ORDINAL_MASK} FROM events AS e WHERE e.place {log_range("s.key")}), s.head + 1)
FROM sessions AS s WHERE s.id = ?"""
_ROW = "SELECT kind, id, created, updated, rebased, payload, removed FROM entities"
_LISTED = ("owner", "status", "profile")

_attributes_from_json = msgspec.json.Decoder(dict[str, str]).decode
_answer_from_json = msgspec.json.Decoder(dict[str, Any]).decode


def session(connection: sqlite3.Connection, session_id: str, generation: str) -> Session | None:
    """The session, or None when it has no log."""
    sql = f"{_SESSION} WHERE id = ? AND lagging = 0 AND head > 0 UNION ALL {_LAGGING} AND s.id = ?"
    found = connection.execute(sql, (session_id, session_id)).fetchone()
    return None if found is None else _to_session(found, generation)


def events(connection: sqlite3.Connection, session_id: str, after: int, limit: int) -> list[LogEntry]:
    """The log after an ordinal."""
    parameters = (min(max(0, after) + 1, ORDINAL_MASK), session_id, max(0, limit))
    return [
        LogEntry(ordinal=ordinal, name=name, payload=payload, at_ms=at_ms, appends=bool(appends))
        for ordinal, name, payload, at_ms, appends in connection.execute(_EVENTS, parameters)
    ]


def first_ordinal(connection: sqlite3.Connection, session_id: str) -> Ordinal:
    """The oldest event that is still in the log; head + 1 when none is."""
    found = connection.execute(_FIRST, (0, session_id)).fetchone()
    return Ordinal(1 if found is None else found[0])


def entity(connection: sqlite3.Connection, session_id: str, kind: str, id: str) -> EntityRow | None:
    """One row, a tombstone included."""
    found = connection.execute(f"{_ROW} WHERE session = {_KEY} AND kind = ? AND id = ?", (session_id, kind, id))
    return next(map(_to_row, found), None)


def entities(connection: sqlite3.Connection, session_id: str, kind: str) -> list[EntityRow]:
    """All live rows of one kind."""
    sql = f"{_ROW} WHERE session = {_KEY} AND kind = ? AND removed = 0 ORDER BY created, id"
    return [_to_row(found) for found in connection.execute(sql, (session_id, kind))]


def window(
    connection: sqlite3.Connection, session_id: str, *, limit: int, before: int | None, hidden: Sequence[str]
) -> EntityPage:
    """The newest live rows, given oldest first."""
    bound, ordinals = ("", ()) if before is None else ("AND created < ?", (before,))
    sql = f"{_ROW} WHERE session = {_KEY} AND removed = 0 {bound} {_shown(hidden)} ORDER BY created DESC"
    rows, has_more = _untorn(connection.execute(sql, (session_id, *ordinals, *hidden)), limit, attrgetter("created"))
    return EntityPage(rows=sorted(rows, key=attrgetter("created", "kind", "id")), has_more=has_more)


def changed(
    connection: sqlite3.Connection, session_id: str, *, after: int, limit: int, hidden: Sequence[str]
) -> EntityPage:
    """The rows that changed after an ordinal, tombstones included."""
    sql = f"{_ROW} WHERE session = {_KEY} AND updated > ? {_shown(hidden)} ORDER BY updated"
    rows, has_more = _untorn(connection.execute(sql, (session_id, after, *hidden)), limit, attrgetter("updated"))
    return EntityPage(rows=sorted(rows, key=attrgetter("updated", "kind", "id")), has_more=has_more)


def has_older_receipts(connection: sqlite3.Connection, session_id: SessionId, before_ms: int) -> bool:
    """Whether a session has receipts from before a time."""
    sql = f"SELECT 1 FROM receipts WHERE session = {_KEY} AND at_ms < ? LIMIT 1"
    return connection.execute(sql, (session_id, before_ms)).fetchone() is not None


def receipt(connection: sqlite3.Connection, session_id: SessionId, actor: str, key: str) -> Receipt | None:
    """The answer kept for a command's key."""
    sql = f"SELECT fingerprint, answer, ordinal, at_ms FROM receipts WHERE session = {_KEY} AND actor = ? AND key = ?"
    found = connection.execute(sql, (session_id, actor, key)).fetchone()
    if found is None:
        return None
    fingerprint, answer, ordinal, at_ms = found
    return Receipt(
        session_id=session_id,
        actor=actor,
        key=key,
        fingerprint=fingerprint,
        answer=_answer_from_json(answer),
        ordinal=ordinal,
        at_ms=at_ms,
    )


def sessions(
    connection: sqlite3.Connection,
    generation: str,
    *,
    limit: int,
    after: Place | None,
    where: Mapping[str, str],
    search: str | None,
) -> SessionPage:
    """A page of the list.

    The index gives the rows that are up to date in the list's order; the few that lag (sessions with a run under way)
    are all read and sorted in.
    """
    count = max(1, limit) + 1
    conditions, parameters = _conditions(where, search)
    bound, place = ("", ()) if after is None else ("AND (updated_at_ms, id) < (?, ?)", (after.updated_at_ms, after.id))
    listed = f"{_SESSION} WHERE lagging = 0 AND head > 0 {bound} {conditions} \
ORDER BY updated_at_ms DESC, id DESC LIMIT ?"
    connection.execute("BEGIN")  # both questions at one position: a session may stop lagging in between
    try:
        rows = connection.execute(listed, (*place, *parameters, count)).fetchall()
        rows += connection.execute(f"{_LAGGING} {conditions}", parameters).fetchall()
    finally:
        connection.execute("COMMIT")
    found = [_to_session(columns, generation) for columns in rows]
    kept = [session for session in found if after is None or place_of(session) < after]
    return page_of(sorted(kept, key=place_of, reverse=True)[:count], limit)


def _conditions(where: Mapping[str, str], search: str | None) -> tuple[str, tuple[str, ...]]:
    sql, parameters = "", []
    for name, value in where.items():
        if name in _LISTED:
            sql += f" AND {name} = ?"
            parameters.append(value)
        else:
            sql += " AND instr(attributes, ?) > 0"
            parameters.append(_member({name: value}))
    if search:  # plain text, no wildcards: instr and not LIKE, which besides knows the case of ASCII letters only
        sql += " AND instr(title, ?) > 0"
        parameters.append(searchable(search))
    return sql, tuple(parameters)


def _member(attribute: Mapping[str, str]) -> str:
    """An attribute as it stands in the JSON of all: it cannot stand inside a string, where quotes are escaped."""
    return msgspec.json.encode(attribute).decode()[1:-1]


def _untorn(cursor: sqlite3.Cursor, limit: int, ordinal_of: Callable[[EntityRow], int]) -> tuple[list[EntityRow], bool]:
    """About ``limit`` rows, complete with all that share the last one's ordinal, and whether there are more.

    The cursor steps through an index, so rows that are not asked for are not read.
    """
    rows = [_to_row(columns) for columns in cursor.fetchmany(max(1, limit))]
    for columns in cursor:
        row = _to_row(columns)
        if ordinal_of(row) != ordinal_of(rows[-1]):
            cursor.close()
            return rows, True
        rows.append(row)
    return rows, False


def _shown(hidden: Sequence[str]) -> str:
    return f"AND kind NOT IN ({', '.join('?' * len(hidden))})" if hidden else ""


def _to_row(columns: tuple[Any, ...]) -> EntityRow:
    kind, id, created, updated, rebased, payload, removed = columns
    return EntityRow(
        kind=kind, id=id, created=created, updated=updated, rebased=rebased, payload=payload, removed=bool(removed)
    )


def _to_session(columns: tuple[Any, ...], generation: str) -> Session:
    id, epoch, born, head, settled, attributes, created_at_ms, updated_at_ms = columns
    return Session(
        session_id=id,
        epoch=Epoch(wire_epoch(epoch, born, generation)),
        head=head,
        settled=settled,
        attributes=_attributes_from_json(attributes),
        created_at_ms=created_at_ms,
        updated_at_ms=updated_at_ms,
    )
