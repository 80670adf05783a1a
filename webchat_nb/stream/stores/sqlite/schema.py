"""Tables, indexes, and how an older file becomes a present one.

Sessions have long ids; every other table repeats the session's integer key instead. An event's primary key is one
integer, its *place*: the session's key in the upper bits, the ordinal in the lower ones. So a session's log is one
range, and the next event of the newest session goes to the very end of the table, where SQLite fills page after page:
4.3 KB written for a commit of one event, and 76 bytes kept. (Keyed (session, ordinal) ``WITHOUT ROWID``, pages would be
rebalanced about six times each: 5.5 KB and 84 bytes.) The view ``log`` shows events with session id and ordinal.

``lagging`` is what keeps a streamed token at one page written (G5): a commit that only appends events does not touch
the session's row, which then lags behind its log. ``head`` and ``updated_at_ms`` of a lagging row are those of the last
event in the log.

Rule: ST1, ST2, ST3. Source: sqlite.org/withoutrowid.html, sqlite.org/lang_createtable.html#rowid.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from webchat_nb.errors import StoreDamagedError, StoreVersionError

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x77624E62
"""``wbNb``: tells our files from those of other programs (bytes 68-71 of the file)."""

ORDINAL_BITS = 32
"""Lower bits of an event's place; more events than that, four thousand million, no session has."""

ORDINAL_MASK = (1 << ORDINAL_BITS) - 1

Migration = Callable[["Database"], object]
"""Brings a file from one version to the next; runs in a transaction together with the version's change."""


def _version_1(db: Database) -> None:
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.table("sessions").create(
        {
            "key": int,
            "id": str,
            "epoch": str,
            "generation": str,  # of the store, when the log was begun
            "head": int,
            "settled": int,
            "lagging": int,
            "attributes": str,  # JSON; the next four are copies for the list
            "owner": str,
            "status": str,
            "profile": str,
            "title": str,  # as searches compare it
            "created_at_ms": int,
            "updated_at_ms": int,
        },
        pk="key",
        not_null=["id", "epoch", "generation", "head", "settled", "lagging", "attributes"],
    ).create_index(["id"], "sessions_by_id", unique=True)
    db.execute(
        "CREATE INDEX sessions_by_activity ON sessions (updated_at_ms, id, owner, status, profile, title)"
        " WHERE lagging = 0 AND head > 0"
    )
    db.execute("CREATE INDEX sessions_lagging ON sessions (key) WHERE lagging = 1")
    db.table("events").create(
        {"place": int, "name": str, "payload": bytes, "at_ms": int, "appends": int},
        pk="place",
        not_null=["name", "payload", "at_ms", "appends"],
    )
    db.create_view(
        "log",
        f"SELECT s.id AS session, e.place & {ORDINAL_MASK} AS ordinal, e.name, e.payload, e.at_ms, e.appends"
        f" FROM sessions AS s JOIN events AS e ON e.place >> {ORDINAL_BITS} = s.key",
    )
    entities = db.table("entities").create(
        {
            "session": int,
            "kind": str,
            "id": str,
            "created": int,
            "updated": int,
            "rebased": int,
            "removed": int,
            "payload": bytes,
        },
        not_null=["session", "kind", "id", "created", "updated", "rebased", "removed", "payload"],
    )
    entities.create_index(["session", "kind", "id"], "entities_by_id", unique=True)
    entities.create_index(["session", "updated"], "entities_by_change")
    db.execute("CREATE INDEX entities_live ON entities (session, created) WHERE removed = 0")
    db.execute(
        "CREATE TABLE receipts (session INTEGER NOT NULL, actor TEXT NOT NULL, key TEXT NOT NULL,"
        " fingerprint TEXT NOT NULL, answer TEXT NOT NULL, ordinal INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
        " PRIMARY KEY (session, actor, key)) WITHOUT ROWID"
    )
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


MIGRATIONS: Sequence[Migration] = (_version_1,)
"""The n-th makes version n out of n - 1. Never changed once released; the newest is the version we write."""


def check_version(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The file's schema version; 0 when it is empty. Changes nothing.

    Raises:
        StoreDamagedError: It is the database of another program.
        StoreVersionError: A newer version of ours wrote it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (table_count,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if table_count and application_id != APPLICATION_ID:
        raise StoreDamagedError(f"store {path}: the file is the database of another program: choose another path")
    if version > len(migrations):
        raise StoreVersionError(
            f"store {path}: the file has schema version {version}, this webchat_nb knows {len(migrations)}: upgrade it"
        )
    return int(version)


def upgrade(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring the file to the newest version, all rows kept; each step is kept whole or not at all.

    Returns:
        The version that the file had.

    Raises:
        StoreDamagedError, StoreVersionError: As ``check_version``.
    """
    version = check_version(connection, path, migrations)
    if version == len(migrations):
        return version
    from sqlite_utils import Database  # here, because an up-to-date file needs none of it

    db = Database(connection, execute_plugins=False)
    for number, migration in enumerate(migrations[version:], version + 1):
        with db.atomic():
            migration(db)
            db.execute(f"PRAGMA user_version = {number}")
    return version


def log_range(key: str) -> str:
    """SQL for the places of one session's log, from the ordinal in the one parameter on.

    Args:
        key: SQL for the session's key.
    """
    return f"BETWEEN ({key} << {ORDINAL_BITS}) + ? AND ({key} << {ORDINAL_BITS}) + {ORDINAL_MASK}"


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """All facts about the file as a whole."""
    return dict(connection.execute("SELECT key, value FROM meta"))


def write_meta(connection: sqlite3.Connection, changes: Mapping[str, str]) -> None:
    """Set facts about the file as a whole."""
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", changes.items())
