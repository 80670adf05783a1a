"""The SQLite store: one file that survives ``kill -9`` and, by default, a power cut.

::

    store.py         SQLiteStore: the port
    opening.py       from a path to connections: checks, upgrade, settings
    schema.py        tables, indexes, migrations
    writer.py        one transaction at a time; who runs on which thread
    writes.py        one session's commit as SQL, inside a transaction
    reads.py         every question as SQL
    disk_thread.py   a thread for calls that wait for the disk
    wal.py           how much the write-ahead log holds
    lock.py          one process per file
    incarnation.py   is this file the one we closed last?
    commit_points.py the moments at which tests crash it
    errors.py        sqlite3's errors → ours

Rule: ST1-ST5, ST8, OR3.
"""

from webchat_nb.stream.stores.sqlite.commit_points import CommitPoint
from webchat_nb.stream.stores.sqlite.store import SQLiteStore

__all__ = ["CommitPoint", "SQLiteStore"]
