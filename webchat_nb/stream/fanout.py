"""From one pipeline to many subscribers: leading edge, held text, bounded backlogs.

The first text after a pause goes out at once; text that follows is held for at most ``flush_interval_s`` and merged;
structure is never held (FR7). A subscriber that does not take its deliveries gets them merged, and when even that is
too much, loses its backlog and hydrates again (FR8). Nothing here waits for a subscriber.

Rule: FR2, FR5, FR7, FR8. Source: seed 003 (``StreamCoordinator``, ``ConnectionPool``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, final

import msgspec

from webchat_nb.stream.clock import Clock, Timer
from webchat_nb.stream.delivery import Delivery, merge
from webchat_nb.stream.model import Epoch, Ordinal, SessionId, Snapshot, SnapshotReason


class FanoutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How deliveries are paced and bounded.

    Attributes:
        flush_interval_s: Longest time that text is held back to be merged; 0 sends one frame per event.
        pause_s: Text that comes this long after the text before it is not held: merging is for what comes thick.
        merge_backlog_bytes: A subscriber's backlog above this is merged.
        max_backlog_bytes: Above this it is replaced by a snapshot.
    """

    flush_interval_s: float = 0.016
    pause_s: float = 0.008
    merge_backlog_bytes: int = 128 << 10
    max_backlog_bytes: int = 2 << 20


class Hydration(msgspec.Struct, frozen=True, kw_only=True):
    """How a subscription begins: the one answer of ``ws.subscribed`` and what follows it (FR2, FR4).

    Attributes:
        mode: ``snapshot`` with ``snapshot`` set, or ``resumed`` with the missed events in ``missed``.
        start: The cursor's ordinal that was resumed from; 0 for a snapshot.
        head: Where live deliveries begin.
    """

    session_id: SessionId
    epoch: Epoch
    mode: Literal["snapshot", "resumed"]
    reason: SnapshotReason | None
    start: Ordinal
    head: Ordinal
    snapshot: Snapshot | None = None
    missed: Sequence[Delivery] = ()


@final
class Subscription:
    """One subscriber of one session: a hydration, then a bounded backlog of live deliveries.

    Attributes:
        hydration: How it begins.
        is_lagging: The backlog was dropped; subscribe again without a cursor.
        on_ready: Called (on the event loop) when ``take`` has something new to give.
    """

    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_fanout",
        "_is_open",
        "_merge_above_bytes",
        "_settings",
        "hydration",
        "is_lagging",
        "on_ready",
    )

    def __init__(self, fanout: SessionFanout, hydration: Hydration, settings: FanoutSettings) -> None:
        self.hydration = hydration
        self.is_lagging = False
        self.on_ready: Callable[[], None] = _ignore
        self._fanout = fanout
        self._settings = settings
        self._backlog: list[Delivery] = []
        self._backlog_bytes = 0
        self._merge_above_bytes = settings.merge_backlog_bytes  # then at twice the size, so that merging stays linear
        self._is_open = True

    @property
    def session_id(self) -> SessionId:
        """What is subscribed to."""
        return self.hydration.session_id

    @property
    def backlog_bytes(self) -> int:
        """About how much waits to be taken."""
        return self._backlog_bytes

    def push(self, deliveries: Sequence[Delivery]) -> None:
        """Add to the backlog; never waits."""
        if self.is_lagging or not self._is_open:
            return
        self._backlog.extend(deliveries)
        self._backlog_bytes += sum([delivery.weight for delivery in deliveries])
        most_bytes = self._settings.max_backlog_bytes
        waits_behind = len(self._backlog) > 1  # one alone is sent whatever it weighs
        if waits_behind and self._backlog_bytes > min(self._merge_above_bytes, most_bytes):
            self._backlog = merge(self._backlog)
            self._backlog_bytes = sum([delivery.weight for delivery in self._backlog])
            self._merge_above_bytes = max(self._settings.merge_backlog_bytes, 2 * self._backlog_bytes)
        if waits_behind and self._backlog_bytes > most_bytes:
            self.lag()
        else:
            self.on_ready()

    def lag(self) -> None:
        """Drop the backlog: what comes next has to be a new hydration."""
        self.is_lagging = True
        self._backlog = []
        self._backlog_bytes = 0
        self.on_ready()

    def take(self) -> list[Delivery]:
        """All that waits, in order; empty when nothing does."""
        taken, self._backlog, self._backlog_bytes = self._backlog, [], 0
        self._merge_above_bytes = self._settings.merge_backlog_bytes
        return taken

    def close(self) -> None:
        """Stop receiving; harmless when called twice."""
        self._is_open = False
        self._backlog = []
        self._backlog_bytes = 0
        self._fanout.detach(self)

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        """The missed deliveries, then the live ones, until ``close``. Ends when the subscription lags."""
        for delivery in self.hydration.missed:
            yield delivery
        ready = asyncio.Event()
        self.on_ready = ready.set
        while self._is_open:
            for delivery in self.take():
                yield delivery
            if self.is_lagging:
                return
            if not self._backlog:
                await ready.wait()
                ready.clear()


@final
class SessionFanout:
    """The subscribers of one session."""

    __slots__ = ("_clock", "_held", "_last_came_s", "_last_text_s", "_settings", "_subscriptions", "_timer")

    def __init__(self, clock: Clock, settings: FanoutSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._subscriptions: list[Subscription] = []
        self._held: list[Delivery] = []
        self._last_text_s = self._last_came_s = float("-inf")
        self._timer: Timer | None = None

    @property
    def subscriber_count(self) -> int:
        """How many are attached."""
        return len(self._subscriptions)

    @property
    def is_merging(self) -> bool:
        """Whether text that comes together may be one frame."""
        return self._settings.flush_interval_s > 0

    def attach(self, hydration: Hydration) -> Subscription:
        """Add a subscriber; call ``flush`` and read the hydration at the same position first (FR5)."""
        subscription = Subscription(self, hydration, self._settings)
        self._subscriptions.append(subscription)
        return subscription

    def detach(self, subscription: Subscription) -> None:
        """Take a subscriber away; harmless when it is not there."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver what was committed, at once or after the hold."""
        if not self._subscriptions:
            return
        if self._settings.flush_interval_s <= 0:
            self._send(deliveries)
            return
        self._held.extend(deliveries)
        now_s = self._clock.steady_s()
        due_s = self._last_text_s + self._settings.flush_interval_s - now_s
        is_after_pause = now_s - self._last_came_s >= self._settings.pause_s
        self._last_came_s = now_s
        if due_s <= 0 or is_after_pause or not all([delivery.is_text for delivery in deliveries]):
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.call_later(due_s, self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            held, self._held = self._held, []
            if any([delivery.is_text for delivery in held]):
                self._last_text_s = self._clock.steady_s()
            self._send(merge(held))

    def _send(self, deliveries: Sequence[Delivery]) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.push(deliveries)

    def lag_all(self) -> None:
        """Make every subscriber hydrate again: the log is no longer the one they follow."""
        self._held = []
        for subscription in tuple(self._subscriptions):
            subscription.lag()


def _ignore() -> None:
    return None
