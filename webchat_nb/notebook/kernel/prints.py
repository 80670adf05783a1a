"""What a call prints: taken by the call that prints it, while other threads and cells print as ever.

Rule: TL6.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO, final

MAX_CHARS: Final = 10_000
"""What a call prints beyond this is only counted."""


@final
class Printed:
    """What one call has printed."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._kept = 0
        self._lost = 0

    def write(self, text: str) -> int:
        """Take some more."""
        piece = text[: MAX_CHARS - self._kept]
        self._pieces.append(piece)
        self._kept += len(piece)
        self._lost += len(text) - len(piece)
        return len(text)

    @property
    def text(self) -> str:
        """All of it, without white space at its end; it says what was cut."""
        text = "".join(self._pieces).rstrip()
        return f"{text}\n… and {self._lost} characters more" if self._lost else text


_printed: ContextVar[Printed | None] = ContextVar("webchat_printed", default=None)


@final
class _Stream:
    """Stands in for ``sys.stdout``: passes on what is not a call's."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        printed = _printed.get()
        return self.stream.write(text) if printed is None else printed.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@final
class Prints:
    """Stands in for both streams while at least one call wants its prints. For the main thread."""

    def __init__(self) -> None:
        self._count = 0
        self._before: dict[str, Any] = {}

    @contextmanager
    def taken(self) -> Iterator[Printed]:
        """Take what is printed in this context from now on."""
        printed = Printed()
        self._install()
        token = _printed.set(printed)
        try:
            yield printed
        finally:
            _printed.reset(token)
            self._remove()

    def _install(self) -> None:
        self._count += 1
        if self._count == 1:
            for name in ("stdout", "stderr"):
                self._before[name] = stream = _Stream(getattr(sys, name))
                setattr(sys, name, stream)

    def _remove(self) -> None:
        self._count -= 1
        if self._count == 0:
            for name, stream in self._before.items():
                if getattr(sys, name) is stream:  # somebody may have put another one over it, and will put it back
                    setattr(sys, name, stream.stream)
