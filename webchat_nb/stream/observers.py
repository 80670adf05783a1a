"""Who is told of what was committed, without a say in it.

Rule: PL1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import final

import msgspec

from webchat_nb.stream.model import LoggedEvent, Session

_log = logging.getLogger(__name__)


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one session that are in the log now.

    Attributes:
        session: As it is after them.
        events: In order.
        is_own: This process committed them; else another one that shares the store.
    """

    session: Session
    events: Sequence[LoggedEvent]
    is_own: bool


Observer = Callable[[Committed], None]
"""Called on the event loop after the commit; must not wait. What it raises is logged and changes nothing."""


@final
class Observers:
    """All who are told."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def __bool__(self) -> bool:
        return bool(self._observers)

    def add(self, observer: Observer) -> Callable[[], None]:
        """Tell this one too; returns how to end that, harmless when called twice."""
        self._observers.append(observer)

        def remove() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return remove

    def tell(self, session: Session, events: Sequence[LoggedEvent], *, is_own: bool) -> None:
        """Tell everybody, whatever one of them does."""
        committed = Committed(session=session, events=events, is_own=is_own)
        for observer in tuple(self._observers):
            try:
                observer(committed)
            except Exception:  # noqa: BLE001 - an observer cannot break the pipeline
                _log.exception("an observer failed")
