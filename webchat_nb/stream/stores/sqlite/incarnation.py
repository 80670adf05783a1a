"""Is this file the one that we closed last? If not, its ordinals must get another meaning (OR3).

A client's cursor says "epoch E, ordinal 17". After a backup is restored, ordinal 17 of the same epoch may soon name
another event, and the client would never notice. So every open and every clean close writes a new random *incarnation*
both into the database and into a sidecar, ``<path>-incarnation``. A file copied back from a backup holds an older one
than the sidecar. A whole folder copied back brings its sidecar along, but the database has another inode then, or, where
the file system gave it the same one again, another time of change: the sidecar remembers the inode, and after a clean
close the time. A crash of ours between the two writes is no mismatch: the sidecar names both incarnations
meanwhile.

A mismatch, a missing sidecar, or a crash in a mode that may have lost the tail gives the store a new *generation*:
every log that was there before gets it as a suffix of its epoch, and clients hydrate once from a snapshot. A mismatch
that is none, such as a database moved to another disk, costs no more than that.

What cannot be seen from here is a whole volume set back to a snapshot; whoever does that removes the sidecar.

Rule: OR2, OR3, ST2.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from webchat_nb.stream.stores.sqlite.commit_points import CommitPoint, Probe
from webchat_nb.stream.stores.sqlite.schema import read_meta, write_meta


class _Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    incarnations: list[str]
    inode: int
    changed_ns: int | None = None
    """When the database's inode was changed last; None while it is open, and after a crash."""


def begin(
    connection: sqlite3.Connection,
    path: Path,
    *,
    is_new: bool,
    may_lose_tail: bool,
    new_id: Callable[[], str],
    probe: Probe | None,
) -> str:
    """Find out whether the file is ours as we left it, and start a new incarnation.

    Args:
        connection: In autocommit, with ``synchronous=FULL``.
        path: The database.
        is_new: It was made just now.
        may_lose_tail: From now on commits may be lost in a power cut, so an unclean end counts as a loss.
        new_id: Where incarnations and generations come from.
        probe: Called at each commit point.

    Returns:
        The store's generation; empty as long as nothing ever went wrong.
    """
    meta = read_meta(connection)
    is_known = _recognises(path, meta.get("incarnation"))
    generation = meta.get("generation", "")
    if not is_new and (not is_known or meta.get("may_lose_tail") == "1"):
        generation = new_id()
    changes = {"generation": generation, "may_lose_tail": "1" if may_lose_tail else "0"}
    _renew(connection, path, changes, new_id, probe, old=meta.get("incarnation") if is_known else None)
    return generation


def end(connection: sqlite3.Connection, path: Path, *, new_id: Callable[[], str], probe: Probe | None) -> None:
    """Say that the file is complete, at a clean close."""
    old = read_meta(connection).get("incarnation")
    _renew(connection, path, {"may_lose_tail": "0"}, new_id, probe, old=old)


def seal(path: Path) -> None:
    """Remember when the database was changed last; called when it is closed and changes no more."""
    sidecar = msgspec.json.decode(_sidecar(path).read_bytes(), type=_Sidecar)
    _write(path, sidecar.incarnations, changed_ns=path.stat().st_ctime_ns)


def _recognises(path: Path, incarnation: str | None) -> bool:
    try:
        sidecar = msgspec.json.decode(_sidecar(path).read_bytes(), type=_Sidecar)
    except (FileNotFoundError, msgspec.DecodeError):
        return False
    found = path.stat()
    return (
        incarnation in sidecar.incarnations
        and sidecar.inode == found.st_ino
        and sidecar.changed_ns in (None, found.st_ctime_ns)
    )


def _renew(
    connection: sqlite3.Connection,
    path: Path,
    changes: Mapping[str, str],
    new_id: Callable[[], str],
    probe: Probe | None,
    *,
    old: str | None,
) -> None:
    new = new_id()
    if old is not None:
        _write(path, [old, new])
    if probe is not None:
        probe(CommitPoint.INCARNATION_ANNOUNCED)
    connection.execute("BEGIN IMMEDIATE")
    write_meta(connection, {**changes, "incarnation": new})
    connection.execute("COMMIT")
    if probe is not None:
        probe(CommitPoint.INCARNATION_KEPT)
    _write(path, [new])


def _write(path: Path, incarnations: list[str], *, changed_ns: int | None = None) -> None:
    """Replace the sidecar, durably."""
    sidecar, draft = _sidecar(path), Path(f"{path}-incarnation.tmp")
    with draft.open("wb") as file:
        kept = _Sidecar(incarnations=incarnations, inode=path.stat().st_ino, changed_ns=changed_ns)
        file.write(msgspec.json.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(sidecar)
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sidecar(path: Path) -> Path:
    return Path(f"{path}-incarnation")
