"""A real redis-server for tests, which may be killed and started again with the same data."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self, final

import pytest
import redis

_START_S = 20.0


@final
class RedisServer:
    """Redis on a free port of this machine, with everything that it keeps in one folder.

    Args:
        folder: Made when it does not exist.
        settings: Of redis-server, ``_`` for ``-``; on top of an append-only file that is synced before each answer.

    Attributes:
        port: Kept over restarts.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = {"appendonly": "yes", "appendfsync": "always", **settings}
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "redis.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/bin"])
        program = shutil.which("redis-server", path=path)
        if program is None:
            pytest.fail("redis-server is not installed: `make setup` installs it", pytrace=False)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "logfile": str(self.folder / "redis.log"),
            "save": "",
            "cluster_port": str(_free_port()),
            **self.settings,
        }
        arguments = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        self._process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL)
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                pytest.fail(f"redis-server did not start:\n{self.log}", pytrace=False)
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as `kill -9` does; harmless when it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def has_written(self) -> bool:
        """Whether all that it acknowledged is in its file, though perhaps not on the disk: a kill loses nothing then.

        A slow disk makes it keep the end of the file in memory for a while, unless it syncs each answer.
        """
        return bool(self.ask("INFO", "persistence")["aof_buffer_length"] == 0)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def ask(self, *command: str | bytes | int) -> Any:
        """What it answers to one command, on a connection of its own."""
        with contextlib.closing(redis.Redis(port=self.port, password=self.settings.get("requirepass"))) as client:
            return client.execute_command(*command)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.exceptions.BusyLoadingError:
            return False
        except redis.exceptions.ConnectionError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
