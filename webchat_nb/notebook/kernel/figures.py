"""Figures that a call makes with pyplot: closed at its end, as those of a cell are.

Otherwise the next cell would show them. What a function returns is shown all the same.

Rule: TL6.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final


@final
class Figures:
    """Those of one call."""

    def __init__(self) -> None:
        self._made: set[int] = set()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is made meanwhile."""
        before = _open()
        try:
            yield
        finally:
            self._made |= _open() - before

    def close(self) -> None:
        """Close what was noted."""
        for number in self._made & _open():
            _pyplot().close(number)


def _pyplot() -> Any:
    """Pyplot, when the notebook has imported it."""
    return sys.modules.get("matplotlib.pyplot")


def _open() -> set[int]:
    pyplot = _pyplot()
    return set() if pyplot is None else set(pyplot.get_fignums())
