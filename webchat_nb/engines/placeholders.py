"""``{prompt}``, ``{turn}``, ``{steer}`` and ``{answer}`` in a script's texts.

Other braces are text: scripts are full of JSON and code.
"""

from __future__ import annotations

import re
from typing import Any, final

import msgspec

_PLACEHOLDER = re.compile(r"\{(prompt|turn|steer|answer)\}")


@final
class Placeholders(msgspec.Struct, frozen=True, kw_only=True):
    """What one run fills in.

    Attributes:
        turn: 1 for the conversation's first prompt.
        steer: What was steered to the run and taken last; empty before.
        answer: JSON text of what was answered last; empty before, and when the question was declined.
    """

    prompt: str
    turn: int
    steer: str = ""
    answer: str = ""

    def fill(self, text: str) -> str:
        """Fill a text once: a ``{turn}`` inside of the prompt stays as the person wrote it."""
        return _PLACEHOLDER.sub(lambda found: str(getattr(self, found[1])), text)

    def fill_all(self, value: Any) -> Any:
        """Fill every text inside of a JSON value; keys stay."""
        if isinstance(value, str):
            return self.fill(value)
        if isinstance(value, dict):
            return {key: self.fill_all(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill_all(item) for item in value]
        return value
