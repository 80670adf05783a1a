"""PL2: what becomes of an event that a projection fails on, by policy; the records; having another try."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stream.board import BoardProjections, Broken, NoteAdded, NoteExtended, board_registry
from tests.unit.stream.test_hub import BOARD, fact, notes
from webchat_nb.errors import NotFoundError, ProjectionError
from webchat_nb.stream import Hub, LoggedEvent, Op, Ordinal, Policies, Session, TimelineView, UIEvent
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.testing.fold import Fold

pytestmark = pytest.mark.rule("PL2")

SECRET = "what the user wrote"


class Fragile(BoardProjections):
    """The board, with bugs that can be mended."""

    def __init__(self, *bugs: str) -> None:
        self.bugs = set(bugs)

    def _trip(self, projection: str, event: LoggedEvent) -> None:
        if projection in self.bugs and event.name != "NoteAdded":
            raise LookupError(SECRET)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        self._trip("timeline", event)
        return super().project_timeline(event, session, view)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        self._trip("ui", event)
        return super().project_ui(event, session, view)

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        self._trip("attributes", event)
        return {**super().project_attributes(event, session, view), "last": event.name}


async def board(folder: Path, projections: Any, **policies: Any) -> Hub:
    store = SQLiteStore(folder / "board.db")
    hub = Hub(registry=board_registry(), store=store, projections=projections, policies=Policies(**policies))
    await hub.start()
    return hub


async def reopened(hub: Hub, folder: Path, projections: Any, **policies: Any) -> Hub:
    await hub.shutdown()
    return await board(folder, projections, **policies)


@pytest.mark.parametrize("bug", ["timeline", "ui", "attributes"])
async def test_by_default_the_event_is_refused_and_kept_raw(
    bug: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    projections = Fragile(bug)
    hub = await board(tmp_path, projections)
    await hub.publish(fact(NoteAdded(id="a", text="one")))
    extended = NoteExtended(id="a", text=" two")
    with caplog.at_level(logging.DEBUG), pytest.raises(ProjectionError) as refused:
        await hub.publish(fact(extended))
    assert SECRET not in str(refused.value) + caplog.text
    assert (await hub.session(BOARD)).head == 1
    assert await notes(hub) == {"a": "one"}
    hub = await reopened(hub, tmp_path, projections)
    (failure,) = await hub.failures(BOARD)
    assert (failure.projection, failure.policy, failure.ordinal, failure.count) == (bug, "fail", None, 1)
    assert (failure.event.name, failure.event.payload) == ("NoteExtended", extended)
    assert failure.error == f"LookupError: {SECRET}"
    await hub.shutdown()


async def test_records_of_refused_events_are_counted_and_not_piled_up(tmp_path: Path) -> None:
    hub = await board(tmp_path, Fragile("timeline"))
    for text in ("one", "two", "three"):
        with pytest.raises(ProjectionError):
            await hub.publish(fact(NoteExtended(id="a", text=text)))
    (failure,) = await hub.failures(BOARD)
    assert failure.count == 3
    payload: Any = failure.event.payload
    assert payload.text == "three"
    assert not (await hub.session(BOARD)).exists
    await hub.publish(fact(NoteAdded(id="a")))
    assert len(await hub.failures(BOARD)) == 1
    await hub.shutdown()


async def test_a_refused_event_is_published_again_on_retry(tmp_path: Path) -> None:
    projections = Fragile("timeline")
    hub = await board(tmp_path, projections)
    await hub.publish(fact(NoteAdded(id="a", text="one")))
    with pytest.raises(ProjectionError):
        await hub.publish(fact(NoteExtended(id="a", text=" two")))
    (failure,) = await hub.failures(BOARD)
    with pytest.raises(ProjectionError):
        await hub.retry(BOARD, failure.id)
    assert [again.count for again in await hub.failures(BOARD)] == [2]
    projections.bugs.clear()
    await hub.retry(BOARD, failure.id)
    assert await notes(hub) == {"a": "one two"}
    assert await hub.failures(BOARD) == []
    with pytest.raises(NotFoundError):
        await hub.retry(BOARD, failure.id)
    hub = await reopened(hub, tmp_path, projections)
    assert await hub.failures(BOARD) == []
    await hub.shutdown()


async def test_a_timeline_that_may_fall_behind_is_put_right_by_retry(tmp_path: Path) -> None:
    projections = Fragile("timeline")
    hub = await board(tmp_path, projections, timeline="advance")
    watcher = await hub.subscribe(BOARD)
    assert await hub.publish(fact(NoteAdded(id="a", text="one")), fact(NoteExtended(id="a", text=" two"))) == [1, 2]
    assert await hub.publish(fact(NoteAdded(id="b", text="three"))) == [3]
    assert await notes(hub) == {"a": "one", "b": "three"}
    fold = Fold()
    fold.hydrate(watcher.hydration)
    for delivery in watcher.take():
        fold.apply(delivery)
    assert {id for _, id in fold.timeline} == {"a", "b"}, "records are the server's own"
    hub = await reopened(hub, tmp_path, projections, timeline="advance")
    assert (await hub.session(BOARD)).attributes["behind"] == "timeline"
    (failure,) = await hub.failures(BOARD)
    assert (failure.policy, failure.ordinal) == ("advance", 2)
    assert failure.event.payload == NoteExtended(id="a", text=" two")
    await hub.retry(BOARD, failure.id)
    assert len(await hub.failures(BOARD)) == 1, "it still fails"
    projections.bugs.clear()
    await hub.retry(BOARD, failure.id)
    assert await notes(hub) == {"a": "one two", "b": "three"}
    assert await hub.failures(BOARD) == []
    assert "behind" not in (await hub.session(BOARD)).attributes
    assert (await hub.rebuild(BOARD)).is_same
    await hub.shutdown()


async def test_an_op_that_does_not_fit_is_a_failure_of_the_timeline_alone(tmp_path: Path) -> None:
    hub = await board(tmp_path, BoardProjections(), timeline="advance")
    await hub.publish(fact(NoteAdded(id="a", text="one")), fact(NoteExtended(id="nobody", text="x")))
    assert await notes(hub) == {"a": "one"}
    (failure,) = await hub.failures(BOARD)
    assert (failure.projection, failure.ordinal) == ("timeline", 2)
    await hub.shutdown()


async def test_a_screen_that_misses_a_ui_event_still_gets_the_ops(tmp_path: Path) -> None:
    hub = await board(tmp_path, Fragile("ui"), ui="advance")
    watcher = await hub.subscribe(BOARD)
    await hub.publish(fact(NoteAdded(id="a", text="one")))
    await hub.publish(fact(NoteExtended(id="a", text=" two")))
    deliveries = watcher.take()
    assert [delivery.type for delivery in deliveries] == ["note", "note.twice", "timeline.batch"]
    fold = Fold()
    fold.hydrate(watcher.hydration)
    for delivery in deliveries:
        fold.apply(delivery)
    assert fold.timeline["Note", "a"]["text"] == "one two"
    assert [failure.projection for failure in await hub.failures(BOARD)] == ["ui"]
    await hub.shutdown()


@pytest.mark.rule("ST6")
async def test_an_append_beside_a_failure_survives_a_crash(tmp_path: Path) -> None:
    projections = Fragile("ui", "attributes")
    hub = await board(tmp_path, projections, ui="advance", attributes="advance")
    await hub.publish(fact(NoteAdded(id="a", text="one")))
    await hub.publish(fact(NoteExtended(id="a", text=" two")))
    copy = tmp_path / "crashed"
    copy.mkdir()
    for file in tmp_path.glob("board.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    crashed = await board(copy, projections, ui="advance", attributes="advance")
    assert await notes(crashed) == {"a": "one two"}
    assert len(await crashed.failures(BOARD)) == 2
    await crashed.shutdown()
    await hub.shutdown()


async def test_what_another_projection_refuses_is_not_half_done(tmp_path: Path) -> None:
    """One may fall behind, the other must not: the unit is refused as a whole."""
    hub = await board(tmp_path, Fragile("ui", "attributes"), ui="advance")
    await hub.publish(fact(NoteAdded(id="a", text="one")))
    with pytest.raises(ProjectionError):
        await hub.publish(fact(NoteAdded(id="b")), fact(NoteExtended(id="a", text=" two")))
    assert await notes(hub) == {"a": "one"}
    assert [(failure.projection, failure.ordinal) for failure in await hub.failures(BOARD)] == [("attributes", None)]
    await hub.shutdown()


@pytest.mark.rule("PL3")
async def test_a_rebuild_keeps_the_records_of_refused_events(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    with pytest.raises(ProjectionError):
        await hub.publish(fact(Broken(id="a")))
    assert (await hub.rebuild(BOARD)).is_same
    assert [failure.event.name for failure in await hub.failures(BOARD)] == ["Broken"]
    assert (await hub.snapshot(BOARD)).ordinal == Ordinal(1)
