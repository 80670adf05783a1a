"""Text of one commit becomes one delivery before any record is made of its pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf.message import Message

from tests.unit.stream.board import NoteExtended, UiNote
from webchat_nb.stream import AppendOp, Delivery, LoggedEvent, Ordinal, RemoveOp, UIEvent, session_id
from webchat_nb.stream.delivery import BATCH_TYPE, Deliveries, WireOp, merge

BOARD = session_id("board")


def event(ordinal: int) -> LoggedEvent:
    payload: Message = NoteExtended(id="a")
    return LoggedEvent(session_id=BOARD, ordinal=Ordinal(ordinal), name="NoteExtended", payload=payload, at_ms=7)


def append(ordinal: int, text: str, *, at: int, id: str = "a", field: str = "text") -> AppendOp:
    return AppendOp("Note", id, field, at, text, Ordinal(ordinal))


def grown(id: str = "a") -> list[UIEvent]:
    return [UIEvent("note.grown", id, UiNote(id=id))]


Told = tuple[int, Sequence[UIEvent], Sequence[WireOp]]

STREAM: list[Told] = [
    (1, grown(), [append(1, "x", at=0)]),
    (2, grown(), [append(2, "yy", at=1)]),
    (3, grown("b"), [append(3, "z", at=0, id="b")]),
    (4, grown("b"), [append(4, "z", at=0, id="b", field="title")]),
    (5, [], [append(5, "!", at=3)]),
    (6, [*grown(), *grown("b")], [append(6, "?", at=4)]),
    (7, grown(), [RemoveOp("Note", "a", Ordinal(7))]),
    (8, grown("b"), [append(8, "1", at=1, id="b")]),
    (9, grown("b"), [append(9, "2", at=2, id="b")]),
]


def deliveries(*, is_merging: bool) -> Sequence[Delivery]:
    collected = Deliveries(is_merging=is_merging)
    for ordinal, ui_events, ops in STREAM:
        collected.add(event(ordinal), ui_events, ops)
    return collected.take()


@pytest.mark.rule("FR7")
def test_neighbouring_appends_to_one_field_are_one_delivery_with_their_type_and_id() -> None:
    shown = [(each.prev, each.seq, each.type, each.id, list(each.ops)) for each in deliveries(is_merging=True)]
    assert shown == [
        (0, 2, "note.grown", "a", [append(2, "xyy", at=0)]),
        (2, 3, "note.grown", "b", [append(3, "z", at=0, id="b")]),
        (3, 4, "note.grown", "b", [append(4, "z", at=0, id="b", field="title")]),
        (4, 5, BATCH_TYPE, "", [append(5, "!", at=3)]),
        (5, 6, "note.grown", "a", [append(6, "?", at=4)]),
        (6, 6, "note.grown", "b", []),
        (6, 7, "note.grown", "a", [RemoveOp("Note", "a", Ordinal(7))]),
        (7, 9, "note.grown", "b", [append(9, "12", at=1, id="b")]),
    ]


@pytest.mark.rule("FR3", "FR7")
def test_unmerged_each_event_has_its_own_delivery_and_the_same_comes_out_when_they_are_merged_later() -> None:
    single = deliveries(is_merging=False)
    assert [(each.prev, each.seq) for each in single] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (5, 6),
        (6, 6),
        (6, 7),
        (7, 8),
        (8, 9),
    ]

    def all_told(each: Sequence[Delivery]) -> list[tuple[int, int, list[WireOp]]]:
        return [(one.prev, one.seq, list(one.ops)) for one in merge(each)]

    assert all_told(single) == all_told(deliveries(is_merging=True))
