"""The end of the write-ahead log, torn or garbled: a readable store with exactly the commits before it (ST2, ST7)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from webchat_nb.stream.model import EntityRow, Epoch, Ordinal
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.store_author import Author, row
from webchat_nb.testing.store_contract.base import C1

LOG_HEADER, FRAME_HEADER, PAGE = 32, 24, 4096
FRAME = FRAME_HEADER + PAGE

WRITER = """
import asyncio, os, sys
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.store_author import Author, row

async def main():
    store = SQLiteStore(sys.argv[1], synchronous=sys.argv[2])
    await store.open()
    author = Author(store)
    await author.write(b"kept", b"kept", rows=[row("m", 1)])
    await store.close()  # up to here it is in the database, the rest is in the write-ahead log
    author.store = store = SQLiteStore(sys.argv[1], synchronous=sys.argv[2])
    await store.open()
    await author.write(b"kept")
    await author.write(b"kept")
    await author.write(*[b"x" * 500] * 40, rows=[row("m", 1, 44)])  # a commit of several pages
    print(author.epoch, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


class Wreck:
    """The files that a killed writer left, to be put there again and again."""

    def __init__(self, path: Path, synchronous: Literal["FULL", "NORMAL"]) -> None:
        self.path = path
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", WRITER, str(path), synchronous]
        self.epoch = Epoch(subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout.strip())
        self._files = {suffix: self._file(suffix).read_bytes() for suffix in ("", "-incarnation")}
        self.log = self._file("-wal").read_bytes()
        commits = [start for start in range(LOG_HEADER, len(self.log), FRAME) if self._commits(start)]
        self.last_commit = range(commits[-2] + FRAME, commits[-1] + FRAME, FRAME)
        """Where the frames of the last commit begin."""

    def _file(self, suffix: str) -> Path:
        return Path(f"{self.path}{suffix}")

    def _commits(self, start: int) -> bool:
        return int.from_bytes(self.log[start + 4 : start + 8], "big") > 0

    def restore(self, log: bytes) -> None:
        """All files as they were, in place, with another write-ahead log."""
        for suffix, content in self._files.items():
            with self._file(suffix).open("r+b") as file:  # the same inode: the file was not copied
                file.write(content)
                file.truncate()
        self._file("-wal").write_bytes(log)
        self._file("-shm").unlink(missing_ok=True)


@pytest.fixture(scope="module", params=["FULL", "NORMAL"])
def wreck(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wreck:
    return Wreck(tmp_path_factory.mktemp("wreck") / "chat.db", request.param)


@pytest.mark.rule("ST2", "ST5", "ST7")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
class TestTornTail(AsyncTests):
    async def opened(self, wreck: Wreck) -> tuple[list[bytes], EntityRow | None, Epoch | None]:
        """What a store finds in the wreck; it goes on from there and is whole afterwards."""
        store = SQLiteStore(wreck.path)
        await store.open()
        try:
            log = await store.events(C1, Ordinal(0), 99)
            session, message = await store.session(C1), await store.entity(C1, "ChatMessage", "m")
            assert [entry.ordinal for entry in log] == list(range(1, len(log) + 1))
            assert (session.head if session else 0) == len(log)
            author = Author(store)
            if session is not None:
                author.epoch, author.head = session.epoch, session.head
            await author.write(b"goes on", rows=[row("m", 1, author.head + 1)])
            assert len(await store.events(C1, Ordinal(0), 99)) == len(log) + 1
            return [entry.payload for entry in log], message, session.epoch if session else None
        finally:
            await store.close()

    def check_without_last(self, wreck: Wreck, synchronous: str) -> None:
        payloads, message, epoch = self.runner.run(self.opened(wreck))
        assert payloads == [b"kept"] * 4
        assert message is not None
        assert message.updated == 1
        assert (epoch == wreck.epoch) is (synchronous == "FULL"), "a mode that may lose the tail changes the epoch"

    def test_an_untouched_log_is_kept_whole(self, wreck: Wreck) -> None:
        wreck.restore(wreck.log)
        payloads, message, _ = self.runner.run(self.opened(wreck))
        assert len(payloads) == 44
        assert message is not None
        assert message.updated == 44

    @pytest.mark.parametrize("frame", ["first", "last"])
    @pytest.mark.parametrize(
        "kept", [0, 1, 4, 8, 16, 23, 24, 25, 24 + 512, 24 + 2048, FRAME - 1], ids=lambda kept: f"{kept} bytes"
    )
    def test_a_commit_cut_off_is_not_there(
        self, wreck: Wreck, request: pytest.FixtureRequest, frame: str, kept: int
    ) -> None:
        assert len(wreck.last_commit) > 2
        wreck.restore(wreck.log[: wreck.last_commit[0 if frame == "first" else -1] + kept])
        self.check_without_last(wreck, request.node.callspec.params["wreck"])

    @pytest.mark.parametrize("frame", ["first", "last"])
    @pytest.mark.parametrize(
        "at", [0, 5, 8, 12, 16, 23, 24, 24 + 1000, FRAME - 1], ids=lambda at: f"byte {at}"
    )  # page number, size, both salts, both checksums, and the page
    def test_a_commit_with_a_wrong_byte_is_not_there(
        self, wreck: Wreck, request: pytest.FixtureRequest, frame: str, at: int
    ) -> None:
        log = bytearray(wreck.log)
        log[wreck.last_commit[0 if frame == "first" else -1] + at] ^= 0x55
        wreck.restore(bytes(log))
        self.check_without_last(wreck, request.node.callspec.params["wreck"])

    def test_old_bytes_behind_the_log_are_no_commit(self, wreck: Wreck) -> None:
        wreck.restore(wreck.log + wreck.log[wreck.last_commit[0] :] + bytes(100))
        assert len(self.runner.run(self.opened(wreck))[0]) == 44

    @pytest.mark.rule("OR2", "OR3")
    @pytest.mark.parametrize("log", [b"", bytes(4000)], ids=["gone", "zeros"])
    def test_a_log_that_is_lost_altogether_changes_the_epoch(self, wreck: Wreck, log: bytes) -> None:
        wreck.restore(log)
        payloads, _, epoch = self.runner.run(self.opened(wreck))
        assert payloads == [b"kept"] * 2
        assert epoch != wreck.epoch
