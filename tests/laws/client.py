"""A client behind a network that loses, repeats and reorders what it carries."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

from tests.laws.board_model import Timeline
from webchat_nb.stream import Cursor, Delivery, Epoch, Hub, Ordinal, SessionId, Subscription
from webchat_nb.testing.fold import Fold

EVERYTHING = 100_000
Fate = Literal["arrives", "is lost", "comes twice", "comes late", "an old one comes again"]
FATES: tuple[Fate, ...] = ("arrives", "is lost", "comes twice", "comes late", "an old one comes again")


class Client:
    """Follows FR3: applies what continues, drops what it has, subscribes again where something is missing.

    Attributes:
        fold: What it shows.
        seen: What it showed at each cursor that it ever had.
        gap_count: How often it noticed that something was missing.
    """

    def __init__(self, session_id: SessionId) -> None:
        self._session_id = session_id
        self.fold = Fold()
        self.seen: dict[Cursor, Timeline] = {}
        self.gap_count = 0
        self._subscription: Subscription | None = None
        self._line: list[Delivery] = []
        self._arrived: list[Delivery] = []

    @property
    def is_online(self) -> bool:
        """Whether it has a subscription."""
        return self._subscription is not None

    async def connect(self, hub: Hub, *, since: Cursor | None = None) -> None:
        """Subscribe, continuing from what it shows, or from what it showed earlier."""
        self.disconnect()
        if since is not None:
            self.fold.cursor, self.fold.timeline = since, copy.deepcopy(self.seen[since])
        cursor = self.fold.cursor
        self._subscription = await hub.subscribe(self._session_id, since=cursor, window=EVERYTHING)
        hydration = self._subscription.hydration
        if cursor is None or hydration.epoch != cursor.epoch:
            assert hydration.mode == "snapshot", "a cursor of another epoch means nothing"
            self._arrived = []  # what an old connection still brings is of another log
        elif hydration.mode == "snapshot":
            assert hydration.reason in ("pruned", "gap_too_large"), hydration.reason
        assert hydration.head >= self.fold.ordinal or hydration.mode == "snapshot"
        self.fold.hydrate(hydration)
        self._remember()

    def disconnect(self) -> None:
        """Lose the connection, and what is under way with it."""
        if self._subscription is not None:
            self._subscription.close()
        self._subscription, self._line = None, []

    async def receive(self, hub: Hub, fates: Sequence[Fate]) -> None:
        """Let the network carry what waits, each frame with its fate; those without one arrive."""
        await self._look(hub)
        for fate in fates:
            if not self._line:
                return
            match fate:
                case "arrives":
                    await self._take(hub, self._line.pop(0))
                case "is lost":
                    self._line.pop(0)
                case "comes twice":
                    await self._take(hub, self._line[0])
                case "comes late" if len(self._line) > 1:
                    self._line[:2] = self._line[1::-1]
                case "an old one comes again" if self._arrived:
                    await self._take(hub, self._arrived[len(self._line) % len(self._arrived)])

    def hang_up(self) -> None:
        """Take what came in order until now; nothing more will come."""
        self._line += self._subscription.take() if self._subscription is not None else []
        for delivery in self._line:
            if delivery.prev > self.fold.ordinal:
                break
            self._apply(delivery)
        self.disconnect()

    async def catch_up(self, hub: Hub) -> None:
        """Receive all that comes while the network is well."""
        while self.is_online:
            await self._look(hub)
            if not self._line:
                return
            await self._take(hub, self._line.pop(0))

    async def _look(self, hub: Hub) -> None:
        if self._subscription is None:
            return
        self._line += self._subscription.take()
        if self._subscription.is_lagging:
            await self.connect(hub)

    async def _take(self, hub: Hub, delivery: Delivery) -> None:
        if delivery.prev > self.fold.ordinal:
            self.gap_count += 1
            await self.connect(hub)
            return
        self._apply(delivery)

    def _apply(self, delivery: Delivery) -> None:
        self.fold.apply(delivery)
        self._arrived.append(delivery)
        self._remember()

    def _remember(self) -> None:
        assert self.fold.cursor is not None
        before = self.seen.setdefault(self.fold.cursor, copy.deepcopy(self.fold.timeline))
        assert before == self.fold.timeline, f"{self.fold.cursor} showed something else before (OR2)"

    def ordinals_in(self, epoch: Epoch) -> list[Ordinal]:
        """The ordinals of an epoch that it ever stood at."""
        return sorted(cursor.ordinal for cursor in self.seen if cursor.epoch == epoch)
