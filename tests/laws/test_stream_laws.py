"""The laws of the stream, over random conversations: what the log folds to is what everybody sees."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.conversation import SESSION, Script, events_of, make_hub, scripts
from webchat_nb.stream import Cursor, Hub, Ordinal
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fold import Fold, rows_timeline

EVERYTHING = 10_000
laws = settings(deadline=None, max_examples=60, print_blob=True)


async def present(hub: Hub) -> dict[Any, Any]:
    return rows_timeline((await hub.snapshot(SESSION, window=EVERYTHING)).entities)


async def publish_watched(
    hub: Hub, script: Script, clock: ManualClock, flush_after: list[bool]
) -> dict[int, dict[Any, Any]]:
    """Publish all, with a client that is there from the beginning; the timeline that it shows at each ordinal."""
    fold, seen = Fold(), {}
    subscription = await hub.subscribe(SESSION, window=EVERYTHING)
    fold.hydrate(subscription.hydration)
    seen[0] = dict(fold.timeline)
    for index, unit in enumerate(script.units):
        await hub.publish(*events_of(unit))
        if flush_after[index % len(flush_after)]:
            clock.jump(1)
        for delivery in subscription.take():
            fold.apply(delivery)
        seen[fold.ordinal] = {key: dict(entity) for key, entity in fold.timeline.items()}
    clock.jump(1)
    for delivery in subscription.take():
        fold.apply(delivery)
    seen[fold.ordinal] = fold.timeline
    assert fold.ordinal == len(script.events)
    return seen


@pytest.mark.rule("FR5", "FR6", "FR7", "OR1")
@laws
@given(script=scripts(), flush_after=st.lists(st.booleans(), min_size=1, max_size=5), merged=st.booleans())
def test_live_resumed_from_everywhere_and_reloaded_are_the_same(
    script: Script, flush_after: list[bool], merged: bool
) -> None:
    async def run() -> None:
        clock = ManualClock()
        hub = make_hub(MemoryStore(), clock=clock, flush_interval_s=0.016 if merged else 0)
        await hub.start()
        seen = await publish_watched(hub, script, clock, flush_after)
        expected = await present(hub)
        epoch = (await hub.session(SESSION)).epoch
        assert seen[len(script.events)] == expected
        for ordinal, timeline in seen.items():
            fold = Fold()
            fold.timeline = {key: dict(entity) for key, entity in timeline.items()}
            fold.cursor = Cursor(epoch, Ordinal(ordinal))
            subscription = await hub.subscribe(SESSION, since=fold.cursor, window=EVERYTHING)
            assert subscription.hydration.mode == "resumed"
            fold.hydrate(subscription.hydration)
            assert fold.timeline == expected
            subscription.close()
        await hub.shutdown()

    asyncio.run(run())


@pytest.mark.rule("FR6", "ST2", "ST3", "ST6", "OR2")
@laws
@given(script=scripts(), cut=st.integers(0, 30))
def test_what_was_committed_is_there_after_a_crash_and_the_conversation_goes_on(script: Script, cut: int) -> None:
    async def run(folder: str) -> None:
        path = Path(folder) / "chat.db"
        before = [unit for unit in script.units[:cut] if unit]
        crashed = make_hub(SQLiteStore(path), flush_interval_s=0)
        await crashed.start()
        fold = Fold()
        subscription = await crashed.subscribe(SESSION, window=EVERYTHING)
        fold.hydrate(subscription.hydration)
        for unit in before:
            await crashed.publish(*events_of(unit))
        for delivery in subscription.take():
            fold.apply(delivery)
        await crashed.store.close()  # the hub's memory is lost; nothing else is written

        hub = make_hub(SQLiteStore(path), flush_interval_s=0)
        await hub.start()
        assert await present(hub) == fold.timeline
        resumed = await hub.subscribe(SESSION, since=fold.cursor, window=EVERYTHING)
        if before:
            assert resumed.hydration.mode == "resumed"
            assert resumed.hydration.head == fold.ordinal
            for unit in script.units[cut:]:
                await hub.publish(*events_of(unit))
            for delivery in resumed.take():
                fold.apply(delivery)
            assert fold.timeline == await present(hub)
            assert fold.ordinal == len(script.events)
        await hub.shutdown()

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))


@pytest.mark.rule("PL3")
@laws
@given(script=scripts(), flush_after=st.lists(st.booleans(), min_size=1, max_size=3))
def test_a_rebuild_from_the_log_gives_what_was_there(script: Script, flush_after: list[bool]) -> None:
    async def run(folder: str) -> None:
        clock = ManualClock()
        hub = make_hub(SQLiteStore(Path(folder) / "chat.db"), clock=clock)
        await hub.start()
        await publish_watched(hub, script, clock, flush_after)
        expected, watcher = await present(hub), await hub.subscribe(SESSION)
        rebuilt = await hub.rebuild(SESSION)
        assert rebuilt.is_same, rebuilt.changed
        assert await present(hub) == expected
        assert watcher.take() == []
        assert not watcher.is_lagging
        await hub.shutdown()

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))
