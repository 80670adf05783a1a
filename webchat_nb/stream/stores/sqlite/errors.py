"""sqlite3's errors → ours, with the file's name and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import final

from webchat_nb.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreReadOnlyError,
)

_MEANINGS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreLockedError, "another program is writing to the file: close it"),
    sqlite3.SQLITE_LOCKED: (StoreLockedError, "another program is using the file: close it"),
    sqlite3.SQLITE_READONLY: (StoreReadOnlyError, "the file cannot be written to: check its permissions"),
    sqlite3.SQLITE_PERM: (StoreReadOnlyError, "the file cannot be written to: check its permissions"),
    sqlite3.SQLITE_CANTOPEN: (StoreReadOnlyError, "the file cannot be opened: check that its folder may be written to"),
    sqlite3.SQLITE_FULL: (StoreFullError, "no space is left: free some, or raise the store's max_bytes"),
    sqlite3.SQLITE_IOERR_SHMSIZE: (StoreFullError, "no space is left: free some"),
    sqlite3.SQLITE_IOERR: (StoreError, "the disk failed to read or write: check it and its free space, then try again"),
    sqlite3.SQLITE_CORRUPT: (StoreDamagedError, "the file is damaged: move it away or restore a backup"),
    sqlite3.SQLITE_NOTADB: (StoreDamagedError, "the file is not an SQLite database: choose another path"),
}
_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one. Source: sqlite.org/rescode.html."""


def translate(error: sqlite3.Error, path: Path) -> StoreError:
    """The store error for an error of sqlite3; the original is for ``raise … from``."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, advice = _MEANINGS.get(code) or _MEANINGS.get(code & _PRIMARY) or (StoreError, "")
    return kind(f"store {path}: {advice} ({error})" if advice else f"store {path}: {error}")


@final
class Translated:
    """``with Translated(path):`` turns sqlite3's errors and the system's into ours. Has no state, so one may be shared.

    Raises:
        StoreError: Or a finer one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate what was raised."""
        if isinstance(error, sqlite3.Error):
            raise translate(error, self._path) from error
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(f"store {self._path}: no space is left: free some ({error.strerror})") from error
        if isinstance(error, OSError):
            raise StoreError(f"store {self._path}: {error.strerror or error}") from error
