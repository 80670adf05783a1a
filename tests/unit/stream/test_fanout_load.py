"""Many subscribers of which one takes nothing: what waits for it is bounded, and the others miss nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.stream.board import BoardProjections, NoteAdded, NoteExtended, board_registry
from webchat_nb.stream import Event, FanoutSettings, Hub, Subscription, session_id
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.fold import Fold

BOARD = session_id("board")
MAX_BACKLOG_BYTES = 64 << 10
PIECE = "0123456789" * 100
PIECE_COUNT = 2_000


def fact(payload: Any) -> Event:
    return Event(session_id=BOARD, name=payload.DESCRIPTOR.name, payload=payload)


class Reader:
    """Takes what comes as soon as it comes."""

    def __init__(self, subscription: Subscription) -> None:
        self.fold = Fold()
        self.fold.hydrate(subscription.hydration)
        self._subscription = subscription
        subscription.on_ready = self.take

    def take(self) -> None:
        for delivery in self._subscription.take():
            self.fold.apply(delivery)


@pytest.mark.rule("FR8")
async def test_what_waits_for_a_stalled_reader_is_bounded_and_the_others_get_all() -> None:
    settings = FanoutSettings(merge_backlog_bytes=MAX_BACKLOG_BYTES // 8, max_backlog_bytes=MAX_BACKLOG_BYTES)
    clock = ManualClock()
    hub = Hub(
        registry=board_registry(),
        store=MemoryStore(),
        projections=BoardProjections(),
        clock=clock,
        fanout=settings,
    )
    await hub.start()
    await hub.publish(fact(NoteAdded(id="a")))
    healthy = [Reader(await hub.subscribe(BOARD)) for _ in range(49)]
    stalled = await hub.subscribe(BOARD)
    most_bytes = 0
    publisher = hub.publisher(BOARD)
    for number in range(PIECE_COUNT):
        await publisher.send(fact(NoteExtended(id="a", text=PIECE)))
        if number % 10 == 9:
            await publisher.flush()
            clock.jump(0.02)
            most_bytes = max(most_bytes, stalled.backlog_bytes)
    await publisher.flush()
    publisher.close()
    await hub.publish(fact(NoteAdded(id="b")))  # structure is never held, and takes the held text along
    ordinal = (await hub.session(BOARD)).head
    await hub.shutdown()
    assert stalled.is_lagging and stalled.backlog_bytes == 0
    assert MAX_BACKLOG_BYTES // 2 < most_bytes <= MAX_BACKLOG_BYTES
    assert {reader.fold.ordinal for reader in healthy} == {ordinal}
    assert {len(reader.fold.timeline["Note", "a"]["text"]) for reader in healthy} == {PIECE_COUNT * len(PIECE)}
