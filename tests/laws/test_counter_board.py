"""The stream carries an application that is no chat, through its public names alone."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import webchat_nb.stream
from tests.laws import counter_board
from tests.laws.counter_board import (
    AddToCounter,
    Change,
    CloseCounter,
    Counter,
    CounterAdded,
    CounterBoard,
    Journal,
    LineWritten,
    OpenCounter,
    UnknownCounterError,
    fact,
)
from webchat_nb.errors import IdempotencyConflictError, ShuttingDownError
from webchat_nb.stream import Cursor, Ordinal, UpsertOp, session_id
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fold import Fold, rows_timeline

KITCHEN = session_id("kitchen")
STREAM = Path(webchat_nb.stream.__file__).parent


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def board(tmp_path: Path, clock: ManualClock) -> AsyncIterator[CounterBoard]:
    board = CounterBoard(SQLiteStore(tmp_path / "board.db"), clock=clock)
    await board.hub.start()
    yield board
    await board.hub.shutdown()


async def totals(board: CounterBoard) -> dict[str, int]:
    counters: list[Any] = [entity.payload for entity in await board.hub.entities(KITCHEN, "Counter")]
    return {counter.counter: counter.total for counter in counters}


async def test_commands_are_decided_by_what_is_on_the_board(board: CounterBoard) -> None:
    with pytest.raises(UnknownCounterError):
        await board.submit(KITCHEN, AddToCounter(counter="cats", by=1))
    assert not (await board.hub.session(KITCHEN)).exists
    await board.submit(KITCHEN, OpenCounter(counter="cats", label="Cats"))
    receipt = await board.submit(KITCHEN, AddToCounter(counter="cats", by=2, tags=["black"], remark="Two came.\n"))
    assert (receipt.answer, receipt.ordinal) == ({"total": 2}, 3)
    cats = await board.hub.entity(KITCHEN, "Counter", "cats")
    assert cats is not None and cats.payload == Counter(
        counter="cats", label="Cats", total=2, tag_counts={"black": 1}, last_change=Change(by=2, tags=["black"])
    )
    journal = await board.hub.entity(KITCHEN, "Journal", "cats")
    assert journal is not None and journal.payload == Journal(counter="cats", text="+2\nTwo came.\n")
    await board.submit(KITCHEN, CloseCounter(counter="cats"))
    assert await totals(board) == {}


@pytest.mark.rule("HT3")
async def test_a_command_counts_once_per_key_also_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        board = CounterBoard(SQLiteStore(tmp_path / "board.db"))
        await board.hub.start()
        await board.submit(KITCHEN, OpenCounter(counter="cats"), key="open")
        receipts = [await board.submit(KITCHEN, AddToCounter(counter="cats", by=5), key="add") for _ in range(2)]
        assert receipts[1].deduplicated and [receipt.answer for receipt in receipts] == [{"total": 5}] * 2
        with pytest.raises(IdempotencyConflictError):
            await board.submit(KITCHEN, AddToCounter(counter="cats", by=6), key="add")
        assert await totals(board) == {"cats": 5}
        await board.hub.shutdown()


@pytest.mark.rule("FR6", "SC2")
async def test_a_subscriber_sees_all_but_the_private_ledger_and_resumes_with_its_cursor(
    board: CounterBoard, clock: ManualClock
) -> None:
    watcher, fold = await board.hub.subscribe(KITCHEN), Fold()
    fold.hydrate(watcher.hydration)
    await board.submit(KITCHEN, OpenCounter(counter="cats", label="Cats"))
    await board.submit(KITCHEN, AddToCounter(counter="cats", by=1, remark="One came."))
    clock.jump(1)
    deliveries = watcher.take()
    assert [delivery.type for delivery in deliveries if delivery.prev == delivery.seq] == ["journal.line"]
    assert {op.kind for delivery in deliveries for op in delivery.ops} == {"Counter", "Journal"}
    for delivery in deliveries:
        fold.apply(delivery)
    watcher.close()
    session = await board.hub.session(KITCHEN)
    assert fold.cursor == await board.hub.cursor(KITCHEN) == Cursor(session.epoch, session.head)
    assert dict(session.attributes) == {"title": "Cats", "open": "cats"}

    publisher = board.hub.publisher(KITCHEN)
    for word in ["And", "it", "went", "away", "again."]:
        await publisher.send(fact(KITCHEN, LineWritten(counter="cats", text=f" {word}")))
    await publisher.flush()
    publisher.close()
    resumed = (await board.hub.subscribe(KITCHEN, since=fold.cursor)).hydration
    (missed,) = resumed.missed
    assert (resumed.mode, len(missed.ops)) == ("resumed", 1) and not isinstance(missed.ops[0], UpsertOp)
    fold.hydrate(resumed)
    snapshot = await board.hub.snapshot(KITCHEN)
    assert fold.timeline == rows_timeline(snapshot.entities)
    assert fold.timeline["Journal", "cats"]["text"] == "+1\nOne came. And it went away again."
    ledger = await board.hub.entity(KITCHEN, "Ledger", "all")
    assert ledger is not None and dict(ledger.payload.totals) == {"cats": 1}  # type: ignore[attr-defined]


@pytest.mark.rule("PL3", "EV1")
async def test_a_board_is_rebuilt_evicted_and_shut_down(board: CounterBoard, clock: ManualClock) -> None:
    await board.submit(KITCHEN, OpenCounter(counter="cats"))
    await board.hub.publish(*[fact(KITCHEN, CounterAdded(counter="cats", by=1)) for _ in range(3)])
    before = await board.hub.snapshot(KITCHEN)
    rebuilt = await board.hub.rebuild(KITCHEN)
    assert rebuilt.is_same and rebuilt.event_count == 4
    clock.jump(60)
    assert board.hub.evict(idle_longer_than_s=30) == [KITCHEN]
    assert await board.hub.snapshot(KITCHEN) == before
    assert [event.name for event in await board.hub.events(KITCHEN, after=Ordinal(2), limit=1)] == ["CounterAdded"]
    await board.hub.shutdown()
    with pytest.raises(ShuttingDownError):
        await board.submit(KITCHEN, AddToCounter(counter="cats", by=1))


# What the application is made of


def imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def test_the_board_uses_public_names_of_the_stream_only() -> None:
    used = {(module, name) for module, name in imports(Path(counter_board.__file__)) if module.startswith("webchat_nb")}
    assert used and {module for module, _ in used} == {"webchat_nb.stream"}
    assert {name for _, name in used} <= set(webchat_nb.stream.__all__)


def test_the_board_declares_all_of_its_payloads_in_python() -> None:
    modules = {schema.message.__module__ for schema in counter_board.counter_registry()}
    assert modules == {counter_board.__name__}


def test_the_stream_never_says_chat() -> None:
    """Neither in code nor in comments; apart from the package's own name and the errors that it shares."""
    said = {
        f"{path.relative_to(STREAM)}:{number}: {line.strip()}"
        for path in STREAM.rglob("*")
        if path.suffix in (".py", ".lua")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search("chat", re.sub(r"webchat(_nb)?\b|WebchatError", "", line), re.IGNORECASE)
    }
    assert {line for line in said if "It never says" not in line} == set()
