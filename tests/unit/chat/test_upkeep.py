"""What a running chat does now and then."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.unit.chat.chats import ME, chat, idle, submit, texts, until
from webchat_nb.app import ChatApp
from webchat_nb.errors import StoreFullError
from webchat_nb.stream import Ordinal, Retention, session_id
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.faults import FaultyStore

ROUND_S = 60.0


async def first_ordinal(app: ChatApp, conv_id: str = "c1") -> int:
    return await app.hub.store.first_ordinal(session_id(conv_id))


@pytest.mark.rule("ST8", "FR4")
async def test_logs_are_pruned_by_policy_and_timelines_stay(tmp_path: Path) -> None:
    clock = ManualClock()
    retention = Retention(max_events=3)
    async with chat(tmp_path, db=str(tmp_path / "a.db"), clock=clock, retention=retention) as app:
        await submit(app.service, "hello")
        await idle(app.service)
        early = await app.hub.cursor(session_id("c1"))
        await submit(app.service, "hello again")
        await idle(app.service)
        await submit(app.service, "wait", conv_id="c2")
        await app.signals.reached("go")
        said, head = await texts(app), (await app.hub.cursor(session_id("c1"))).ordinal
        clock.jump(ROUND_S)
        await until(lambda: first_is(app, head - 2))
        assert await first_ordinal(app, "c2") == 1, "a run is open"
        assert await texts(app) == said
        subscription = await app.service.subscribe(ME, "c1", since=early)
        assert (subscription.hydration.mode, subscription.hydration.reason) == ("snapshot", "pruned")
        subscription.close()
        app.signals.send("go")
        await idle(app.service, "c2")
        clock.jump(ROUND_S)
        await until(lambda: is_pruned(app, "c2"))


async def first_is(app: ChatApp, ordinal: int) -> bool:
    return await first_ordinal(app) == ordinal


async def is_pruned(app: ChatApp, conv_id: str) -> bool:
    return await first_ordinal(app, conv_id) > 1


@pytest.mark.rule("ST8")
async def test_old_events_are_pruned_by_their_age(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, retention=Retention(max_age_s=3600)) as app:
        await submit(app.service, "hello")
        await idle(app.service)
        head = (await app.hub.cursor(session_id("c1"))).ordinal
        clock.jump(3500)
        await submit(app.service, "hello again")
        await idle(app.service)
        assert await first_ordinal(app) == 1
        clock.jump(200)
        await until(lambda: first_is(app, head + 1))


async def test_without_a_policy_everything_stays(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await submit(app.service, "hello")
        await idle(app.service)
        clock.jump(10 * ROUND_S)
        assert len(await app.hub.events(session_id("c1"), after=Ordinal(0), limit=5)) == 5


async def test_trouble_with_the_store_is_told_once_and_the_next_round_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, store = ManualClock(), FaultyStore(MemoryStore())
    with caplog.at_level(logging.WARNING):
        async with chat(tmp_path, clock=clock, store=store, retention=Retention(max_events=0)) as app:
            await submit(app.service, "hello")
            await idle(app.service)
            store.fail("sessions", StoreFullError("no space"), times=2)
            for _ in range(2):
                clock.jump(ROUND_S)
                await until(lambda: not _is_busy(app))
            assert await first_ordinal(app) == 1
            clock.jump(ROUND_S)
            await until(lambda: is_pruned(app, "c1"))
    assert caplog.text.count("upkeep waits for the store") == 1


def _is_busy(app: ChatApp) -> bool:
    task = app._upkeep._task
    return task is not None and not task.done()
