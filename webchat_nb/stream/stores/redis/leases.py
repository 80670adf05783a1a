"""RedisLeases: who of several servers carries something out.

A lease is a key that Redis forgets when nobody renews it, so it ends by itself when its holder dies, loses Redis, or
stands still for too long. One task renews all of a server's leases, three times in their life.

Rule: RN3, OR4.
"""

from __future__ import annotations

import asyncio
import logging
from typing import final

from webchat_nb.errors import StoreError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.stores.redis.keys import Keys
from webchat_nb.stream.stores.redis.link import Link
from webchat_nb.stream.stores.redis.scripts import HOLD, LET_GO

_RENEWALS = 3
"""How often a lease is renewed in its life: two may fail."""

_log = logging.getLogger(__name__)


@final
class RedisLeases:
    """The leases of one server.

    Args:
        link: The way to Redis.
        keys: Their names.
        holder: This server's own name.
        ttl_s: How long a lease outlives its holder.
        clock: Tells when to renew.
    """

    def __init__(self, *, link: Link, keys: Keys, holder: str, ttl_s: float, clock: Clock) -> None:
        self._link = link
        self._keys = keys
        self._holder = holder
        self._ttl_s = ttl_s
        self._clock = clock
        self._held: set[str] = set()
        self._turn = asyncio.Lock()  # or a renewal under way would take a lease again that was just given back
        self._renewing: asyncio.Task[None] | None = None

    @property
    def ttl_s(self) -> float:
        """How long a lease outlives a holder that died."""
        return self._ttl_s

    async def take(self, name: str) -> bool:
        """Hold the lease from now on, renewed until it is given back; False when another process holds it.

        Raises:
            StoreUnreachableError: Redis is away; the lease may have been taken, and then ends after ``ttl_s``.
        """
        async with self._turn:
            (is_ours,) = await self._hold([name])
            if is_ours:
                self._held.add(name)
                if self._renewing is None:
                    self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="webchat-leases")
            return is_ours

    async def give_back(self, name: str) -> None:
        """Let another process have it at once, or after ``ttl_s`` while Redis is away; harmless when not held."""
        async with self._turn:
            self._held.discard(name)
            await self._let_go([name])

    async def is_held(self, name: str) -> bool:
        """Whether any process, this one included, holds it now."""
        return bool(await self._link.ask("EXISTS", self._keys.of("lease", name)))

    async def close(self) -> None:
        """Give everything back."""
        renewing, self._renewing = self._renewing, None
        if renewing is not None:
            renewing.cancel()
            await asyncio.wait([renewing])
        names, self._held = list(self._held), set()
        if names:
            await self._let_go(names)

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(self._ttl_s / _RENEWALS)
            async with self._turn:
                names = list(self._held)
                try:
                    kept = await self._hold(names) if names else []
                except StoreError as error:
                    _log.warning("leases were not renewed: %s", error)
                    continue
                for name, is_ours in zip(names, kept, strict=True):
                    if not is_ours:
                        _log.warning("the lease %s was taken by another server", name)
                        self._held.discard(name)

    async def _hold(self, names: list[str]) -> list[bool]:
        keys = [self._keys.of("lease", name) for name in names]
        return [bool(is_ours) for is_ours in await self._link.run(HOLD, self._holder, self._ttl_ms, *keys)]

    async def _let_go(self, names: list[str]) -> None:
        try:
            await self._link.run(LET_GO, self._holder, *[self._keys.of("lease", name) for name in names])
        except StoreError as error:
            _log.warning("leases were not given back, they end after %s s: %s", self._ttl_s, error)

    @property
    def _ttl_ms(self) -> int:
        return max(1, round(self._ttl_s * 1000))
