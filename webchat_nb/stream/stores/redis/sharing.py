"""RedisSharing: what other servers do, as they say it on one channel, and as it is in Redis.

Rule: OR4.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import final

from redis.asyncio.client import PubSub

from webchat_nb.errors import StoreError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.model import Epoch, Ordinal, SessionId
from webchat_nb.stream.store import TURN_S, Leases
from webchat_nb.stream.stores.redis.errors import FAILURES
from webchat_nb.stream.stores.redis.keys import Keys
from webchat_nb.stream.stores.redis.link import Link
from webchat_nb.stream.stores.redis.reads import Reader
from webchat_nb.stream.stores.redis.scripts import HOLD, LET_GO

Changed = Callable[[SessionId, Ordinal], None]

_QUIET_S = 5.0
"""After so long without news we ask whether anybody is there, and after as long again connect anew."""

_RETRY_S = 0.5
"""Between two attempts to connect; each is patient for a while itself."""

_log = logging.getLogger(__name__)


@final
class RedisSharing:
    """Follows the other servers.

    Args:
        link: The way to Redis.
        reader: Asks for heads.
        leases: See ``leases.py``.
        keys: Their names, and that of the channel where commits are told.
        writer: This server's own name among the writers; what it did itself is passed over.
        clock: Tells when to try again.
    """

    def __init__(self, *, link: Link, reader: Reader, leases: Leases, keys: Keys, writer: str, clock: Clock) -> None:
        self.leases = leases
        self._link = link
        self._reader = reader
        self._keys = keys
        self._channel = keys.changes
        self._writer = writer
        self._clock = clock
        self._changed: Changed | None = None
        self._doubted: Callable[[], None] | None = None
        self._following: asyncio.Task[None] | None = None

    async def take_turn(self, session_id: SessionId) -> bool:
        """Have the session to this server for a moment; ``scripts/commit.lua`` makes the others wait.

        Raises:
            StoreUnreachableError: Redis is away; a turn that was taken ends by itself.
        """
        turn = self._keys.of("turn", session_id)
        (is_ours,) = await self._link.run(HOLD, self._writer, round(TURN_S * 1000), turn)
        return bool(is_ours)

    async def end_turn(self, session_id: SessionId) -> None:
        """Let the others go on."""
        with suppress(StoreError):  # it ends by itself
            await self._link.run(LET_GO, self._writer, self._keys.of("turn", session_id))

    async def head(self, session_id: SessionId) -> tuple[Epoch, Ordinal] | None:
        """The log's epoch and head as they are now, from Redis itself; None without a log."""
        session = await self._reader.session(session_id)
        return None if session is None else (session.epoch, session.head)

    def watch(self, changed: Changed, doubted: Callable[[], None]) -> None:
        """Name who is told of what other processes do; set before ``open``."""
        self._changed, self._doubted = changed, doubted

    async def open(self) -> None:
        """Listen from now on.

        Raises:
            StoreError: Redis is away.
        """
        if self._changed is not None:
            pubsub = await self._link.subscribe(self._channel)
            self._following = asyncio.get_running_loop().create_task(self._follow(pubsub), name="webchat-changes")

    async def close(self) -> None:
        """Stop listening."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait([following])

    async def _follow(self, pubsub: PubSub) -> None:
        while True:
            try:
                await self._listen(pubsub)
            except FAILURES as error:
                _log.info("the connection that tells changes was lost: %s", type(error).__name__)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            pubsub = await self._subscribe_again()
            if self._doubted is not None:
                self._doubted()

    async def _listen(self, pubsub: PubSub) -> None:
        """Tell what comes, until the connection is lost, which is the only way out."""
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=_QUIET_S)
            if message is not None:
                is_asked = False
                if message["type"] == "message":
                    self._tell(message["data"])
            elif is_asked:
                raise TimeoutError("no answer to PING")
            else:
                is_asked = True
                await pubsub.ping()

    async def _subscribe_again(self) -> PubSub:
        while True:
            try:
                return await self._link.subscribe(self._channel)
            except StoreError:
                await self._clock.sleep(_RETRY_S)

    def _tell(self, message: bytes) -> None:
        writer, *news = message.decode().split(" ")
        if writer == self._writer or self._changed is None:
            return
        for session_id, head in zip(news[::2], news[1::2], strict=True):
            self._changed(SessionId(session_id), Ordinal(int(head)))
