"""One session's commit, its pruning and its erasure, as SQL inside a transaction that the caller began.

Rule: OR1, OR2, ST3, ST4, ST8.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec

from webchat_nb.stream.model import Epoch, Ordinal
from webchat_nb.stream.store import SessionCommit
from webchat_nb.stream.stores.continuity import check_follows
from webchat_nb.stream.stores.generation import wire_epoch
from webchat_nb.stream.stores.listing import searchable
from webchat_nb.stream.stores.sqlite.commit_points import CommitPoint, Probe
from webchat_nb.stream.stores.sqlite.schema import ORDINAL_BITS, ORDINAL_MASK

_FIND = "SELECT key, epoch, generation, head, settled, lagging, attributes, updated_at_ms FROM sessions WHERE id = ?"
_LAST = "SELECT place, at_ms FROM events WHERE place < ? ORDER BY place DESC LIMIT 1"
_OLDEST = "SELECT place FROM events WHERE place > ? AND place < ? ORDER BY place LIMIT 1"
_MARK_LAGGING = "UPDATE sessions SET lagging = 1 WHERE key = ?"
_INSERT_SESSION = """
INSERT INTO sessions (id, epoch, generation, head, settled, lagging, attributes, owner, status, profile, title,
  created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATE_SESSION = """
UPDATE sessions SET head = ?, settled = ?, lagging = 0, attributes = ?, owner = ?, status = ?, profile = ?, title = ?,
  updated_at_ms = ? WHERE key = ?"""
_BEGIN_LOG = "UPDATE sessions SET epoch = ?, generation = ?, created_at_ms = ? WHERE key = ?"
_INSERT_EVENT = "INSERT INTO events (place, name, payload, at_ms, appends) VALUES (?, ?, ?, ?, ?)"
_DELETE_EVENTS = "DELETE FROM events WHERE place > ? AND place < ?"
_UPSERT_ROW = """
INSERT INTO entities (session, kind, id, created, updated, rebased, removed, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (session, kind, id) DO UPDATE SET created = excluded.created, updated = excluded.updated,
  rebased = excluded.rebased, removed = excluded.removed, payload = excluded.payload
  WHERE excluded.updated >= entities.updated"""
_RENEW_EPOCH = "UPDATE sessions SET epoch = ?, generation = ? WHERE key = ?"
_DELETE_ROWS = "DELETE FROM entities WHERE session = ?"
_INSERT_RECEIPT = """
INSERT OR IGNORE INTO receipts (session, actor, key, fingerprint, answer, ordinal, at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?)"""
_DELETE_RECEIPTS = "DELETE FROM receipts WHERE session = (SELECT key FROM sessions WHERE id = ?) AND at_ms < ?"
_LAGGING = "SELECT key FROM sessions WHERE lagging = 1"
_CATCH_UP = "UPDATE sessions SET lagging = 0, head = ?, updated_at_ms = ? WHERE key = ?"

_attributes_to_json = msgspec.json.Encoder(order="deterministic").encode


def keep(connection: sqlite3.Connection, commit: SessionCommit, generation: str, probe: Probe | None = None) -> None:
    """Write one session's changes.

    Raises:
        StoreConflictError: It does not continue the log; the caller rolls back.
    """
    key = _keep_session(connection, commit, generation)
    start = key << ORDINAL_BITS
    connection.executemany(
        _INSERT_EVENT, [(start + e.ordinal, e.name, e.payload, e.at_ms, e.appends) for e in commit.events]
    )
    if probe is not None:
        probe(CommitPoint.EVENTS_WRITTEN)
    if commit.next_epoch is not None:
        connection.execute(_RENEW_EPOCH, (commit.next_epoch, generation, key))
    if commit.replaces_rows:
        connection.execute(_DELETE_ROWS, (key,))
    if commit.rows:
        connection.executemany(
            _UPSERT_ROW,
            [(key, r.kind, r.id, r.created, r.updated, r.rebased, r.removed, r.payload) for r in commit.rows],
        )
    if probe is not None:
        probe(CommitPoint.ROWS_WRITTEN)
    if commit.receipts:
        connection.executemany(
            _INSERT_RECEIPT,
            [
                (key, r.actor, r.key, r.fingerprint, msgspec.json.encode(r.answer).decode(), r.ordinal, r.at_ms)
                for r in commit.receipts
            ],
        )
    if probe is not None:
        probe(CommitPoint.RECEIPTS_WRITTEN)


def _keep_session(connection: sqlite3.Connection, commit: SessionCommit, generation: str) -> int:
    """Check the commit against the session's row and bring the row up to date, unless it may lag. Returns its key."""
    found = connection.execute(_FIND, (commit.session_id,)).fetchone()
    attributes = _attributes_to_json(commit.attributes).decode()
    if found is None:
        check_follows(commit, head=Ordinal(0), epoch=commit.epoch)
        return _insert_session(connection, commit, attributes, generation)
    key, epoch, born, head, settled, lagging, present_attributes, updated_at_ms = found
    if lagging:
        head, updated_at_ms = _last_event(connection, key)
    has_log = head > 0
    check_follows(commit, head=head, epoch=Epoch(wire_epoch(epoch, born, generation)) if has_log else commit.epoch)
    if has_log and _only_appends(commit) and settled == commit.settled and attributes == present_attributes:
        if not lagging:
            connection.execute(_MARK_LAGGING, (key,))
        return int(key)
    if commit.events:  # a checkpoint is no activity
        updated_at_ms = commit.at_ms
    values = (commit.head, commit.settled, attributes, *_listed(commit), updated_at_ms, key)
    connection.execute(_UPDATE_SESSION, values)
    if not has_log:
        connection.execute(_BEGIN_LOG, (commit.epoch, generation, commit.at_ms, key))
    return int(key)


class Pruned(NamedTuple):
    """How far a log was pruned.

    Attributes:
        epoch: Of the log, as stored.
        first: The oldest event that is still there; head + 1 when none is.
        is_done: Nothing more is to be forgotten.
    """

    epoch: str
    first: Ordinal
    is_done: bool


def prune_some(connection: sqlite3.Connection, session_id: str, upto: int, limit: int) -> Pruned:
    """Delete the oldest events, at most ``limit``, up to an ordinal and never past ``settled``.

    The session's row is brought up to its log first: the row of a session that lags is told from the last event.
    """
    found = connection.execute(_FIND, (session_id,)).fetchone()
    if found is None:
        return Pruned("", Ordinal(1), is_done=True)
    key, epoch, _, head, settled, lagging, *_ = found
    if lagging:
        head, at_ms = _last_event(connection, key)
        connection.execute(_CATCH_UP, (head, at_ms, key))
    start = key << ORDINAL_BITS
    found = connection.execute(_OLDEST, (start, key + 1 << ORDINAL_BITS)).fetchone()
    first = head + 1 if found is None else found[0] & ORDINAL_MASK
    wanted = min(upto, settled, head)
    last = min(wanted, first + limit - 1)
    if last >= first:
        connection.execute(_DELETE_EVENTS, (start, start + last + 1))
        first = last + 1
    return Pruned(epoch, Ordinal(first), is_done=first > wanted)


def forget_receipts(connection: sqlite3.Connection, session_id: str, before_ms: int) -> int:
    """Delete a session's older receipts. Returns how many."""
    return connection.execute(_DELETE_RECEIPTS, (session_id, before_ms)).rowcount


def erase(connection: sqlite3.Connection, session_id: str) -> bool:
    """Delete all of a session. False when it had no log."""
    found = connection.execute(_FIND, (session_id,)).fetchone()
    if found is None:
        return False
    key, head, lagging = found[0], found[3], found[5]
    connection.execute(_DELETE_EVENTS, (key << ORDINAL_BITS, key + 1 << ORDINAL_BITS))
    connection.execute(_DELETE_ROWS, (key,))
    connection.execute("DELETE FROM receipts WHERE session = ?", (key,))
    connection.execute("DELETE FROM sessions WHERE key = ?", (key,))
    return bool(head or lagging)


def catch_up(connection: sqlite3.Connection) -> None:
    """Bring every lagging session's row up to its log."""
    for (key,) in connection.execute(_LAGGING).fetchall():
        connection.execute(_CATCH_UP, (*_last_event(connection, key), key))


def _only_appends(commit: SessionCommit) -> bool:
    """The session's row can be told from the log afterwards: its time of change is that of the last event."""
    return bool(commit.events) and commit.events[-1].at_ms == commit.at_ms


def _insert_session(connection: sqlite3.Connection, commit: SessionCommit, attributes: str, generation: str) -> int:
    at_ms = commit.at_ms
    updated_at_ms = at_ms if commit.events else 0
    listed = _listed(commit)
    values = (commit.session_id, commit.epoch, generation, commit.head, commit.settled, attributes, *listed)
    return connection.execute(_INSERT_SESSION, (*values, at_ms, updated_at_ms)).lastrowid or 0


def _last_event(connection: sqlite3.Connection, key: int) -> tuple[int, int]:
    """Ordinal and time of the newest event of a session that has one."""
    place, at_ms = connection.execute(_LAST, (key + 1 << ORDINAL_BITS,)).fetchone()
    return place & ORDINAL_MASK, at_ms


def _listed(commit: SessionCommit) -> tuple[str | None, str | None, str | None, str]:
    get = commit.attributes.get
    return get("owner"), get("status"), get("profile"), searchable(get("title", ""))
