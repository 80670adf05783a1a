"""`kill -9` at any moment loses nothing that was acknowledged, and leaves a readable store (ST2).

Run as a script, this file is the victims' nursery: it imports once and forks a writer for each line on its standard
input, which makes a kill cost milliseconds. A writer commits as fast as it can and names each commit on standard output
after it was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

import pytest

from webchat_nb.stream.model import Ordinal, Session, SessionId
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.store_author import Author, receipt, row

Synchronous = Literal["FULL", "NORMAL"]
SESSION_IDS = [SessionId("c1"), SessionId("c2")]


async def write_until_killed(path: Path, synchronous: Synchronous) -> None:
    """Commits of every kind: one token, many, rows with receipts, two sessions at once."""
    store = SQLiteStore(path, synchronous=synchronous)
    await store.open()
    authors = [Author(store, session_id) for session_id in SESSION_IDS]
    for author in authors:
        session = await store.session(author.session_id)
        if session is not None:
            author.epoch, author.head = session.epoch, session.head
    tell("opened 0")
    while True:
        for author in authors:
            await author.write(*[b"token"] * random.choice([1, 1, 1, 20]))
            tell(f"{author.session_id} {author.head}")
        one, two = authors
        head = Ordinal(one.head + 1)
        drafts = [one.draft(b"end", rows=[row("m", head)], receipts=[receipt(str(head))]), two.draft(b"end")]
        await store.commit(drafts)
        for author in authors:
            author.head = Ordinal(author.head + 1)
            tell(f"{author.session_id} {author.head}")


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def run_nursery(path: Path, synchronous: Synchronous) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            tell(f"pid {os.getpid()}")
            asyncio.run(write_until_killed(path, synchronous))
        os.waitpid(child, 0)
        tell("buried 0")


class Nursery:
    """The other end of the script: makes writers and kills them."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(path), synchronous],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks: IO[str] = self._process.stdin
        self._answers: IO[str] = self._process.stdout

    def kill_one(self, after_s: float, *, while_opening: bool) -> dict[str, int]:
        """Kill a writer some time after its start or its first commit; returns each session's last acknowledged ordinal.

        What is waited for first is the writer's own word: on a slow machine too, it is killed where the test wants it.
        """
        self._asks.write("go\n")
        self._asks.flush()
        _, pid = self._answers.readline().split()
        acknowledged: dict[str, int] = {}
        while not (while_opening or acknowledged):
            self._hear(acknowledged)
        time.sleep(after_s)  # the random moment is what is tested
        os.kill(int(pid), signal.SIGKILL)
        while self._hear(acknowledged):
            pass
        return acknowledged

    def _hear(self, acknowledged: dict[str, int]) -> bool:
        word, number = self._answers.readline().split()
        if word in SESSION_IDS:
            acknowledged[word] = int(number)
        return word != "buried"

    def close(self) -> None:
        self._asks.close()
        self._process.wait()
        self._answers.close()


@pytest.fixture(params=["FULL", "NORMAL"])
def synchronous(request: pytest.FixtureRequest) -> Synchronous:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def nursery(tmp_path: Path, synchronous: Synchronous) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path / "chat.db", synchronous)
    yield nursery
    nursery.close()


async def survivors(path: Path, acknowledged: dict[str, int]) -> dict[str, Session]:
    """Open the file, hold it against what was acknowledged; the sessions that are there."""
    store = SQLiteStore(path)
    await store.open()
    try:
        found: dict[str, Session] = {}
        for session_id in SESSION_IDS:
            log = await store.events(session_id, Ordinal(0), 10**9)
            assert [entry.ordinal for entry in log] == list(range(1, len(log) + 1))
            assert len(log) >= acknowledged.get(session_id, 0)
            session = await store.session(session_id)
            assert (session.head if session else 0) == len(log)
            if session is not None:
                found[session_id] = session
            ends = [entry.ordinal for entry in log if entry.payload == b"end"]
            if session_id == "c1" and ends:  # what was in one commit is there together
                message = await store.entity(session_id, "ChatMessage", "m")
                assert message is not None
                assert message.updated == ends[-1]
                assert await store.receipt(session_id, "ann", str(ends[-1])) is not None
        return found
    finally:
        await store.close()


def kill_often(nursery: Nursery, path: Path, synchronous: Synchronous, times: int, seed: int) -> None:
    print("seed", seed)
    chance = random.Random(seed)
    epochs: dict[str, set[str]] = {session_id: set() for session_id in SESSION_IDS}
    for number in range(times):
        while_opening = number % 5 == 4
        acknowledged = nursery.kill_one(chance.uniform(0, 0.04), while_opening=while_opening)
        assert acknowledged or while_opening
        for session_id, session in asyncio.run(survivors(path, acknowledged)).items():
            epochs[session_id].add(session.epoch)
    for seen in epochs.values():
        assert (len(seen) == 1) is (synchronous == "FULL"), "a mode that may lose the tail changes the epoch"


@pytest.mark.rule("ST2", "OR3")
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_at_any_moment_it_keeps_what_was_acknowledged(
    nursery: Nursery, tmp_path: Path, synchronous: Synchronous
) -> None:
    kill_often(nursery, tmp_path / "chat.db", synchronous, times=25, seed=random.randrange(10**9))


@pytest.mark.nightly
@pytest.mark.parametrize("file_number", range(16))  # a new file each time: reading the whole log again stays cheap
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_hundreds_of_times_it_keeps_what_was_acknowledged(
    nursery: Nursery, tmp_path: Path, synchronous: Synchronous, file_number: int
) -> None:
    kill_often(nursery, tmp_path / "chat.db", synchronous, times=25, seed=random.randrange(10**9))


if __name__ == "__main__":
    run_nursery(Path(sys.argv[1]), sys.argv[2])  # type: ignore[arg-type]
