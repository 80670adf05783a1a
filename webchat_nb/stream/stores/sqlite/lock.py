"""One process per file, by a lock of the operating system on a sidecar."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import final

import msgspec

from webchat_nb.errors import StoreLockedError, StoreReadOnlyError

_FAR = 1 << 30
"""Where Windows locks a byte: behind the text, which then stays readable for others."""


class _Holder(msgspec.Struct, frozen=True):
    """Who holds the lock, written into the sidecar for the message that others get."""

    pid: int
    since_ms: int


@final
class FileLock:
    """Held from ``acquire`` to ``release`` or to the end of the process, however it ends.

    The sidecar ``<path>-lock`` stays when the lock is released: removing it would let two processes lock two files.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sidecar = Path(f"{path}-lock")
        self._descriptor: int | None = None

    def acquire(self, now_ms: int) -> None:
        """Take the lock at once or not at all.

        Raises:
            StoreLockedError: Another store holds it, in this process or another one; the message names it.
            StoreReadOnlyError: The sidecar cannot be made.
        """
        try:
            descriptor = os.open(self._sidecar, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreReadOnlyError(
                f"store {self._path}: its folder cannot be written to ({error.strerror}): check its permissions"
            ) from error
        try:
            _lock(descriptor)
        except OSError as error:
            held_by = _read_holder(descriptor)
            os.close(descriptor)
            raise StoreLockedError(
                f"store {self._path}: {held_by} has it open: close it there, or choose another path"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, msgspec.json.encode(_Holder(os.getpid(), now_ms)))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read_holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        holder = msgspec.json.decode(os.read(descriptor, 200), type=_Holder)
    except msgspec.DecodeError:  # between taking the lock and writing the name
        return "another process"
    since = datetime.fromtimestamp(holder.since_ms / 1000, UTC)
    return f"process {holder.pid} (since {since:%Y-%m-%d %H:%M:%S} UTC)"


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
