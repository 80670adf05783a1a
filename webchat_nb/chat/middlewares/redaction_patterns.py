"""What redaction looks for: e-mail addresses, keys, card and account numbers, and patterns of one's own.

A pattern also says which end of a text it cannot judge before more comes. That is how streamed text is redacted the
same, however it is cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from string import ascii_letters
from typing import Any, Final, Protocol, final

SEARCH_TIMEOUT_S: Final = 0.1
"""How long one search for a pattern of one's own may take; the event loop waits meanwhile."""

_FREE_S: Final = 1.0
_S_PER_CHAR: Final = 20e-6

_MAX_KEY_CHARS: Final = 512
_MAX_DOMAIN_CHARS: Final = 8 * 64 + 24


class PatternTimeoutError(Exception):
    """A pattern took too long; what it was looked for in may hold matches."""


@final
class Budget:
    """The time that the patterns of one's own may take in one run: a second, and 20 µs for each character."""

    def __init__(self, steady_s: Callable[[], float]) -> None:
        self._steady_s = steady_s
        self._left_s = _FREE_S

    def earn(self, char_count: int) -> None:
        """So many characters are to be searched."""
        self._left_s += char_count * _S_PER_CHAR

    def spend(self, search: Callable[..., Any], *place: Any) -> Any:
        """Search, with what time there is.

        Raises:
            TimeoutError: It took too long.
        """
        if self._left_s <= 0:
            raise TimeoutError
        begun_s = self._steady_s()
        try:
            return search(*place, timeout=min(SEARCH_TIMEOUT_S, self._left_s))
        finally:
            self._left_s -= self._steady_s() - begun_s


class Pattern(Protocol):
    """Something to be redacted.

    Attributes:
        name: What stands in its place.
    """

    name: str

    def find(self, text: str, start: int, budget: Budget) -> tuple[int, int] | None:
        """The first match that begins at ``start`` or later: where it begins and ends.

        What stands before ``start`` is looked at, but is no part of a match.

        Raises:
            PatternTimeoutError: It took too long.
        """

    def open_from(self, text: str, start: int) -> int:
        """From where on, not before ``start``, more text might still make or change a match; the length if nowhere."""


@final
class BuiltinPattern:
    r"""A pattern whose matches begin in a place that is easily seen.

    Args:
        name: Its name.
        starts: Where a match may begin.
        end_of: The end of the match that begins at a place; None when none does.
        tail: What stands at the end of a text that a match might still come of; it ends in ``\Z``.
        max_chars: The longest tail.
    """

    def __init__(
        self, name: str, *, starts: str, end_of: Callable[[str, int], int | None], tail: str, max_chars: int
    ) -> None:
        self.name = name
        self._starts = re.compile(starts)
        self._end_of = end_of
        self._tail = re.compile(tail)
        self._max_chars = max_chars

    def find(self, text: str, start: int, budget: Budget) -> tuple[int, int] | None:
        """The first match; see ``Pattern``."""
        for candidate in self._starts.finditer(text, start):
            end = self._end_of(text, candidate.start())
            if end is not None:
                return candidate.start(), end
        return None

    def open_from(self, text: str, start: int) -> int:
        """Where the tail begins; see ``Pattern``."""
        tail = self._tail.search(text, max(start, len(text) - self._max_chars))
        return len(text) if tail is None else tail.start()


@final
class OwnPattern:
    """A regular expression that somebody configured; it is trusted with nothing, least of all the time.

    No match is longer than ``max_chars``, and none looks further ahead than the character behind that. An answer that is redacted runs that many characters late.

    Raises:
        ValueError: It is no regular expression, or it matches nothing at all (the empty text).
        ImportError: The package ``regex`` is missing; the standard library's has no time limit.
    """

    def __init__(self, name: str, expression: str, *, max_chars: int, ignore_case: bool) -> None:
        regex: Any = import_module("regex")  # only who configures patterns of their own needs it
        self.name = name
        self._max_chars = max_chars
        try:
            self._regex = regex.compile(expression, regex.IGNORECASE if ignore_case else 0)
            matches_nothing = self._regex.match("", timeout=SEARCH_TIMEOUT_S) is not None
        except (regex.error, OverflowError, RecursionError, TimeoutError) as error:
            raise ValueError(f"expected a regular expression, got one that fails: {error}") from None
        if matches_nothing:
            raise ValueError(
                "expected a regular expression that matches something, got one that matches the empty text"
            )

    def find(self, text: str, start: int, budget: Budget) -> tuple[int, int] | None:
        """The first match that is not too long; see ``Pattern``."""
        try:
            while candidate := budget.spend(self._regex.search, text, start):
                begin = candidate.start()
                # Again in a window of fixed length: how much text has come by now must make no difference.
                match = budget.spend(self._regex.match, text, begin, begin + self._max_chars + 1)
                if match is not None and 0 < match.end() - begin <= self._max_chars:
                    return begin, match.end()
                start = begin + 1
        except TimeoutError:
            raise PatternTimeoutError(self.name) from None
        return None

    def open_from(self, text: str, start: int) -> int:
        """The last ``max_chars`` characters; see ``Pattern``."""
        return max(start, len(text) - self._max_chars)


_EMAIL = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}+@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])",
)
_KEY_PREFIX = r"(?:(?:sk|pk|rk)[-_]|gh[pousr]_|github_pat_|glpat-|hf_|xox[abeoprs]-|AKIA|ASIA|AIza)"
_KEY = re.compile(rf"{_KEY_PREFIX}(?=[A-Za-z_\-]{{0,{_MAX_KEY_CHARS}}}[0-9])[A-Za-z0-9_\-]{{16,{_MAX_KEY_CHARS}}}")
_CARD_RUN = re.compile(r"[0-9](?:[ \-]?[0-9]){12,18}")
_IBAN_DIGITS = str.maketrans({letter: str(int(letter, 36)) for letter in ascii_letters})
_IBAN_RUN = re.compile(r"[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}")


def _end_by(expression: re.Pattern[str]) -> Callable[[str, int], int | None]:
    def end_of(text: str, start: int) -> int | None:
        match = expression.match(text, start)
        return None if match is None else match.end()

    return end_of


def _end_by_checksum(
    run: re.Pattern[str], min_chars: int, is_valid: Callable[[str], bool]
) -> Callable[[str, int], int | None]:
    """The longest beginning of the run that ends with a group and whose checksum is right.

    People write such numbers in groups, and other groups right behind them.
    """

    def end_of(text: str, start: int) -> int | None:
        match = run.match(text, start)
        if match is None:
            return None
        for end in range(match.end(), start + min_chars - 1, -1):
            if text[end - 1] in " -" or (text[end : end + 1].isascii() and text[end : end + 1].isalnum()):
                continue
            plain = text[start:end].replace(" ", "").replace("-", "")
            if len(plain) < min_chars:
                return None
            if is_valid(plain):
                return end
        return None

    return end_of


def _is_card(digits: str) -> bool:
    """Luhn's checksum. Source: ISO/IEC 7812-1."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_iban(text: str) -> bool:
    """Mod 97. Source: ISO 13616-1."""
    return int((text[4:] + text[:4]).translate(_IBAN_DIGITS)) % 97 == 1


def _builtin_patterns() -> Mapping[str, Pattern]:
    word, alnum = r"[A-Za-z0-9._%+\-]", r"[A-Za-z0-9]"
    patterns = (
        BuiltinPattern(
            "email",
            starts=rf"(?<!{word}){word}{{1,64}}+@",
            end_of=_end_by(_EMAIL),
            tail=rf"(?<!{word}){word}{{1,64}}(?:@[A-Za-z0-9.\-]{{0,{_MAX_DOMAIN_CHARS}}})?\Z",
            max_chars=64 + 1 + _MAX_DOMAIN_CHARS,
        ),
        BuiltinPattern(
            "api_key",
            starts=rf"(?<![A-Za-z0-9_\-]){_KEY_PREFIX}",
            end_of=_end_by(_KEY),
            tail=rf"(?<![A-Za-z0-9_\-])(?:{_KEY_PREFIX}[A-Za-z0-9_\-]{{0,{_MAX_KEY_CHARS}}}|[A-Za-z0-9_\-]{{1,10}})\Z",
            max_chars=11 + _MAX_KEY_CHARS,
        ),
        BuiltinPattern(
            "iban",
            starts=rf"(?<!{alnum})[A-Za-z]{{2}}[0-9]{{2}}",
            end_of=_end_by_checksum(_IBAN_RUN, 15, _is_iban),
            tail=rf"(?<!{alnum})[A-Za-z](?:[A-Za-z](?:[0-9](?:[0-9](?: ?{alnum}){{0,30}} ?)?)?)?\Z",
            max_chars=4 + 2 * 30 + 1,
        ),
        BuiltinPattern(
            "credit_card",
            starts=r"(?<![0-9])[2-6](?=[0-9])",
            end_of=_end_by_checksum(_CARD_RUN, 13, _is_card),
            tail=r"(?<![0-9])[2-6](?:[ \-]?[0-9]){0,18}[ \-]?\Z",
            max_chars=1 + 2 * 18 + 1,
        ),
    )
    return {pattern.name: pattern for pattern in patterns}


BUILTIN_PATTERNS: Final = _builtin_patterns()
"""By name. Card numbers begin with 2 to 6, as all that are in use do."""
