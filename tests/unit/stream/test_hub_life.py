"""The hub besides commands and events: publishers, observers, metadata, cursor, run."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.chat.chats import until
from tests.unit.stream.board import AddNote, BoardProjections, Broken, NoteAdded, NoteExtended, board_registry
from tests.unit.stream.test_hub import BOARD, OTHER, fact, notes
from webchat_nb.errors import BadRequestError, ProjectionError, ShuttingDownError
from webchat_nb.stream import Command, CommandTurn, Committed, Cursor, Hub, Ordinal
from webchat_nb.stream.stores.memory import MemoryStore


@pytest.mark.rule("PL4")
async def test_observers_are_told_of_what_is_committed_and_cannot_break_it(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Committed] = []

    def broken(_: Committed) -> None:
        raise RuntimeError("a bug in an observer")

    hub.observe(broken)
    forget = hub.observe(told.append)
    await hub.publish(fact(NoteAdded(id="a")), fact(NoteAdded(id="b")))
    with pytest.raises(ProjectionError):
        await hub.publish(fact(NoteAdded(id="c")), fact(Broken(id="x")))
    forget()
    forget()
    await hub.publish(fact(NoteAdded(id="d")))
    (committed,) = told
    assert [(event.ordinal, event.payload) for event in committed.events] == [
        (1, NoteAdded(id="a")),
        (2, NoteAdded(id="b")),
    ]
    assert (committed.session.session_id, committed.session.head, committed.is_own) == (BOARD, 2, True)
    assert "an observer failed" in caplog.text
    assert (await hub.session(BOARD)).head == 3


async def test_the_metadata_factory_is_called_once_per_session_in_memory() -> None:
    made: list[str] = []

    def factory(session: str) -> dict[str, str]:
        made.append(session)
        return {"of": session}

    seen: list[object] = []

    async def add(turn: CommandTurn) -> dict[str, object]:
        seen.append(turn.metadata)
        turn.publish(fact(NoteAdded(id="a")))
        return {}

    hub = Hub(registry=board_registry(), store=MemoryStore(), projections=BoardProjections(), metadata=factory)
    hub.on_command("AddNote", add)
    await hub.start()
    for _ in range(2):
        await hub.submit(Command(session_id=BOARD, name="AddNote", payload=AddNote(id="a")))
    await hub.session(OTHER)
    assert seen == [{"of": "board"}, {"of": "board"}]
    assert seen[0] is seen[1] is hub.metadata(BOARD)
    assert made == ["board", "other"]
    hub.evict(idle_longer_than_s=0)
    assert hub.metadata(BOARD) == {"of": "board"}
    assert made == ["board", "other", "board"]
    await hub.shutdown()


async def test_a_cursor_stands_at_the_head(hub: Hub) -> None:
    session = await hub.session(BOARD)
    assert await hub.cursor(BOARD) == Cursor(session.epoch, Ordinal(0))
    await hub.publish(fact(NoteAdded(id="a")))
    assert await hub.cursor(BOARD) == Cursor(session.epoch, Ordinal(1))
    subscription = await hub.subscribe(BOARD, since=await hub.cursor(BOARD))
    assert (subscription.hydration.mode, list(subscription.hydration.missed)) == ("resumed", [])


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_run_serves_until_it_is_shut_down_or_cancelled(is_cancelled: bool) -> None:
    hub = Hub(registry=board_registry(), store=MemoryStore(), projections=BoardProjections())
    running = asyncio.create_task(hub.run())
    await until(lambda: _is_open(hub))
    await hub.publish(fact(NoteAdded(id="a")))
    if is_cancelled:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    else:
        await hub.shutdown()
        await running
    with pytest.raises(ShuttingDownError):
        await hub.publish(fact(NoteAdded(id="b")))


def _is_open(hub: Hub) -> bool:
    try:
        hub.metadata(BOARD)
    except ShuttingDownError:
        return False
    return True


@pytest.mark.rule("ST9")
async def test_a_past_that_is_yet_to_come_is_refused(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    with pytest.raises(BadRequestError, match="as_of: expected 0 to 1, got 2"):
        await hub.snapshot(BOARD, as_of=Ordinal(2))
    assert (await hub.snapshot(BOARD, as_of=Ordinal(0))).entities == []


async def test_a_publisher_does_not_run_far_ahead_of_the_commits(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    publisher = hub.publisher(BOARD)
    for _ in range(3000):
        await publisher.send(fact(NoteExtended(id="a", text="x")))
    assert (await hub.session(BOARD)).head > 1500
    await publisher.flush()
    assert await notes(hub) == {"a": "x" * 3000}


async def test_a_publisher_keeps_its_first_refusal(hub: Hub) -> None:
    publisher = hub.publisher(BOARD)
    await publisher.send(fact(NoteExtended(id="ghost", text="x")))
    with pytest.raises(ProjectionError):
        await publisher.flush()
    with pytest.raises(ProjectionError):
        await publisher.send(fact(NoteAdded(id="a")))


@pytest.mark.rule("PL1")
async def test_several_may_wait_for_what_a_publisher_sent_and_one_of_them_leave(hub: Hub) -> None:
    publisher = hub.publisher(BOARD)

    async def send(id: str) -> None:
        await publisher.send(fact(NoteAdded(id=id)))
        await publisher.flush()

    first, leaving, last = [asyncio.ensure_future(send(id)) for id in "abc"]
    asyncio.get_running_loop().call_soon(leaving.cancel)
    await asyncio.wait_for(asyncio.gather(first, last), 5)
    assert leaving.cancelled()
    assert (await notes(hub)).keys() == {"a", "b", "c"}
