"""Putting names in the place of what patterns find, in a whole text or in one that streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from webchat_nb.chat.middlewares.redaction_patterns import Budget, Pattern

LOOK_BACK_CHARS: Final = 64
"""How much of what was let go a pattern may still look back at."""


@final
class Redactor:
    """Finds and replaces.

    Where two patterns begin a match at one place, the first of them wins.

    Args:
        patterns: What to look for.
        replacement: What stands there instead; ``{name}`` becomes the pattern's name.
    """

    def __init__(self, patterns: Sequence[Pattern], replacement: str) -> None:
        self._patterns = patterns
        self._replacement = replacement

    def redact(self, text: str, budget: Budget) -> str:
        """A whole text.

        Raises:
            PatternTimeoutError: A pattern took too long.
        """
        budget.earn(len(text))
        return self.scan(text, 0, budget, is_whole=True)[0]

    def scan(self, text: str, start: int, budget: Budget, *, is_whole: bool) -> tuple[str, int]:
        """Redact a text from a place on, as far as more text behind it can change nothing.

        Returns:
            The redacted text, and how far of ``text`` it stands for.

        Raises:
            PatternTimeoutError: A pattern took too long.
        """
        made: list[str] = []
        limit = len(text)
        if not is_whole:
            limit = min((pattern.open_from(text, start) for pattern in self._patterns), default=limit)
        found = [pattern.find(text, start, budget) for pattern in self._patterns]
        while True:
            first = min((match[0], index) for index, match in enumerate([*found, (limit, limit)]) if match is not None)
            begin, index = first
            if begin >= limit:
                break
            match = found[index]
            assert match is not None
            made += text[start:begin], self._replacement.replace("{name}", self._patterns[index].name)
            start = match[1]
            found = [
                self._patterns[other].find(text, start, budget) if match is not None and match[0] < start else match
                for other, match in enumerate(found)
            ]
        if start < limit:
            made.append(text[start:limit])
            start = limit
        return "".join(made), start


@final
class RedactedStream:
    """A text that comes in pieces: the same goes out however it is cut."""

    def __init__(self, redactor: Redactor, budget: Budget) -> None:
        self._redactor = redactor
        self._budget = budget
        self._text = ""
        self._done = 0

    def feed(self, piece: str) -> str:
        """Take the next piece; what can be judged by now comes back.

        Raises:
            PatternTimeoutError: A pattern took too long. Nothing of what is held may be shown.
        """
        self._budget.earn(len(piece))
        self._text += piece
        return self._take(is_whole=False)

    def finish(self) -> str:
        """The rest: the text ends here. Another may begin."""
        rest = self._take(is_whole=True)
        self._text, self._done = "", 0
        return rest

    def _take(self, *, is_whole: bool) -> str:
        redacted, self._done = self._redactor.scan(self._text, self._done, self._budget, is_whole=is_whole)
        surplus = self._done - LOOK_BACK_CHARS
        if surplus > 0:
            self._text, self._done = self._text[surplus:], LOOK_BACK_CHARS
        return redacted
