"""What a live text grew by is known without the log, for its newest appends."""

from __future__ import annotations

import pytest

from tests.unit.stream.board import Note
from webchat_nb.stream import Ordinal
from webchat_nb.stream.hydration import MAX_MISSED_EVENTS
from webchat_nb.stream.live_entity import MAX_MARKS, LiveEntity, utf16_length, utf16_tail


def note(text: str = "", *, since: int = 1) -> LiveEntity:
    at = Ordinal(since)
    return LiveEntity("Note", "a", Note(id="a", text=text), created=at, updated=at, rebased=at, rowed=at)


@pytest.mark.rule("FR16")
def test_the_tail_after_an_ordinal_is_what_was_appended_since() -> None:
    entity = note("base ")
    for ordinal, text in enumerate(["one ", "zwölf ", "👩‍🚀 ", "", "end"], start=2):
        entity.append("text", text, Ordinal(ordinal))
        if ordinal == 3:
            assert entity.to_row().payload  # somebody looks: the pieces are joined
    whole = "base one zwölf 👩‍🚀 end"
    for after, tail in {1: "one zwölf 👩‍🚀 end", 2: "zwölf 👩‍🚀 end", 3: "👩‍🚀 end", 4: "end", 5: "end"}.items():
        assert entity.tails(Ordinal(after)) == {"text": (utf16_length(whole) - utf16_length(tail), tail)}
    assert entity.tails(Ordinal(6)) == {}


@pytest.mark.rule("FR16")
def test_of_what_came_before_it_was_in_memory_the_log_has_to_tell() -> None:
    entity = note("before", since=7)
    entity.append("text", "!", Ordinal(8))
    assert entity.tails(Ordinal(6)) is None
    assert entity.tails(Ordinal(7)) == {"text": (6, "!")}


def test_an_append_that_was_taken_back_leaves_no_trace() -> None:
    entity = note()
    entity.append("text", "kept", Ordinal(2))
    at = entity.append("text", "lost", Ordinal(3))
    entity.cut("text", at, "lost", Ordinal(2))
    assert entity.tails(Ordinal(1)) == {"text": (0, "kept")} and entity.tails(Ordinal(2)) == {}


@pytest.mark.rule("FR16")
def test_of_a_very_long_answer_only_the_newest_appends_are_kept() -> None:
    entity = note()
    last = 2 * MAX_MARKS
    assert MAX_MARKS * 3 // 4 >= MAX_MISSED_EVENTS, "a resumption of a live answer never needs the log"
    for ordinal in range(2, last + 1):
        entity.append("text", "x", Ordinal(ordinal))
    newest = last - MAX_MARKS * 3 // 4
    assert entity.tails(Ordinal(newest)) == {"text": (newest - 1, "x" * (last - newest))}
    assert entity.tails(Ordinal(last - MAX_MARKS - 1)) is None


@pytest.mark.parametrize("text", ["", "a", "ab", "ä", "aä", "👩", "a👩", "👩a👩"])
def test_a_tail_is_counted_in_utf16(text: str) -> None:
    for start in range(len(text) + 1):
        assert utf16_tail(text, utf16_length(text[start:])) == text[start:]
