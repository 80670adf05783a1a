"""Where a store's data live, and what is left of them when the process that writes dies."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal, Protocol

import redis

from tests.redis_server import RedisServer
from webchat_nb.stream import Store
from webchat_nb.stream.stores import MemoryStore, SQLiteStore
from webchat_nb.stream.stores.redis import RedisStore


class Home(Protocol):
    """One place for one store after another.

    Attributes:
        outlives_process: What was committed is there for the next store.
        keeps_epoch_after_crash: And a client's cursor still means the same after a crash.
    """

    outlives_process: bool
    keeps_epoch_after_crash: bool

    def make_store(self) -> Store:
        """A store that is not open yet."""

    def photograph(self) -> None:
        """Remember what is there at this call: what the next store finds after a crash."""

    def after_crash(self) -> None:
        """Set everything back to the photograph; the store was closed, because it has to be let go, and that writes."""

    def close(self) -> None:
        """Leave nothing behind."""


class MemoryHome:
    """Nothing outlives the process."""

    outlives_process = False
    keeps_epoch_after_crash = False

    def make_store(self) -> Store:
        return MemoryStore()

    def photograph(self) -> None:
        pass

    def after_crash(self) -> None:
        pass

    def close(self) -> None:
        pass


class SQLiteHome:
    """A file and its sidecars."""

    outlives_process = True

    def __init__(self, synchronous: Literal["FULL", "NORMAL"]) -> None:
        self._synchronous: Literal["FULL", "NORMAL"] = synchronous
        self.keeps_epoch_after_crash = synchronous == "FULL"
        self._folder = Path(tempfile.mkdtemp(prefix="laws-"))
        self._path = self._folder / "board.db"
        self._photograph: dict[Path, bytes] = {}

    def make_store(self) -> Store:
        return SQLiteStore(self._path, synchronous=self._synchronous)

    def photograph(self) -> None:
        self._photograph = {
            path: path.read_bytes() for path in self._folder.iterdir() if not path.name.endswith(("-shm", "-lock"))
        }

    def after_crash(self) -> None:
        for path in self._folder.iterdir():
            if path not in self._photograph:
                path.unlink()
        for path, content in self._photograph.items():
            with path.open("r+b" if path.exists() else "wb") as file:  # the same file, by its inode (ST7)
                file.truncate()
                file.write(content)

    def close(self) -> None:
        shutil.rmtree(self._folder)


class RedisHome:
    """Keys with one prefix in a real Redis, which outlives the process that writes."""

    outlives_process = True
    keeps_epoch_after_crash = True

    def __init__(self, server: RedisServer, prefix: str) -> None:
        self._url, self._prefix = server.url, prefix
        self._client = redis.Redis(port=server.port)
        self._photograph: dict[bytes, bytes] = {}

    def make_store(self) -> Store:
        return RedisStore(self._url, prefix=self._prefix)

    def photograph(self) -> None:
        self._photograph = {
            key: content
            for key in self._keys()
            if b":lease:" not in key  # the next process comes when the leases of this one have ended
            and (content := self._client.dump(key)) is not None
        }

    def after_crash(self) -> None:
        for key in self._keys():
            self._client.delete(key)
        for key, content in self._photograph.items():
            self._client.restore(key, 0, content)

    def close(self) -> None:
        for key in self._keys():
            self._client.delete(key)
        self._client.close()

    def _keys(self) -> list[bytes]:
        return list(self._client.scan_iter(f"{self._prefix}:*", count=1000))
