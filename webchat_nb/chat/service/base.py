"""What all parts of the service share."""

from __future__ import annotations

from webchat_nb.chat.guard import Guard
from webchat_nb.chat.ids import IdFactory
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.resolver import RequestResolver
from webchat_nb.chat.runs import Runs
from webchat_nb.stream import Hub
from webchat_nb.stream.hub import DEFAULT_WINDOW
from webchat_nb.wire.requests import Limits


class ServicePart:
    """One part of ``ChatService``; all of them are one object.

    Attributes:
        limits: What clients may send and get.
        hub: The stream; started by the application.
        runs: The command handlers.
        planner: Profiles and engines.
        guard: Who may do what.
        resolver: Which conversation and profile a request means.
        new_id: Where ids come from.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        runs: Runs,
        planner: ProfilePlanner,
        guard: Guard,
        resolver: RequestResolver,
        limits: Limits,
        new_id: IdFactory,
    ) -> None:
        self.limits = limits
        self.hub = hub
        self.runs = runs
        self.planner = planner
        self.guard = guard
        self.resolver = resolver
        self.new_id = new_id

    def window(self, asked: int | None, default: int = DEFAULT_WINDOW) -> int:
        """How many of something a page has."""
        return min(asked or default, self.limits.max_window)
