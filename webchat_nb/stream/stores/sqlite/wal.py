"""How much the write-ahead log holds, read where SQLite itself keeps the number.

sqlite3 has no way to ask. The number of valid frames is in the wal-index, the ``-shm`` file, which every process that
uses the database maps: four bytes at offset 16 (``mxFrame``), native byte order. A read costs about a microsecond.

Source: sqlite.org/walformat.html, section 2.1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import final

_MX_FRAME_OFFSET = 16
_FRAME_HEADER_BYTES = 24


@final
class WalGauge:
    """Counts frames: in the log now, since the last checkpoint began, and since the store was opened.

    Only one gauge per process and file, and it is closed after the last connection: POSIX drops SQLite's locks on a
    file as soon as any descriptor of it is closed.

    Args:
        path: The database; a connection in WAL mode is open.
        page_bytes: The database's page size.
    """

    def __init__(self, path: Path, page_bytes: int) -> None:
        self._index = Path(f"{path}-shm").open("rb", buffering=0)  # noqa: SIM115 - closed in close()
        self._frame_bytes = page_bytes + _FRAME_HEADER_BYTES
        self._frames_written = 0
        self.frame_count = self._read()
        self.frames_since_checkpoint = self.frame_count

    def advance(self) -> None:
        """Look again; called after each transaction, so that no restart of the log is missed."""
        frame_count = self._read()
        added = frame_count - self.frame_count if frame_count >= self.frame_count else frame_count
        self.frame_count = frame_count
        self._frames_written += added
        self.frames_since_checkpoint += added

    @property
    def bytes_written(self) -> int:
        """Bytes written to the log; a checkpoint later writes each changed page once more, to the database."""
        return self._frames_written * self._frame_bytes

    def close(self) -> None:
        """Let go of the wal-index; harmless when called twice."""
        self._index.close()

    def _read(self) -> int:
        self._index.seek(_MX_FRAME_OFFSET)
        return int.from_bytes(self._index.read(4), sys.byteorder)
