from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.stream.board import BoardProjections, Note, NoteAdded, NoteExtended, NoteRemoved, board_registry
from tests.unit.stream.test_hub import BOARD, fact, notes
from webchat_nb.stream import Cursor, Hub, LoggedEvent, Op, Ordinal, Session, TimelineView, Upsert
from webchat_nb.stream.stores.sqlite import SQLiteStore


class Shouting(BoardProjections):
    """The board, after somebody changed a projection: notes are in capitals, and none is called b."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        ops = [
            Upsert(op.kind, op.id, Note(id=op.id, text=op.payload.text.upper())) if isinstance(op, Upsert) else op  # type: ignore[attr-defined]
            for op in super().project_timeline(event, session, view)
        ]
        return [op for op in ops if op.id != "b"]


@pytest.mark.rule("PL3")
async def test_a_rebuild_puts_right_what_an_older_projection_left(tmp_path: Path) -> None:
    async def board(projections: BoardProjections) -> Hub:
        hub = Hub(registry=board_registry(), store=SQLiteStore(tmp_path / "a.db"), projections=projections)
        await hub.start()
        return hub

    hub = await board(BoardProjections())
    await hub.publish(*(fact(NoteAdded(id=id, text="note ")) for id in "abc"))
    await hub.publish(fact(NoteExtended(id="a", text="more")), fact(NoteRemoved(id="c")))
    await hub.shutdown()
    hub = await board(Shouting())
    watcher = await hub.subscribe(BOARD)
    assert await notes(hub) == {"a": "note more", "b": "note "}
    rebuilt = await hub.rebuild(BOARD)
    assert {id for _, id in rebuilt.changed} == {"a", "b"}
    assert await notes(hub) == {"a": "NOTE more"}
    assert watcher.is_lagging
    assert watcher.take() == []
    again = await hub.subscribe(BOARD, since=Cursor(watcher.hydration.epoch, Ordinal(5)))
    assert again.hydration.reason == "epoch_changed"
    assert await hub.publish(fact(NoteExtended(id="a", text="!"))) == [6]
    assert await notes(hub) == {"a": "NOTE more!"}
    assert (await hub.rebuild(BOARD)).is_same
    await hub.shutdown()
