"""What a running chat does now and then: evict, prune, and settle what a dead server left behind.

Rule: EV1, RN3, ST8.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import final

from webchat_nb.chat.conversations import Conversations
from webchat_nb.chat.runs import Runs
from webchat_nb.errors import StoreError, WebchatError
from webchat_nb.stream import Hub, Retention, Session
from webchat_nb.stream.clock import Timer

ROUND_S = 60.0
"""Most time between two rounds."""

PRUNED_PER_ROUND = 100
"""Conversations whose logs are looked at in one round: the whole store is gone through, little by little."""

_log = logging.getLogger(__name__)


@final
class Upkeep:
    """Makes its rounds from ``start`` to ``stop``.

    Args:
        hub: Started.
        conversations: What this process holds.
        runs: Settles.
        idle_timeout_s: A conversation that nobody used for so long leaves the memory.
        retention: What is kept of logs.
        chores: What else is done in each round.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        conversations: Conversations,
        runs: Runs,
        idle_timeout_s: float,
        retention: Retention,
        chores: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._hub = hub
        self._conversations = conversations
        self._runs = runs
        self._idle_timeout_s = idle_timeout_s
        self._retention = retention
        self._chores = chores
        self._cursor: str | None = None
        self._had_trouble = False
        self._is_running = False
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None

    @property
    def round_s(self) -> float:
        """Time between two rounds; where servers share a store, short enough to notice a dead one in time."""
        sharing = self._hub.store.sharing
        lease_s = sharing.leases.ttl_s / 2 if sharing is not None else ROUND_S
        return min(ROUND_S, self._idle_timeout_s, lease_s)

    def start(self) -> None:
        """Begin; the first round is one pause away."""
        self._is_running = True
        self._next_later()

    async def stop(self) -> None:
        """End; harmless when called twice."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()  # it would keep all of a stopped chat in memory, and go on after a second start
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _next_later(self) -> None:
        self._timer = self._hub.clock.call_later(self.round_s, self._make_round)

    def _make_round(self) -> None:
        if not self._is_running:
            return
        for session_id in self._hub.evict(idle_longer_than_s=self._idle_timeout_s):
            self._conversations.forget(session_id)
        is_free = self._task is None or self._task.done()  # a store that is slow is not asked twice at a time
        if is_free and (self._hub.store.sharing is not None or not self._retention.keeps_all or self._chores):
            self._task = asyncio.get_running_loop().create_task(self._look_after_store(), name="webchat-upkeep")
        self._next_later()

    async def _look_after_store(self) -> None:
        try:
            if self._hub.store.sharing is not None:
                await self._runs.recover()
            if not self._retention.keeps_all:
                await self._prune()
            for chore in self._chores:
                await chore()
            self._had_trouble = False
        except StoreError as error:
            if not self._had_trouble:
                _log.warning("upkeep waits for the store: %s", error)
            self._had_trouble = True
        except Exception:  # noqa: BLE001 - one bad round must not be the last
            _log.exception("a round of upkeep failed")

    async def _prune(self) -> None:
        page = await self._hub.store.sessions(limit=PRUNED_PER_ROUND, cursor=self._cursor, where={}, search=None)
        self._cursor = page.next
        for session in page.sessions:
            try:
                await self._hub.prune(session.session_id, self._retention, may_prune=_has_no_open_run)
            except StoreError:
                raise
            except WebchatError as error:
                _log.error("the log of %s could not be pruned: %s", session.session_id, error)


def _has_no_open_run(session: Session) -> bool:
    """What a run has open is found in the log, should its server die."""
    return session.attributes.get("status") not in ("running", "queued")
