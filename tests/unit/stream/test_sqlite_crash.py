"""`kill -9` of a whole chat, at every named point and at random, again and again (ST2).

Afterwards nothing that was acknowledged or shown is missing, no ordinal names two events, every open run is settled, a
repeated key gets its first answer, and the rows are what the log folds to.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from tests.unit.stream.crash.autopsy import Autopsy
from tests.unit.stream.crash.nursery import Nursery
from tests.unit.stream.crash.reports import Order, Report
from webchat_nb.stream.stores.sqlite import CommitPoint

Synchronous = Literal["FULL", "NORMAL"]

OFTEN = [
    CommitPoint.BATCH_GATHERED,
    CommitPoint.BEGUN,
    CommitPoint.EVENTS_WRITTEN,
    CommitPoint.ROWS_WRITTEN,
    CommitPoint.RECEIPTS_WRITTEN,
    CommitPoint.BEFORE_COMMIT,
    CommitPoint.COMMITTED,
    "pipeline projected",
    "pipeline committed",
    "pipeline told",
    "acknowledged",  # the victim's own two
    "shown",
]
SELDOM = [
    CommitPoint.PRUNE_DELETED,
    CommitPoint.PRUNED,
    CommitPoint.ERASE_DELETED,
    CommitPoint.ERASED,
    CommitPoint.BEFORE_CHECKPOINT,
    CommitPoint.CHECKPOINTED,
]
AT_OPENING_AND_CLOSING = [CommitPoint.INCARNATION_ANNOUNCED, CommitPoint.INCARNATION_KEPT]

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "think", "steps": [{"think": "Let me see."}, {"say": "Seen, and said."}]},
        {
            "match": "tool",
            "steps": [{"say": "Calling."}, {"call": {"tool": "add", "args": {"a": 1}, "result": 2}}, {"say": "Two."}],
        },
        {"match": "long", "steps": [{"say": {"text": "word after word 😀 ", "repeat": 30, "delay_ms": 0.2}}]},
        {"match": "fail", "steps": [{"say": "Half "}, {"fail": {"message": "model overloaded"}}]},
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


def test_every_named_point_is_a_place_to_die() -> None:
    assert {*OFTEN, *SELDOM, *AT_OPENING_AND_CLOSING} >= set(CommitPoint)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, Any]:
    script = tmp_path / "script.yaml"
    script.write_text(yaml.safe_dump(SCRIPT))
    return {"default": "default", "profiles": [{"slug": "default", "script": str(script)}]}


class Deaths:
    """One file and its victims."""

    def __init__(
        self, nursery: Nursery, path: Path, synchronous: Synchronous, profiles: dict[str, Any], seed: int
    ) -> None:
        print("seed", seed)
        self._nursery, self._path, self._synchronous, self._profiles = nursery, path, synchronous, profiles
        self._chance = random.Random(seed)
        self._autopsy = Autopsy(path, synchronous, profiles, self._chance)
        self.count = 0

    def at(self, point: str, passing: int, *, closes: bool = False) -> None:
        """A victim dies at a point."""
        reports = self._nursery.kill_at_point(self._order(point=str(point), passing=passing, closes=closes))
        self._bury(reports, is_closed=closes)

    def at_random(self) -> None:
        """A victim dies at some moment."""
        self._bury(self._nursery.kill_at_random(self._order(), self._chance))

    def at_every_point(self) -> None:
        """One victim for each point, in random order."""
        deaths = [(point, self._chance.randint(1, 60), False) for point in OFTEN]
        deaths += [(point, self._chance.randint(1, 3), False) for point in SELDOM]
        deaths += [(point, passing, passing == 2) for point in AT_OPENING_AND_CLOSING for passing in (1, 2)]
        self._chance.shuffle(deaths)
        for point, passing, closes in deaths:
            self.at(point, passing, closes=closes)

    def _order(self, **more: Any) -> Order:
        return Order(
            path=str(self._path),
            synchronous=self._synchronous,
            profiles=self._profiles,
            generation=self.count,
            seed=self._chance.randrange(10**9),
            **more,
        )

    def _bury(self, reports: Sequence[Report], *, is_closed: bool = False) -> None:
        self.count += 1
        self._autopsy.note(reports, is_closed=is_closed)
        if self._chance.random() < 0.7:  # else the next victim is the first to open the file
            self.examine()

    def examine(self) -> None:
        asyncio.run(self._autopsy.examine())


@needs_fork
@pytest.mark.rule("ST2", "OR2", "OR3", "HT3", "HT6", "RN3", "RN4", "PL3", "ST8")
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_chat_killed_at_every_point_keeps_its_promise(
    nursery: Nursery, tmp_path: Path, profiles: dict[str, Any], synchronous: Synchronous
) -> None:
    deaths = Deaths(nursery, tmp_path / "chat.db", synchronous, profiles, seed=random.randrange(10**9))
    deaths.at_every_point()
    for _ in range(6):
        deaths.at_random()
    deaths.examine()
    assert deaths.count >= 25


@needs_fork
@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.rule("ST2", "OR2", "OR3", "HT3", "HT6", "RN3", "RN4", "PL3", "ST8")
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
@pytest.mark.parametrize("file_number", range(8))  # a new file each time: autopsies stay cheap
def test_a_chat_killed_hundreds_of_times_keeps_its_promise(
    nursery: Nursery, tmp_path: Path, profiles: dict[str, Any], synchronous: Synchronous, file_number: int
) -> None:
    deaths = Deaths(nursery, tmp_path / "chat.db", synchronous, profiles, seed=random.randrange(10**9))
    for _ in range(2):
        deaths.at_every_point()
        for _ in range(10):
            deaths.at_random()
    deaths.examine()
