"""The promise, checked: what each screen shows is what the timeline holds is what the log folds to."""

from __future__ import annotations

from collections.abc import Sequence

from tests.e2e.truth import Truth
from webchat_nb.testing.page import ChatPage


def prove_same(truth: Truth, *screens: ChatPage, answers: Sequence[Sequence[str]]) -> None:
    """Compare screens, timeline and log with each other and with the words that had to come.

    Args:
        truth: The server's word.
        screens: Settled chats of one conversation.
        answers: For each answer its words, each exactly once and in order.
    """
    told = truth.messages()
    assert told == truth.folded_messages()
    assert [entry["text"].split() for entry in told if entry["role"] == "assistant"] == [list(each) for each in answers]
    for screen in screens:
        assert [screen.words(nth) for nth in range(len(answers))] == [list(each) for each in answers]
        assert screen.answer(len(answers)).count() == 0
        shown = [entry for entry in screen.transcript() if entry["kind"] == "ChatMessage"]
        assert [(entry["id"], entry["role"]) for entry in shown] == [(entry["id"], entry["role"]) for entry in told]
    for screen in screens[1:]:
        assert screen.transcript() == screens[0].transcript()
