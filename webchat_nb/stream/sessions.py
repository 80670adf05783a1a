"""The sessions in memory: made when asked for, held at one position while they are read, evicted when idle.

Rule: EV1, FR5, OR4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, final

from webchat_nb.errors import ShuttingDownError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.fanout import FanoutSettings, SessionFanout
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader, OutrunError
from webchat_nb.stream.model import Ordinal, SessionId
from webchat_nb.stream.pipeline import Pipeline
from webchat_nb.stream.store import Store

T = TypeVar("T")

_LONGEST_PAUSE_S = 0.02


@final
class Sessions:
    """Live sessions by id.

    Attributes:
        is_open: Whether sessions may be asked for.
    """

    def __init__(
        self,
        *,
        store: Store,
        loader: Loader,
        pipeline: Pipeline,
        clock: Clock,
        fanout: FanoutSettings,
        metadata: Callable[[SessionId], Any] | None,
    ) -> None:
        self._store = store
        self._loader = loader
        self._pipeline = pipeline
        self._clock = clock
        self._fanout = fanout
        self._metadata = metadata
        self._live: dict[SessionId, LiveSession] = {}
        self.is_open = False
        if store.sharing is not None:
            store.sharing.watch(self._foreign_commit, self._foreign_doubt)

    def __iter__(self) -> Iterator[LiveSession]:
        return iter(tuple(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def get(self, session_id: SessionId) -> LiveSession:
        """The live session; it may not be loaded yet.

        Raises:
            ShuttingDownError: Before ``start`` and after ``shutdown``.
        """
        if not self.is_open:
            raise ShuttingDownError("the service is not open")
        live = self._live.get(session_id)
        if live is None:
            fanout = SessionFanout(self._clock, self._fanout)
            live = self._live[session_id] = LiveSession(session_id, fanout, self._pipeline.wake)
            if self._metadata is not None:
                live.metadata = self._metadata(session_id)
        live.last_used_s = self._clock.steady_s()
        return live

    async def sync(self, live: LiveSession) -> None:
        """Make the live session stand for what is in the store now, also where another process wrote to it.

        Raises:
            StoreError: The store cannot be read.
        """
        sharing, session = self._store.sharing, live.session
        if sharing is not None and live.is_loaded:
            standing = (session.epoch, session.head) if session.exists else None
            if await sharing.head(live.session_id) != standing:
                await self._pipeline.follow(live)
        await self._loader.ensure(live)

    async def ask(self, live: LiveSession, question: Callable[[], Awaitable[T]]) -> T:
        """Ask with the session held at one position, which is the store's."""
        async with self.turns(live) as lost_race:
            while True:
                await self.sync(live)
                try:
                    async with live.reading():
                        await self._loader.ensure(live)
                        return await question()
                except OutrunError:  # another process wrote meanwhile: ask again, from where that leads
                    await lost_race()

    @asynccontextmanager
    async def turns(self, live: LiveSession) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """For work that another process may outrun: call what this gives after each lost race, then try again.

        Whoever lost a race takes the turn, so that the next one is won.
        """
        sharing = self._store.sharing
        has_turn, lost_count = False, 0

        async def lost_race() -> None:
            nonlocal has_turn, lost_count
            lost_count += 1
            if sharing is not None and not has_turn:
                has_turn = await sharing.take_turn(live.session_id)
                if not has_turn:
                    await self._clock.sleep(min(_LONGEST_PAUSE_S, 0.001 * lost_count))

        try:
            yield lost_race
        finally:
            if sharing is not None and has_turn:
                await sharing.end_turn(live.session_id)

    def evict(self, *, idle_longer_than_s: float) -> list[SessionId]:
        """Drop idle sessions from memory, never from the store (EV1). Returns which."""
        now_s = self._clock.steady_s()
        idle = [live.session_id for live in self if live.is_idle and now_s - live.last_used_s >= idle_longer_than_s]
        for session_id in idle:
            del self._live[session_id]
        return idle

    def _foreign_commit(self, session_id: SessionId, head: Ordinal) -> None:
        """Follow at once where somebody here looks on or writes; others follow when they are asked for next."""
        live = self._live.get(session_id)
        if live is not None and (live.fanout.subscriber_count or live.publisher_count):
            self._pipeline.look(live)

    def _foreign_doubt(self) -> None:
        for live in self:
            self._foreign_commit(live.session_id, Ordinal(0))
