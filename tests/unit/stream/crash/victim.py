"""A whole chat under load: prompts with keys, stops, subscribers, pruning, erasing, until it dies.

Run as a script it is the victims' nursery: it imports everything once and forks a victim for each order on its standard
input, so that a kill costs milliseconds. What a victim writes into its pipe before a SIGKILL is heard all the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from typing import Literal

import msgspec

from tests.unit.stream.crash.reports import (
    Acknowledged,
    Asked,
    Buried,
    Died,
    Erased,
    Erasing,
    Judged,
    Judging,
    Opened,
    Order,
    Pruned,
    Report,
    Shown,
    Started,
    Stopped,
    digest_of,
)
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.errors import BadRequestError, QueueFullError, UnknownSessionError
from webchat_nb.stream import Cursor, FanoutSettings, Session, session_id
from webchat_nb.stream.retention import Retention, prune
from webchat_nb.stream.stores import SQLiteStore
from webchat_nb.testing.fold import Fold
from webchat_nb.wire.requests import CancelRequest, FeedbackRequest, Principal, SubmitRequest

ANN = Principal(user="ann")
WHOLE = 10_000
"""A window that holds every entity."""

PROMPTS = ["talk", "think", "tool", "long", "fail"]


def tell(report: Report) -> None:
    """Say it; it is in the pipe when this returns."""
    os.write(1, msgspec.json.encode(report) + b"\n")


class Victim:
    """One life."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.chance = random.Random(order.seed)
        self.passings = 0
        store = SQLiteStore(order.path, synchronous=order.synchronous, probe=self.passed)
        self.app: ChatApp = build(
            Config(
                store=store,
                profiles=order.profiles,
                fanout=FanoutSettings(flush_interval_s=0.002, pause_s=0.001),
                probe=lambda point: self.passed(f"pipeline {point}"),  # the store has a "committed" of its own
            )
        )

    def passed(self, point: str) -> None:
        """Die here, if this is the place."""
        if point == self.order.point:
            self.passings += 1
            if self.passings == self.order.passing:
                tell(Died(str(point)))
                os.kill(os.getpid(), signal.SIGKILL)

    async def live(self) -> None:
        """Until death; an order that ``closes`` comes to its end."""
        await self.app.start()
        tell(Opened())
        era = self.order.generation // 4  # a conversation lives through some deaths
        async with asyncio.TaskGroup() as tasks:
            workers = [
                tasks.create_task(work)
                for work in (
                    self.watch(f"c{era}-0"),
                    self.watch(f"c{era}-1"),
                    self.talk(f"c{era}-0"),
                    self.talk(f"c{era}-1"),
                    self.talk(f"p{era}"),
                    self.prune(f"p{era}"),
                    self.erase(),
                )
            ]
            if self.order.closes:
                await asyncio.sleep(self.chance.uniform(0.01, 0.05))
                for worker in workers:
                    worker.cancel()
        await self.app.stop()

    async def talk(self, conv_id: str) -> None:
        for number in range(10_000):
            key = f"{self.order.generation}-{conv_id}-{number}"
            prompt = f"{self.chance.choice(PROMPTS)} {key}"
            on_busy: Literal["queue", "replace"] = "replace" if self.chance.random() < 0.3 else "queue"
            tell(Asked(conv_id, key, prompt, on_busy))
            request = SubmitRequest(prompt=prompt, conv_id=conv_id, idempotency_key=key, on_busy=on_busy)
            try:
                answer = await self.app.service.submit(ANN, request)
            except QueueFullError:
                await self.app.service.wait_idle(ANN, conv_id)
                continue
            tell(Acknowledged(conv_id, key, answer.run_id, answer.turn_id, answer.epoch, int(answer.seq)))
            self.passed("acknowledged")
            if self.chance.random() < 0.2:
                stop = await self.app.service.cancel(ANN, CancelRequest(conv_id=conv_id, run_id=answer.run_id))
                if stop.status != "idle":
                    tell(Stopped(conv_id, answer.run_id))
            if self.chance.random() < 0.5:
                await self.app.service.wait_idle(ANN, conv_id)
                await self.judge(conv_id, f"f{key}", f"{answer.turn_id}:text:1")

    async def judge(self, conv_id: str, key: str, message_id: str) -> None:
        tell(Judging(conv_id, key, message_id))
        request = FeedbackRequest(message_id=message_id, value="up", comment=key)
        with suppress(BadRequestError):  # a run that was replaced while it waited has no answer
            await self.app.service.give_feedback(ANN, conv_id, request, key=key)
            tell(Judged(conv_id, key))
            self.passed("acknowledged")

    async def watch(self, conv_id: str) -> None:
        """A subscriber that says what it holds after each delivery; it hydrates again when it has to."""
        fold = Fold()
        since: Cursor | None = None
        while True:
            subscription = await self.app.hub.subscribe(session_id(conv_id), since=since, window=WHOLE)
            fold.hydrate(subscription.hydration)
            self.show(conv_id, fold)
            passed = {id(delivery) for delivery in subscription.hydration.missed}
            async for delivery in subscription:
                if id(delivery) not in passed:
                    fold.apply(delivery)
                    self.show(conv_id, fold)
            since = fold.cursor

    def show(self, conv_id: str, fold: Fold) -> None:
        if fold.ordinal:
            tell(Shown(conv_id, fold.epoch, fold.ordinal, digest_of(fold.timeline)))
            self.passed("shown")

    async def prune(self, conv_id: str) -> None:
        hub = self.app.hub
        while True:
            await asyncio.sleep(0.005)
            retention = Retention(max_events=self.chance.randrange(40))
            first = await prune(
                hub.store, session_id(conv_id), retention, now_ms=hub.clock.now_ms(), may_prune=_has_no_run
            )
            tell(Pruned(conv_id, first))

    async def erase(self) -> None:
        service = self.app.service
        for number in range(10_000):
            conv_id = f"e{self.order.generation}-{number}"
            await service.submit(ANN, SubmitRequest(prompt="talk", conv_id=conv_id))
            if self.chance.random() < 0.5:
                await service.wait_idle(ANN, conv_id)
            tell(Erasing(conv_id))
            with suppress(UnknownSessionError):
                await service.erase_session(ANN, conv_id)
            tell(Erased(conv_id))


def _has_no_run(session: Session) -> bool:
    """Nothing of the log is needed: what a run has open is found there after a crash."""
    return session.attributes.get("status") not in ("running", "queued")


def run_nursery() -> None:
    """Fork a victim for each order, and bury it."""
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            try:
                tell(Started(os.getpid()))
                asyncio.run(Victim(msgspec.json.decode(line, type=Order)).live())
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        _, status = os.waitpid(child, 0)
        tell(Buried(status))


if __name__ == "__main__":
    run_nursery()
