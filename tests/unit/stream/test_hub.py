from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from tests.unit.stream.board import (
    AddNote,
    BoardProjections,
    Broken,
    Note,
    NoteAdded,
    NoteExtended,
    NoteRemoved,
    Silent,
    board_registry,
)
from webchat_nb.errors import (
    DuplicateNameError,
    IdempotencyConflictError,
    PayloadTypeError,
    ProjectionError,
    ShuttingDownError,
    StoreFullError,
    UnknownNameError,
)
from webchat_nb.stream import (
    Command,
    CommandTurn,
    Cursor,
    Epoch,
    Event,
    FanoutSettings,
    Hub,
    Ordinal,
    session_id,
)
from webchat_nb.stream.store import SessionCommit
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fold import Fold, rows_timeline

BOARD = session_id("board")
OTHER = session_id("other")


def fact(payload: Any, session: Any = BOARD) -> Event:
    return Event(session_id=session, name=payload.DESCRIPTOR.name, payload=payload)


async def notes(hub: Hub) -> dict[str, str]:
    snapshot = await hub.snapshot(BOARD)
    return {id: entity.get("text", "") for (_, id), entity in rows_timeline(snapshot.entities).items()}


@pytest.mark.rule("OR1")
async def test_ordinals_count_from_one_in_each_session(hub: Hub) -> None:
    assert await hub.publish(fact(NoteAdded(id="a")), fact(NoteAdded(id="b"))) == [1, 2]
    assert await hub.publish(fact(NoteAdded(id="a"), OTHER)) == [1]
    assert await hub.publish(fact(NoteRemoved(id="a"))) == [3]


@pytest.mark.rule("OR1")
async def test_events_published_at_once_keep_their_order(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    await asyncio.gather(*(hub.publish(fact(NoteExtended(id="a", text=str(n)))) for n in range(10)))
    assert await notes(hub) == {"a": "0123456789"}


@pytest.mark.rule("SC1")
async def test_an_unknown_name_or_a_wrong_type_is_refused_before_anything_is_stored(hub: Hub) -> None:
    with pytest.raises(UnknownNameError, match="Nothing"):
        await hub.publish(Event(session_id=BOARD, name="Nothing", payload=NoteAdded()))
    with pytest.raises(PayloadTypeError, match=r"expected \S*board\.NoteAdded, got NoteRemoved"):
        await hub.publish(Event(session_id=BOARD, name="NoteAdded", payload=NoteRemoved()))
    assert not (await hub.session(BOARD)).exists


@pytest.mark.rule("SC1")
def test_a_name_is_registered_once_with_a_concrete_message_type() -> None:
    registry = board_registry()
    with pytest.raises(DuplicateNameError, match="NoteAdded"):
        registry.event("NoteAdded", NoteAdded)
    with pytest.raises(PayloadTypeError, match=r"google\.protobuf\.Struct is open-ended"):
        registry.event("Anything", Struct)
    with pytest.raises(PayloadTypeError, match="expected a protobuf message type"):
        registry.entity("Anything", dict)  # type: ignore[arg-type]


@pytest.mark.rule("PL1", "PL2", "OR2")
async def test_a_failing_projection_stores_nothing_and_uses_no_ordinal(hub: Hub) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a")))
    with pytest.raises(ProjectionError):
        await hub.publish(fact(NoteAdded(id="b")), fact(NoteExtended(id="a", text="!")), fact(Broken(id="a")))
    assert await notes(hub) == {"a": ""}
    assert await hub.publish(fact(NoteExtended(id="a", text="x"))) == [2]
    assert {delivery.seq for delivery in subscription.take()} == {1, 2}


@pytest.mark.rule("PL1")
async def test_an_append_to_nothing_is_refused(hub: Hub) -> None:
    with pytest.raises(ProjectionError, match="not on the timeline"):
        await hub.publish(fact(NoteExtended(id="ghost", text="boo")))


class RefusingStore:
    """A store that is full now and then."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.is_full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: list[SessionCommit]) -> None:
        if self.is_full:
            raise StoreFullError("no space left")
        await self._store.commit(batch)


@pytest.mark.rule("PL1", "OR2", "ST5")
async def test_nobody_is_told_of_what_the_store_refused_and_the_session_goes_on(clock: ManualClock) -> None:
    store: Any = RefusingStore()
    hub = Hub(registry=board_registry(), store=store, projections=BoardProjections(), clock=clock)
    await hub.start()
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a", text="kept")))
    store.is_full = True
    with pytest.raises(StoreFullError):
        await hub.publish(fact(NoteExtended(id="a", text=" lost")))
    assert await notes(hub) == {"a": "kept"}
    store.is_full = False
    assert await hub.publish(fact(NoteExtended(id="a", text=" more"))) == [2]
    clock.jump(1)
    assert [int(delivery.seq) for delivery in subscription.take()] == [1, 1, 2]
    assert await notes(hub) == {"a": "kept more"}


@pytest.mark.rule("FR3")
async def test_a_second_ui_event_of_an_ordinal_moves_nothing(hub: Hub) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a")))
    first, second = subscription.take()
    assert (first.prev, first.seq, first.type, len(first.ops)) == (0, 1, "note", 1)
    assert (second.prev, second.seq, second.type, len(second.ops)) == (1, 1, "note.twice", 0)


@pytest.mark.rule("FR3", "FR17")
async def test_an_event_that_changes_nothing_still_moves_the_cursor(hub: Hub) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(Silent(id="x")))
    (delivery,) = subscription.take()
    assert (delivery.prev, delivery.seq, delivery.ops) == (0, 1, [])


@pytest.mark.rule("FR4")
async def test_why_a_snapshot_is_given_instead_of_what_was_missed(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    epoch = (await hub.session(BOARD)).epoch

    async def reason(since: Cursor | None) -> str | None:
        return (await hub.subscribe(BOARD, since=since)).hydration.reason

    assert await reason(None) == "first"
    assert await reason(Cursor(Epoch("older"), Ordinal(1))) == "epoch_changed"
    assert await reason(Cursor(epoch, Ordinal(2))) == "ahead_of_head"
    assert await reason(Cursor(epoch, Ordinal(1))) is None


@pytest.mark.rule("FR4")
async def test_more_changed_entities_than_the_window_become_a_snapshot(hub: Hub) -> None:
    epoch = (await hub.session(BOARD)).epoch
    await hub.publish(*(fact(NoteAdded(id=str(n))) for n in range(9)))
    hydration = (await hub.subscribe(BOARD, since=Cursor(epoch, Ordinal(0)), window=5)).hydration
    assert (hydration.mode, hydration.reason) == ("snapshot", "gap_too_large")
    assert hydration.snapshot is not None
    assert hydration.snapshot.has_more
    assert [row.id for row in hydration.snapshot.entities] == ["4", "5", "6", "7", "8"]


@pytest.mark.rule("FR6", "FR16")
async def test_a_resumption_in_the_middle_of_a_text_sends_the_missing_piece_only(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a", text="😀 begin")))
    await hub.publish(fact(NoteExtended(id="a", text=" known")))
    epoch = (await hub.session(BOARD)).epoch
    await hub.publish(fact(NoteExtended(id="a", text=" missed")))
    hydration = (await hub.subscribe(BOARD, since=Cursor(epoch, Ordinal(2)))).hydration
    (delivery,) = hydration.missed
    (op,) = delivery.ops
    assert (op.at, op.text) == (len("😀 begin known") + 1, " missed")  # type: ignore[union-attr]


@pytest.mark.rule("OR3")
async def test_a_session_that_does_not_exist_yet_can_be_followed_from_zero(hub: Hub) -> None:
    hydration = (await hub.subscribe(BOARD)).hydration
    assert (hydration.mode, hydration.head) == ("snapshot", 0)
    await hub.publish(fact(NoteAdded(id="a")))
    assert (await hub.session(BOARD)).epoch == hydration.epoch


@pytest.mark.rule("OR3")
async def test_an_erased_session_has_another_epoch_and_its_subscribers_hydrate_again(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    subscription = await hub.subscribe(BOARD)
    assert await hub.erase(BOARD)
    assert subscription.is_lagging
    hydration = (await hub.subscribe(BOARD, since=Cursor(subscription.hydration.epoch, Ordinal(1)))).hydration
    assert (hydration.reason, hydration.head) == ("epoch_changed", 0)


@pytest.mark.rule("FR7")
async def test_text_after_a_pause_goes_out_at_once_and_then_at_most_every_interval(
    hub: Hub, clock: ManualClock
) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a")))
    subscription.take()
    for text in "abc":
        await hub.publish(fact(NoteExtended(id="a", text=text)))
    (first,) = subscription.take()
    assert first.ops[0].text == "a"  # type: ignore[union-attr]
    clock.jump(0.016)
    (rest,) = subscription.take()
    assert (rest.prev, rest.seq, rest.ops[0].text) == (2, 4, "bc")  # type: ignore[union-attr]


@pytest.mark.rule("FR7")
async def test_text_that_comes_slowly_is_not_held(hub: Hub, clock: ManualClock) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a")))
    subscription.take()
    for _ in range(5):
        clock.jump(0.01)
        await hub.publish(fact(NoteExtended(id="a", text="x")))
        assert len(subscription.take()) == 1


@pytest.mark.rule("FR7")
async def test_structure_is_never_delayed_behind_text(hub: Hub) -> None:
    subscription = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a")))
    await hub.publish(fact(NoteExtended(id="a", text="x")))
    subscription.take()
    await hub.publish(fact(NoteExtended(id="a", text="y")))
    assert subscription.take() == []
    await hub.publish(fact(NoteRemoved(id="a")))
    assert [int(delivery.seq) for delivery in subscription.take()] == [3, 4]


@pytest.mark.rule("FR8")
async def test_a_reader_that_takes_nothing_gets_its_backlog_merged_then_a_snapshot(clock: ManualClock) -> None:
    hub = Hub(
        registry=board_registry(),
        store=MemoryStore(),
        projections=BoardProjections(),
        clock=clock,
        fanout=FanoutSettings(flush_interval_s=0, merge_backlog_bytes=2_000, max_backlog_bytes=20_000),
    )
    await hub.start()
    slow, quick, fold = await hub.subscribe(BOARD), await hub.subscribe(BOARD), Fold()
    fold.hydrate(quick.hydration)
    await hub.publish(fact(NoteAdded(id="a")))
    for _ in range(300):
        await hub.publish(fact(NoteExtended(id="a", text="1234567890")))
        for delivery in quick.take():
            fold.apply(delivery)
    assert slow.backlog_bytes < 20_000
    assert not slow.is_lagging
    for n in range(200):
        await hub.publish(fact(NoteAdded(id=str(n), text="1234567890" * 10)))
        for delivery in quick.take():
            fold.apply(delivery)
    assert slow.is_lagging
    assert slow.take() == []
    assert fold.timeline == rows_timeline((await hub.snapshot(BOARD, window=1000)).entities)


@pytest.mark.rule("FR8")
async def test_merged_backlogs_fold_to_the_same(clock: ManualClock) -> None:
    settings = FanoutSettings(flush_interval_s=0, merge_backlog_bytes=500)
    hub = Hub(
        registry=board_registry(), store=MemoryStore(), projections=BoardProjections(), clock=clock, fanout=settings
    )
    await hub.start()
    slow, fold = await hub.subscribe(BOARD), Fold()
    fold.hydrate(slow.hydration)
    await hub.publish(fact(NoteAdded(id="a")), fact(NoteAdded(id="b")))
    for n in range(100):
        await hub.publish(fact(NoteExtended(id="ab"[n % 2], text=f"{n} ")))
    taken = slow.take()
    assert len(taken) < 50
    for delivery in taken:
        fold.apply(delivery)
    assert fold.timeline == rows_timeline((await hub.snapshot(BOARD)).entities)


async def add_note(turn: CommandTurn) -> dict[str, Any]:
    payload: Any = turn.command.payload
    turn.publish(fact(NoteAdded(id=payload.id, text=payload.text)))
    return {"id": payload.id}


def command(**changes: Any) -> Command:
    return Command(session_id=BOARD, name="AddNote", payload=AddNote(id="a", text="once"), **changes)


@pytest.mark.rule("HT3")
async def test_a_command_is_carried_out_once_per_key(hub: Hub) -> None:
    hub.on_command("AddNote", add_note)
    first = await hub.submit(command(key="k", fingerprint="f", actor="ann"))
    again = await hub.submit(command(key="k", fingerprint="f", actor="ann"))
    assert (first.answer, first.ordinal, first.deduplicated) == ({"id": "a"}, 1, False)
    assert (again.answer, again.ordinal, again.deduplicated) == ({"id": "a"}, 1, True)
    with pytest.raises(IdempotencyConflictError):
        await hub.submit(command(key="k", fingerprint="other", actor="ann"))
    assert not (await hub.submit(command(key="k", fingerprint="f", actor="bob"))).deduplicated
    assert (await hub.session(BOARD)).head == 2


@pytest.mark.rule("HT3")
async def test_the_same_key_sent_twice_at_once_is_carried_out_once(hub: Hub) -> None:
    hub.on_command("AddNote", add_note)
    receipts = await asyncio.gather(*(hub.submit(command(key="k", fingerprint="f")) for _ in range(5)))
    assert sorted(receipt.deduplicated for receipt in receipts) == [False, True, True, True, True]
    assert (await hub.session(BOARD)).head == 1


async def test_a_command_has_one_handler(hub: Hub) -> None:
    hub.on_command("AddNote", add_note)
    with pytest.raises(DuplicateNameError):
        hub.on_command("AddNote", add_note)
    with pytest.raises(UnknownNameError):
        hub.on_command("RemoveNote", add_note)


async def test_a_closed_hub_refuses_everything(hub: Hub) -> None:
    await hub.shutdown()
    with pytest.raises(ShuttingDownError):
        await hub.publish(fact(NoteAdded(id="a")))


@pytest.mark.rule("EV1")
async def test_idle_sessions_leave_the_memory_and_come_back_whole(hub: Hub, clock: ManualClock) -> None:
    await hub.publish(fact(NoteAdded(id="a", text="x")))
    watched = await hub.subscribe(OTHER)
    clock.jump(100)
    assert hub.evict(idle_longer_than_s=60) == [BOARD]
    assert hub.live_session_count == 1
    assert await notes(hub) == {"a": "x"}
    watched.close()
    clock.jump(100)
    assert sorted(hub.evict(idle_longer_than_s=60)) == [BOARD, OTHER]


@pytest.mark.rule("EV1")
async def test_a_text_that_is_only_in_memory_and_the_log_is_not_evicted(hub: Hub, clock: ManualClock) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    await hub.publish(fact(NoteExtended(id="a", text="tail")))
    clock.jump(100)
    assert hub.evict(idle_longer_than_s=60) == []


@pytest.mark.rule("EV1")
async def test_a_session_that_somebody_is_writing_to_is_not_evicted(hub: Hub, clock: ManualClock) -> None:
    publisher = hub.publisher(BOARD)
    await publisher.send(fact(NoteAdded(id="a")))
    await publisher.flush()
    clock.jump(100)
    assert hub.evict(idle_longer_than_s=60) == []
    publisher.close()
    assert hub.evict(idle_longer_than_s=60) == [BOARD]


async def test_entities_are_typed_messages(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a", text="x")))
    entity = await hub.entity(BOARD, "Note", "a")
    assert entity is not None
    assert entity.payload == Note(id="a", text="x")
    assert (await hub.entities(BOARD, "Note"))[0].id == "a"
