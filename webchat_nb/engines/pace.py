"""How long a script waits before each piece: evenly, or as a model would. Pure: it says how long, and waits for nothing."""

from __future__ import annotations

import random
from typing import final

from msgspec import UNSET, UnsetType

from webchat_nb.engines.script import Defaults


@final
class Pace:
    """The waits of one run; the same for the same script and turn."""

    def __init__(self, defaults: Defaults, *, turn: int) -> None:
        self._defaults = defaults
        self._timing = None if defaults.timing is UNSET else defaults.timing
        self._random = random.Random(f"{self._timing.seed}:{turn}" if self._timing else 0)
        self._is_first = True

    def first_ms(self) -> float:
        """Before the answer begins."""
        return self._vary(self._timing.first_token_ms) if self._timing else self._defaults.first_delay_ms

    def next_ms(self, delay_ms: float | UnsetType = UNSET) -> float:
        """Before a piece: nothing before the first, for the wait before the answer was that one's.

        Args:
            delay_ms: What the step says, which goes before the script's defaults.
        """
        if self._is_first:
            self._is_first = False
            return 0.0
        if delay_ms is not UNSET:
            return delay_ms
        return self._vary(1000 / self._timing.tokens_per_s) if self._timing else self._defaults.delay_ms

    def _vary(self, mean_ms: float) -> float:
        jitter = self._timing.jitter if self._timing else 0.0
        return mean_ms * self._random.uniform(1 - jitter, 1 + jitter) if jitter else mean_ms
