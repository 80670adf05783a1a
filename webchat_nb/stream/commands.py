"""What the handler of a command works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, final

from webchat_nb.stream.model import Command, Event, Session


@final
class CommandTurn:
    """What a handler may do while it carries out one command.

    Attributes:
        command: What is asked.
        session: The session as committed.
        events: What the handler decides; committed together with the command's receipt.
    """

    def __init__(self, command: Command, session: Session) -> None:
        self.command = command
        self.session = session
        self.events: list[Event] = []
        self._after: list[Callable[[], None]] = []
        self._refused: list[Callable[[], None]] = []

    def publish(self, *events: Event) -> None:
        """Add events to the command's commit."""
        self.events.extend(events)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call once the events are committed; not at all when they are refused."""
        self._after.append(call)

    def on_refused(self, call: Callable[[], None]) -> None:
        """Call when the events are not committed, to take back what the handler marked."""
        self._refused.append(call)

    def end(self, *, is_committed: bool) -> None:
        """Make the calls; for the hub."""
        for call in self._after if is_committed else self._refused:
            call()


Handler = Callable[[CommandTurn], Awaitable[dict[str, Any]]]
"""Carries out a command: adds events to the turn and returns the answer, a JSON object."""
