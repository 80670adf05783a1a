"""Text as people write it, so that bytes per token mean something."""

from __future__ import annotations

from itertools import cycle, islice

PARAGRAPH = (
    "The harbour lay quiet in the early light, and the boats that had come in during the night were still wet from "
    "the crossing. Nobody spoke much. An old man sorted ropes by their thickness, laid the worn ones aside, and "
    "counted the rest under his breath as if the number mattered. Further up the hill the baker had opened his door, "
    "and the smell of bread went down the steps before the first customer came up. When the bell rang seven the "
    "fish were carried out in flat crates, weighed, written down and covered with ice. It took less than an hour. "
    "Afterwards the place looked as it had looked before, except that the tide had turned and every boat now pointed "
    "the other way. "
)

_WORDS = [f"{word} " for word in PARAGRAPH.split()]


def words(count: int) -> list[str]:
    """So many words, each with the space behind it."""
    return list(islice(cycle(_WORDS), count))
