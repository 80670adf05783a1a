"""Everything that can happen to a board, in any order, and what has to hold all the while."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.laws.board_model import BoardModel, RefusedError
from tests.laws.board_strategies import client_numbers, commands, counters, texts, units
from tests.laws.client import EVERYTHING, FATES, Client, Fate
from tests.laws.counter_board import (
    CounterAdded,
    CounterBoard,
    CounterClosed,
    CounterOpened,
    LineWritten,
    UnknownCounterError,
    fact,
)
from tests.laws.homes import Home, MemoryHome
from webchat_nb.errors import IdempotencyConflictError, LogPrunedError, ProjectionError
from webchat_nb.stream import Cursor, Epoch, FanoutSettings, Ordinal, Receipt, Retention, session_id
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fold import Fold, rows_timeline

T = TypeVar("T")
BOARD = session_id("board")

POINTS = ["projected", "committed", "told"]


class BoardMachine(RuleBasedStateMachine):
    """One board, two clients behind a bad network, a reader behind a good one, and a model."""

    make_home: Callable[[], Home] = MemoryHome

    def __init__(self) -> None:
        super().__init__()
        self.home = type(self).make_home()
        self.clock = ManualClock()
        self.model = BoardModel()
        self.receipts: dict[tuple[str, str], tuple[str, Receipt]] = {}
        self.epoch: Epoch | None = None  # of the present log, once it has an event
        self.past_epochs: set[Epoch | None] = set()
        self.first = 1  # the oldest event that is still in the log
        self.runner: asyncio.Runner | None = None
        self.reader = Client(BOARD)
        self.clients = [Client(BOARD), Client(BOARD), self.reader]
        self.probe: Callable[[str], None] = ignore

    # The process

    @initialize(
        flush_interval_s=st.sampled_from([0.0, 0.016]),
        merge_backlog_bytes=st.sampled_from([500, 128 << 10]),
        is_furnished=st.booleans(),
    )
    def begins(self, flush_interval_s: float, merge_backlog_bytes: int, is_furnished: bool) -> None:
        self.fanout = FanoutSettings(
            flush_interval_s=flush_interval_s,
            merge_backlog_bytes=merge_backlog_bytes,
            max_backlog_bytes=merge_backlog_bytes * 40,
        )
        self.start()
        if is_furnished:
            self.publishes([CounterOpened(counter=counter) for counter in ("a", "b")])

    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.home.make_store()
        self.board = CounterBoard(
            self.store, clock=self.clock, fanout=self.fanout, probe=lambda point: self.probe(point)
        )
        self.hub = self.board.hub
        self.run(self.hub.start())
        self.run(self.reader.connect(self.hub))
        self.run(self.clients[0].connect(self.hub))  # the other one comes when it likes

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        assert self.runner is not None
        return self.runner.run(coroutine)

    def ends(self) -> None:
        """What the process had in memory is gone."""
        assert self.runner is not None
        self.runner.close()
        self.runner = None
        for client in self.clients:
            client.disconnect()
        if not self.home.outlives_process:
            self.forget()

    def forget(self) -> None:
        self.model, self.receipts, self.first = BoardModel(), {}, 1
        self.leave_epoch()

    def leave_epoch(self) -> None:
        self.past_epochs.add(self.epoch)
        self.epoch = None

    @rule()
    def restarts(self) -> None:
        self.run(self.hub.shutdown())
        self.ends()
        self.start()

    @rule(unit_list=st.lists(units, max_size=4), point=st.sampled_from(POINTS), pass_number=st.integers(1, 3))
    def crashes(self, unit_list: list[list[Any]], point: str, pass_number: int) -> None:
        """In the middle of publishing: what was acknowledged or shown is there, of the rest whole units in order."""
        acknowledged = self.run(self._publish_until(unit_list, point, pass_number))
        possible = [self.model]
        for number, unit in enumerate(unit_list):
            try:
                possible.append(possible[-1].after(*unit))
            except RefusedError:
                possible.append(possible[-1])
            if number < acknowledged:
                possible = possible[-1:]
        self.run(self.store.close())
        self.home.after_crash()
        self.ends()
        self.start()
        if not self.home.outlives_process:
            return
        epoch = self.epoch
        if not self.home.keeps_epoch_after_crash:
            self.leave_epoch()
        log = self.model.log[: self.first - 1] + self.logged()
        assert log in [model.log for model in possible], "acknowledged or not, a unit is there whole or not at all"
        self.model = BoardModel.of(log)
        shown = [ordinal for client in self.clients for ordinal in client.ordinals_in(epoch)] if epoch else []
        assert max(shown, default=0) <= len(log), "what was shown is there"

    async def _publish_until(self, unit_list: list[list[Any]], point: str, pass_number: int) -> int:
        """Publish all at once, photograph the home at that point; returns how many units were answered for by then."""
        tasks = [asyncio.ensure_future(self._publish(unit)) for unit in unit_list]
        passes: list[str] = []
        answered = 0

        def photograph() -> None:
            nonlocal answered
            self.home.photograph()
            answered = max((n for n, task in enumerate(tasks, 1) if task.done() and task.result()), default=0)
            for client in self.clients:
                client.hang_up()

        def look(passed: str) -> None:
            passes.append(passed)
            if passed == point and passes.count(point) == pass_number:
                photograph()

        self.probe = look
        await asyncio.gather(*tasks)
        self.probe = ignore
        if passes.count(point) < pass_number:
            photograph()
        return answered

    async def _publish(self, unit: list[Any]) -> list[int] | None:
        try:
            return list(await self.hub.publish(*(fact(BOARD, payload) for payload in unit)))
        except ProjectionError:
            return None

    def logged(self) -> list[Any]:
        """The payloads of the log as the hub reads it."""
        return [event.payload for event in self.run(self.hub.events(BOARD, after=Ordinal(0), limit=EVERYTHING))]

    @rule()
    def leaves_the_memory(self) -> None:
        for client in self.clients:
            client.disconnect()
        self.run(self._evict())
        self.run(self.reader.connect(self.hub))

    async def _evict(self) -> None:
        self.hub.evict(idle_longer_than_s=0)

    # Writing

    @rule(unit=units)
    def publishes(self, unit: list[Any]) -> None:
        head = len(self.model.log)
        ordinals = self.run(self._publish(unit))
        try:
            self.model = self.model.after(*unit)
        except RefusedError:
            assert ordinals is None
            return
        assert ordinals == list(range(head + 1, head + 1 + len(unit)))

    @rule(unit=units)
    def streams(self, unit: list[Any]) -> None:
        """Without waiting for each commit; the first refusal ends it."""
        wanted = self.model
        for payload in unit:
            try:
                wanted = wanted.after(payload)
            except RefusedError:
                break
        self.run(self._stream(unit))
        self.model = wanted

    @rule(
        counter=counters,
        words=st.lists(texts, min_size=2, max_size=6),
        fates=st.lists(st.sampled_from(FATES), max_size=4),
    )
    def is_written_to(self, counter: str, words: list[str], fates: list[Fate]) -> None:
        """A text that grows, word by word, while somebody reads."""
        for word in words:
            self.publishes([LineWritten(counter=counter, text=word)])
        self.run(self.clients[0].receive(self.hub, fates))

    async def _stream(self, unit: list[Any]) -> None:
        publisher = self.hub.publisher(BOARD)
        try:
            for payload in unit:
                await publisher.send(fact(BOARD, payload))
                if publisher.error is None:
                    await publisher.flush()
        except ProjectionError:
            pass
        finally:
            publisher.close()

    @rule(command=commands, key=st.sampled_from(["", "k1", "k2"]), actor=st.sampled_from(["ann", "bob"]))
    def asks(self, command: Any, key: str, actor: str) -> None:
        fingerprint = command.SerializeToString(deterministic=True).hex()
        kept = self.receipts.get((actor, key))
        head = len(self.model.log)
        try:
            receipt = self.run(self.board.submit(BOARD, command, actor=actor, key=key))
        except IdempotencyConflictError:
            assert kept is not None and kept[0] != fingerprint
        except UnknownCounterError:
            assert kept is None and ("Counter", command.counter) not in self.model.timeline
        else:
            if kept is not None:
                assert receipt.deduplicated and kept[0] == fingerprint
                assert (receipt.answer, receipt.ordinal) == (kept[1].answer, kept[1].ordinal)
                return
            assert not receipt.deduplicated
            self.model = self.model.after(*_events_of(command, self.model))
            assert receipt.ordinal == len(self.model.log) > head
            if key:
                self.receipts[actor, key] = (fingerprint, receipt)

    @rule(event_count=st.integers(0, 6))
    def is_pruned(self, event_count: int) -> None:
        first = self.run(self.hub.prune(BOARD, Retention(max_events=event_count)))
        assert self.first <= first <= max(self.first, len(self.model.log) - event_count + 1)
        self.first = first

    @rule()
    def is_rebuilt(self) -> None:
        if self.first > 1:
            with pytest.raises(LogPrunedError):
                self.run(self.hub.rebuild(BOARD))
            return
        rebuilt = self.run(self.hub.rebuild(BOARD))
        assert rebuilt.is_same, rebuilt
        assert rebuilt.event_count == len(self.model.log)

    @rule()
    def is_erased(self) -> None:
        assert self.run(self.hub.erase(BOARD)) is bool(self.model.log)
        self.forget()

    # Reading

    @rule(number=client_numbers, back=st.integers(0, 30))
    def connects(self, number: int, back: int) -> None:
        """From where it stands, or from anything that it ever showed."""
        client = self.clients[number]
        cursors = list(client.seen)
        self.run(client.connect(self.hub, since=cursors[-back] if 0 < back <= len(cursors) else None))

    @rule(number=client_numbers)
    def disconnects(self, number: int) -> None:
        self.clients[number].disconnect()

    @rule(number=client_numbers, fates=st.lists(st.sampled_from(FATES), max_size=8))
    def receives(self, number: int, fates: list[Fate]) -> None:
        self.run(self.clients[number].receive(self.hub, fates))

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.jump(seconds)

    # What holds

    @invariant()
    def the_reader_reads(self) -> None:
        if self.runner is not None:
            self.run(self.reader.catch_up(self.hub))

    @invariant()
    def the_board_is_the_fold_of_its_log(self) -> None:
        if self.runner is None:
            return
        snapshot = self.run(self.hub.snapshot(BOARD, window=EVERYTHING))
        assert rows_timeline(snapshot.entities) == self.model.timeline
        assert snapshot.ordinal == len(self.model.log)
        assert dict(snapshot.attributes) == self.model.attributes
        if not self.model.log:
            return  # what nobody can hold anything of may be called anything
        assert snapshot.epoch not in self.past_epochs, "another log, another epoch (OR3)"
        assert snapshot.epoch == (self.epoch or snapshot.epoch), "the same log, the same epoch"
        self.epoch = snapshot.epoch

    @precondition(lambda self: self.runner is not None)
    @rule()
    def everybody_agrees(self) -> None:
        """Clients on a network that is well again; the log; and whoever resumes from any ordinal ever shown."""
        self.clock.jump(1)
        self.run(self.reader.catch_up(self.hub))
        assert self.reader.gap_count == 0
        assert self.reader.fold.timeline == self.model.timeline
        for client in self.clients:
            self.run(client.connect(self.hub))
            self.run(client.catch_up(self.hub))
            assert client.fold.timeline == self.model.timeline
            assert client.fold.ordinal == len(self.model.log)
        assert self.logged() == self.model.log[self.first - 1 :]
        epoch = self.run(self.hub.session(BOARD)).epoch
        for client in self.clients:
            for ordinal in client.ordinals_in(epoch):
                self.run(self._resume(client, Cursor(epoch, ordinal)))
        ledger = self.run(self.hub.entity(BOARD, "Ledger", "all"))
        totals: Any = ledger.payload if ledger is not None else None
        assert (dict(totals.totals) if totals is not None else {}) == self.model.totals

    async def _resume(self, client: Client, cursor: Cursor) -> None:
        fold = Fold()
        fold.cursor = cursor
        fold.timeline = {key: dict(entity) for key, entity in client.seen[cursor].items()}
        subscription = await self.hub.subscribe(BOARD, since=cursor, window=EVERYTHING)
        fold.hydrate(subscription.hydration)
        subscription.close()
        is_there = cursor.ordinal + 1 >= self.first or cursor.ordinal == len(self.model.log)
        if not is_there:
            assert subscription.hydration.reason == "pruned"
        elif subscription.hydration.mode == "snapshot":
            assert subscription.hydration.reason == "gap_too_large"
            assert sum(payload.ByteSize() for payload in self.model.log[cursor.ordinal :]) > 100_000
        assert fold.timeline == self.model.timeline, f"resumed from {cursor.ordinal}"

    def teardown(self) -> None:
        try:
            if self.runner is not None and sys.exc_info()[0] is None:  # else that is what is to be told
                self.everybody_agrees()
        finally:
            try:
                if self.runner is not None:
                    self.run(self.hub.shutdown())
                    self.runner.close()
            finally:
                self.home.close()


def ignore(point: str) -> None:
    pass


def _events_of(command: Any, model: BoardModel) -> list[Any]:
    match command.DESCRIPTOR.name:
        case "OpenCounter":
            return [CounterOpened(counter=command.counter, label=command.label)]
        case "CloseCounter":
            return [CounterClosed(counter=command.counter)]
    added = CounterAdded(counter=command.counter, by=command.by, tags=command.tags)
    return [added, LineWritten(counter=command.counter, text=command.remark)] if command.remark else [added]


QUICK = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
LONG = settings(QUICK, max_examples=1000, stateful_step_count=60)
