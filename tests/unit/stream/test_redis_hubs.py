"""Several hubs on one Redis: what one commits the others project, and nobody decides on what is no longer so (OR4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, final

import pytest

from tests.redis_server import RedisServer
from tests.unit.stream.board import (
    AddNote,
    BoardProjections,
    Note,
    NoteAdded,
    NoteExtended,
    NoteRemoved,
    UiNote,
    board_registry,
)
from tests.unit.stream.redis_stores import BOUNDED_S, prefix, server, until
from tests.unit.stream.test_hub import BOARD, fact, notes
from tests.unit.stream.test_rebuild import Shouting
from webchat_nb.errors import BusyError, SupersededError
from webchat_nb.stream import Command, CommandTurn, Committed, Hub, Ordinal, SchemaRegistry, Subscription
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.fold import Fold, rows_timeline

__all__ = ["prefix", "server"]

pytestmark = pytest.mark.rule("OR4")


@final
class Watcher:
    """A subscriber that subscribes again when it has to."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.fold = Fold()
        self.types: list[str] = []
        self.hydration_count = 0
        self.subscription: Subscription | None = None

    async def follow(self) -> None:
        while True:
            self.subscription = await self._hub.subscribe(BOARD)
            self.fold.hydrate(self.subscription.hydration)
            self.hydration_count += 1
            async for delivery in self.subscription:
                self.types.append(delivery.type)
                self.fold.apply(delivery)

    async def is_up_to_date(self) -> bool:
        return self.fold.cursor == await self._hub.cursor(BOARD)


@asynccontextmanager
async def hubs(
    server: RedisServer, prefix: str, count: int = 2, projections: Any = None
) -> AsyncIterator[list[tuple[Hub, Watcher]]]:
    """Hubs as in processes of their own, a watcher on each."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            hub = Hub(
                registry=board_registry(),
                store=RedisStore(server.url, prefix=prefix),
                projections=projections or BoardProjections(),
            )
            await hub.start()
            stack.push_async_callback(hub.shutdown)
            watcher = Watcher(hub)
            task = asyncio.create_task(watcher.follow())
            stack.callback(task.cancel)
            await until(lambda watcher=watcher: watcher.subscription is not None)  # type: ignore[misc]
            made.append((hub, watcher))
        yield made


async def settled(made: list[tuple[Hub, Watcher]]) -> None:
    """Everybody shows the same, which is what the log folds to."""
    for _, watcher in made:
        await until(watcher.is_up_to_date)
    hub = made[0][0]
    truth = rows_timeline((await hub.snapshot(BOARD, window=10_000)).entities)
    for _, watcher in made:
        assert watcher.fold.timeline == truth
    assert (await hub.rebuild(BOARD)).is_same


@pytest.mark.rule("OR1", "FR6")
async def test_facts_of_three_hubs_get_into_one_log_without_a_gap(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix, 3) as made:

        async def write(number: int, hub: Hub) -> None:
            await hub.publish(fact(NoteAdded(id=f"n{number}")))
            publisher = hub.publisher(BOARD)
            for piece in range(60):
                await publisher.send(fact(NoteExtended(id=f"n{number}", text=f"{piece} ")))
                if piece % 7 == number:
                    await asyncio.sleep(0.001)
            await publisher.flush()
            publisher.close()

        await asyncio.gather(*(write(number, hub) for number, (hub, _) in enumerate(made)))
        whole = "".join(f"{piece} " for piece in range(60))
        assert await notes(made[1][0]) == {"n0": whole, "n1": whole, "n2": whole}
        log = await made[0][0].events(BOARD, after=Ordinal(0), limit=1000)
        assert [event.ordinal for event in log] == list(range(1, 184))
        await settled(made)


async def test_foreign_events_come_with_their_ui_events(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made:
        (a, _), (_, on_b) = made
        await a.publish(fact(NoteAdded(id="a")))
        await until(on_b.is_up_to_date)
        on_b.types.clear()
        await a.publish(fact(NoteAdded(id="b")), fact(NoteExtended(id="b", text="x")), fact(NoteRemoved(id="a")))
        await until(on_b.is_up_to_date)
        assert on_b.types[:2] == ["note", "note.twice"]
        assert on_b.hydration_count <= 2
        await settled(made)


@pytest.mark.rule("HT3")
async def test_a_decision_is_made_again_when_another_hub_was_faster(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix, 3) as made:
        for hub, _ in made:

            def only_one(hub: Hub) -> Any:
                async def add(turn: CommandTurn) -> dict[str, Any]:
                    if await hub.entities(BOARD, "Note"):
                        raise BusyError("there is a note already")
                    turn.publish(fact(NoteAdded(id=turn.command.payload.id)))  # type: ignore[attr-defined]
                    return {}

                return add

            hub.on_command("AddNote", only_one(hub))
        commands = [Command(session_id=BOARD, name="AddNote", payload=AddNote(id=str(n))) for n in range(12)]
        outcomes = await asyncio.gather(
            *(made[n % 3][0].submit(command) for n, command in enumerate(commands)), return_exceptions=True
        )
        assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, BusyError) for outcome in outcomes) == 11
        assert len(await notes(made[2][0])) == 1
        await settled(made)


async def test_a_fast_writer_does_not_starve_a_command_elsewhere(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made:
        (a, _), (b, _) = made
        await a.publish(fact(NoteAdded(id="a")))
        is_over = False

        async def write() -> None:
            publisher = a.publisher(BOARD)
            while not is_over:
                await publisher.send(fact(NoteExtended(id="a", text="on ")))
                await asyncio.sleep(0)
            await publisher.flush()
            publisher.close()

        async def add(turn: CommandTurn) -> dict[str, Any]:
            for _ in range(5):  # handlers look around
                await b.entities(BOARD, "Note")
            turn.publish(fact(NoteAdded(id="b")))
            return {}

        b.on_command("AddNote", add)
        writing = asyncio.create_task(write())
        async with asyncio.timeout(BOUNDED_S):
            for _ in range(5):
                await b.submit(Command(session_id=BOARD, name="AddNote", payload=AddNote(id="b")))
        is_over = True
        await writing
        await settled(made)


async def test_a_publisher_whose_work_was_ended_elsewhere_writes_nothing_more(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made:
        (a, _), (b, _) = made
        await a.publish(fact(NoteAdded(id="a")))
        publisher = a.publisher(BOARD, while_=lambda timeline: timeline.get("Note", "a") is not None)
        await publisher.send(fact(NoteExtended(id="a", text="one")))
        await publisher.flush()
        await b.publish(fact(NoteRemoved(id="a")), fact(NoteAdded(id="b")))
        await publisher.send(fact(NoteAdded(id="late")))
        with pytest.raises(SupersededError):
            await publisher.flush()
        publisher.close()
        assert await notes(a) == {"b": ""}
        await settled(made)


@pytest.mark.rule("PL4")
async def test_observers_hear_of_foreign_events_as_such(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made:
        (a, on_a), (b, _) = made
        told: list[Committed] = []
        await b.publish(fact(NoteAdded(id="a")))
        await until(on_a.is_up_to_date)
        a.observe(told.append)
        await a.publish(fact(NoteAdded(id="b")))
        await b.publish(fact(NoteAdded(id="c")))
        await until(on_a.is_up_to_date)
        assert [(committed.is_own, [event.ordinal for event in committed.events]) for committed in told] == [
            (True, [2]),
            (False, [3]),
        ]


@pytest.mark.rule("OR3")
async def test_what_is_erased_on_one_hub_is_gone_on_the_other(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made:
        (a, _), (b, on_b) = made
        await a.publish(fact(NoteAdded(id="a")))
        await until(on_b.is_up_to_date)
        epoch = on_b.fold.epoch
        await a.erase(BOARD)
        await until(lambda: not on_b.fold.timeline)
        await b.publish(fact(NoteAdded(id="b")))
        assert await notes(a) == {"b": ""}
        assert (await a.session(BOARD)).epoch == (await b.session(BOARD)).epoch != epoch
        await settled(made)


@pytest.mark.rule("PL3", "OR3")
async def test_a_rebuild_on_one_hub_reaches_those_who_watch_on_another(server: RedisServer, prefix: str) -> None:
    async with hubs(server, prefix) as made, hubs(server, prefix, 1, Shouting()) as others:
        (a, on_a), _ = made
        ((shouting, _),) = others
        await a.publish(fact(NoteAdded(id="a", text="quiet")))
        await shouting.rebuild(BOARD)
        await until(lambda: on_a.fold.timeline.get(("Note", "a"), {}).get("text") == "QUIET")


async def test_an_event_that_a_hub_does_not_know_is_shown_by_what_it_changed(server: RedisServer, prefix: str) -> None:
    smaller = SchemaRegistry()
    smaller.event("NoteAdded", NoteAdded)
    smaller.entity("Note", Note)
    for name in ("note", "note.twice"):
        smaller.ui_event(name, UiNote)
    async with hubs(server, prefix, 1) as made:
        ((a, _),) = made
        await a.publish(fact(NoteAdded(id="a", text="one")))
        old = Hub(registry=smaller, store=RedisStore(server.url, prefix=prefix), projections=BoardProjections())
        await old.start()
        watcher = Watcher(old)
        following = asyncio.create_task(watcher.follow())
        await until(lambda: bool(watcher.fold.timeline))
        await a.publish(fact(NoteExtended(id="a", text=" two")), fact(NoteAdded(id="b")), fact(NoteRemoved(id="a")))
        await until(lambda: {id for _, id in watcher.fold.timeline} == {"b"})
        following.cancel()
        await old.shutdown()


@pytest.mark.rule("OR3", "ST10")
@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_writers_and_watchers_live_through_a_restart_of_redis(tmp_path: Path, prefix: str, fsync: str) -> None:
    with RedisServer(tmp_path / "redis", appendfsync=fsync) as own:
        async with hubs(own, prefix) as made:
            (a, _), (_, on_b) = made
            await a.publish(fact(NoteAdded(id="a")))
            await until(on_b.is_up_to_date)
            epoch = on_b.fold.epoch
            publisher = a.publisher(BOARD)
            for piece in range(40):
                await publisher.send(fact(NoteExtended(id="a", text=f"{piece} ")))
                if piece == 20:
                    await publisher.flush()
                    await until(lambda: asyncio.to_thread(own.has_written))
                    await asyncio.to_thread(own.restart)
            await publisher.flush()
            publisher.close()
            await until(lambda: _shows(on_b, "".join(f"{piece} " for piece in range(40))))
            await settled(made)
            assert (on_b.fold.epoch == epoch) == (fsync == "always"), "a tail that may be lost is another log"


def _shows(watcher: Watcher, text: str) -> bool:
    return watcher.fold.timeline.get(("Note", "a"), {}).get("text") == text
