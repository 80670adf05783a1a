"""One session in memory: its head, its timeline, its waiting units and its subscribers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, final

from webchat_nb.errors import WebchatError
from webchat_nb.stream.fanout import SessionFanout
from webchat_nb.stream.model import Epoch, Event, Op, Ordinal, Receipt, Session, SessionId
from webchat_nb.stream.timeline import LiveTimeline

Done = Callable[["Unit", "Sequence[Ordinal] | WebchatError"], None]
"""Told a unit and the ordinals of its events after the commit, or why there are none."""


@final
class Unit:
    """Events that are committed together or not at all, with the receipt of the command they come from.

    Attributes:
        done: Told of the outcome.
        make_receipt: Given the last ordinal and the time; None when no receipt is kept.
        guard: Looks at the timeline right before the unit goes on it; raises a ``WebchatError`` to refuse the unit.
        records: Changes of private entities that come without an event.
        ordinals: Of its events, once it is in a batch.
        is_decision: The events were decided on the session as it was; when another process was faster, the decision is
            to be made again. Other events are facts and follow whatever came before them.
    """

    __slots__ = ("done", "events", "guard", "is_decision", "make_receipt", "ordinals", "records")

    def __init__(
        self,
        events: Sequence[Event],
        done: Done,
        make_receipt: Callable[[Ordinal, int], Receipt] | None = None,
        *,
        guard: Callable[[LiveTimeline], None] | None = None,
        records: Sequence[Op] = (),
        is_decision: bool = False,
    ) -> None:
        self.events = events
        self.done = done
        self.make_receipt = make_receipt
        self.guard = guard
        self.records = records
        self.is_decision = is_decision
        self.ordinals: Sequence[Ordinal] = ()


@final
class LiveSession:
    """Mutable state of one session, touched on the event loop only.

    Attributes:
        session: As committed.
        timeline: As committed, except while ``is_in_flight``.
        is_in_flight: A batch of this session is being committed.
        command_lock: Held while a command is carried out.
        is_loaded: ``session`` and ``timeline`` stand for what is in the store.
        publisher_count: Writers that count on this very object.
        metadata: What the host's factory made for the session.
        followers: Wait until the session stands where the store does; None when nobody asked to look.
        foreign_count: How often the session was moved by another process.
    """

    __slots__ = (
        "_readers",
        "_settled",
        "_waiting",
        "command_lock",
        "fanout",
        "followers",
        "foreign_count",
        "is_in_flight",
        "is_loaded",
        "last_used_s",
        "loading",
        "metadata",
        "publisher_count",
        "session",
        "timeline",
        "wake",
    )

    def __init__(self, session_id: SessionId, fanout: SessionFanout, wake: Callable[[LiveSession], None]) -> None:
        self.session = Session(session_id=session_id, epoch=Epoch(""))
        self.timeline = LiveTimeline(is_complete=False)
        self.fanout = fanout
        self._waiting: deque[Unit] | None = None  # an empty deque takes 760 bytes
        self.is_in_flight = False
        self.is_loaded = False
        self.loading: asyncio.Future[None] | None = None
        self.command_lock = asyncio.Lock()
        self.publisher_count = 0
        self.metadata: Any = None
        self.followers: list[asyncio.Future[None]] | None = None
        self.foreign_count = 0
        self.last_used_s = 0.0
        self.wake = wake
        self._readers = 0
        self._settled: asyncio.Future[None] | None = None

    @property
    def session_id(self) -> SessionId:
        """Whose state this is."""
        return self.session.session_id

    @property
    def has_units(self) -> bool:
        """Units wait for the pipeline."""
        return self._waiting is not None

    def put(self, unit: Unit) -> None:
        """Let a unit wait behind the others."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(unit)

    def put_back(self, *units: Unit) -> None:
        """Let units wait before all others, in this order."""
        if units:
            self._waiting = deque((*units, *(self._waiting or ())))

    def take(self) -> Unit:
        """The unit that waited longest; only while ``has_units``."""
        assert self._waiting is not None
        unit = self._waiting.popleft()
        if not self._waiting:
            self._waiting = None
        return unit

    def has_work(self) -> bool:
        """Units wait or others' events do, and nobody holds the session at its position."""
        return (self._waiting is not None or self.followers is not None) and not self._readers

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, nobody listens, and nothing is in memory only."""
        return not (
            self._waiting is not None
            or self.is_in_flight
            or self._readers
            or self.publisher_count
            or self.fanout.subscriber_count
            or self.timeline.dirty
            or self.command_lock.locked()
            or self.loading is not None
            or self.followers is not None
        )

    def land(self) -> None:
        """The batch in flight is committed or given up."""
        self.is_in_flight = False
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set_result(None)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Hold the session at one committed position: nothing is projected until the block ends (FR5)."""
        self._readers += 1
        try:
            while self.is_in_flight:
                if self._settled is None:
                    self._settled = asyncio.get_running_loop().create_future()
                await asyncio.shield(self._settled)
            yield self.session
        finally:
            self._readers -= 1
            if self.has_work():
                self.wake(self)
