from __future__ import annotations

import pytest

from webchat_nb.chat.engine import HistoryMessage
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.transcript import lines_of
from webchat_nb.testing.engine_contract import ask

PLAN = EnginePlan(profile="p", engine="e")


def told(*history: tuple[str, str, str]) -> list[tuple[str, str]]:
    messages = [HistoryMessage(role=role, content=text, status=status) for role, text, status in history]  # type: ignore[arg-type]
    return [(line.role, line.text) for line in lines_of(ask("now", plan=PLAN, history=messages))]


@pytest.mark.rule("RN7")
@pytest.mark.parametrize(
    ("status", "mark"),
    [
        ("stopped", "[This answer was stopped by the user before its end.]"),
        ("failed", "[This answer failed before its end.]"),
        ("interrupted", "[This answer was interrupted before its end.]"),
    ],
)
def test_an_answer_that_did_not_come_to_its_end_says_so(status: str, mark: str) -> None:
    assert told(("user", "a", "finished"), ("assistant", "half \n", status))[1] == ("assistant", f"half\n\n{mark}")
    assert told(("user", "a", "finished"), ("assistant", "", status))[1] == ("assistant", mark)


@pytest.mark.rule("RN7")
def test_a_whole_answer_is_told_as_it_was() -> None:
    history = ("user", " a ", "finished"), ("assistant", " b \n", "finished")
    assert told(*history) == [("user", " a "), ("assistant", " b \n"), ("user", "now")]


def test_the_texts_of_one_answer_are_one_line_and_empty_ones_none() -> None:
    texts = ("assistant", "b", "finished"), ("assistant", "", "finished"), ("assistant", "c", "stopped")
    assert told(("user", "a", "finished"), *texts)[1][1].startswith("b\n\nc\n\n[")
    assert told(("user", "a", "finished"), ("user", "b", "finished")) == [("user", "a"), ("user", "b"), ("user", "now")]
