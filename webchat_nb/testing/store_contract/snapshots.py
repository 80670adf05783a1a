# ruff: noqa: D102 - the name of a test is its sentence
"""What an application sees through a store: the timeline at every ordinal, live and afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from webchat_nb.errors import LogPrunedError
from webchat_nb.stream import Event, Hub, Ordinal, SessionId
from webchat_nb.stream.model import Cursor, EntityKey
from webchat_nb.testing.board import added, board_hub, extended, removed
from webchat_nb.testing.fold import Fold, rows_timeline
from webchat_nb.testing.store_contract.base import C1, C2, StoreTests

Timeline = dict[EntityKey, dict[str, Any]]

LONG = "a long text, past the size at which it is written as a whole again. " * 70


class SnapshotContract(StoreTests):
    """A hub on the store, with a small application."""

    @pytest.fixture
    def hub(self, tmp_path: Path) -> Iterator[Hub]:
        """A running board on an empty store."""
        hub = board_hub(self.make_store(tmp_path))
        self.runner.run(hub.start())
        yield hub
        self.runner.run(hub.shutdown())

    @pytest.mark.rule("FR6", "ST9")
    async def test_a_snapshot_at_every_ordinal_is_what_was_seen_there(self, hub: Hub) -> None:
        seen = await _play(hub)
        for ordinal, timeline in seen.items():
            snapshot = await hub.snapshot(C1, as_of=ordinal)
            assert (snapshot.ordinal, rows_timeline(snapshot.entities)) == (ordinal, timeline)

    @pytest.mark.rule("FR6", "ST9")
    async def test_a_snapshot_at_every_ordinal_is_the_same_from_the_store_alone(self, hub: Hub) -> None:
        seen = await _play(hub)
        await hub.publish(added(C1, "a", "end"), added(C1, "c", "end"))  # nothing grows in memory any more
        assert C1 in hub.evict(idle_longer_than_s=-1)
        for ordinal, timeline in seen.items():
            assert rows_timeline((await hub.snapshot(C1, as_of=ordinal)).entities) == timeline

    @pytest.mark.rule("PL3")
    async def test_a_rebuild_finds_what_is_kept(self, hub: Hub) -> None:
        seen = await _play(hub)
        assert (await hub.rebuild(C1)).is_same
        assert rows_timeline((await hub.snapshot(C1)).entities) == list(seen.values())[-1]

    @pytest.mark.rule("FR4", "ST8")
    async def test_a_cursor_from_before_the_pruning_gets_a_snapshot(self, hub: Hub) -> None:
        seen = await _play(hub)
        first = await hub.store.prune(C1, upto=Ordinal(5))
        assert first == 6
        epoch = (await hub.session(C1)).epoch
        for ordinal in range(1, max(seen) + 1):
            subscription = await hub.subscribe(C1, since=Cursor(epoch, Ordinal(ordinal)))
            hydration = subscription.hydration
            subscription.close()
            wanted = ("resumed", None) if ordinal >= 5 else ("snapshot", "pruned")
            assert (hydration.mode, hydration.reason) == wanted
            fold = Fold()
            fold.timeline, fold.cursor = seen[Ordinal(ordinal)], Cursor(epoch, Ordinal(ordinal))
            fold.hydrate(hydration)
            assert fold.timeline == rows_timeline((await hub.snapshot(C1)).entities)

    @pytest.mark.rule("PL3", "ST8")
    async def test_a_log_without_its_beginning_is_not_rebuilt(self, hub: Hub) -> None:
        await _play(hub)
        await hub.store.prune(C1, upto=Ordinal(3))
        with pytest.raises(LogPrunedError):
            await hub.rebuild(C1)


async def _play(hub: Hub) -> dict[Ordinal, Timeline]:
    """A board's life beside another one's; what a subscriber held at each ordinal."""
    subscription = await hub.subscribe(C1)
    fold = Fold()
    fold.hydrate(subscription.hydration)
    for unit in _units(C1):
        await hub.publish(*unit)
        await hub.publish(added(C2, "other"), extended(C2, "other", "!"))
    seen: dict[Ordinal, Timeline] = {}
    for delivery in subscription.take():
        fold.apply(delivery)
        seen[fold.ordinal] = {key: dict(entity) for key, entity in fold.timeline.items()}
    subscription.close()
    assert list(seen) == list(range(1, (await hub.session(C1)).head + 1))
    return seen


def _units(board: SessionId) -> list[list[Event]]:
    return [
        [added(board, "a", "A")],
        [extended(board, "a", " grows"), added(board, "b"), extended(board, "b", "Grüße 😀")],
        [removed(board, "a")],
        [extended(board, "b", LONG)],
        [extended(board, "b", "and on")],
        [added(board, "a", "again"), extended(board, "a", "!"), removed(board, "b")],
        [extended(board, "a", LONG), extended(board, "a", LONG), added(board, "c", "C")],
        [added(board, "a", "whole")],
        [extended(board, "a", " and"), extended(board, "c", " open"), extended(board, "a", " open")],
    ]
