"""A writer for streams of events: in order, ahead of the commits, but never far ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from webchat_nb.errors import SupersededError, WebchatError
from webchat_nb.stream.live import LiveSession, Unit
from webchat_nb.stream.model import Event, Ordinal
from webchat_nb.stream.projections import TimelineView

if TYPE_CHECKING:
    from webchat_nb.stream.pipeline import Pipeline

MAX_AHEAD = 1024
"""Events that may wait for their commit before ``send`` waits: also what a fast engine puts into one commit."""


@final
class Publisher:
    """Publishes events of one session without waiting for each commit.

    The first refusal is kept: every later ``send`` raises it, since what follows may build on what was refused.

    As long as it is open its session stays in memory.

    Args:
        pipeline: Where the events go.
        live: The session.
        while_: What has to hold on the timeline for the events to be true, such as that the run they are of has not
            ended; looked at again whenever another process moved the session.

    Attributes:
        error: The first refusal, or None.
    """

    def __init__(
        self, pipeline: Pipeline, live: LiveSession, while_: Callable[[TimelineView], bool] | None = None
    ) -> None:
        self._pipeline = pipeline
        self._live = live
        self._while = while_
        self._looked_at = live.foreign_count
        self._ahead_count = 0
        self.error: WebchatError | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_open = True
        self._tell, self._guard = self._landed, self._check  # made once: each send of a token hands both over
        live.publisher_count += 1

    def close(self) -> None:
        """Let the session go; harmless when called twice. What was sent is committed all the same."""
        if self._is_open:
            self._is_open = False
            self._live.publisher_count -= 1

    async def send(self, *events: Event) -> None:
        """Hand events over, committed together; waits only while too many are ahead.

        Raises:
            WebchatError: These events, or earlier ones, were refused. Nothing of them is stored.
        """
        if self.error is not None:
            raise self.error
        for event in events:
            self._pipeline.check(event)
        self._ahead_count += len(events)
        self._pipeline.add(self._live, Unit(events, self._tell, guard=self._guard))
        if self._ahead_count >= MAX_AHEAD:
            await self._wait(MAX_AHEAD // 2)

    def _check(self, timeline: TimelineView) -> None:
        """Refuse what was sent before a refusal and waits behind it, and what is no longer true."""
        if self.error is not None:
            raise self.error
        if self._while is not None and self._looked_at != self._live.foreign_count:
            if not self._while(timeline):
                raise SupersededError(f"session {self._live.session_id}: another server ended what this belongs to")
            self._looked_at = self._live.foreign_count

    async def flush(self) -> None:
        """Return when all that was sent is committed.

        Raises:
            WebchatError: Something of it was refused.
        """
        await self._wait(0)

    async def _wait(self, until_count: int) -> None:
        while self._ahead_count > until_count and self.error is None:
            if self._room is None or self._room.done():
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)  # several may wait, and one of them be cancelled
        if self.error is not None:
            raise self.error

    def _landed(self, unit: Unit, outcome: Sequence[Ordinal] | WebchatError) -> None:
        self._ahead_count -= len(unit.events)
        if isinstance(outcome, WebchatError):
            self.error = self.error or outcome
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
