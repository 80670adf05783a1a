"""Is this the data set that we know, and does it keep what it acknowledges? If not, its epochs change (OR3).

Asked on every new connection, before anything else is said on it, and whenever a write finds something odd. What counts
as a loss:

- Redis was restarted (its ``run_id`` is another one) and its settings, then or now, may lose what it had acknowledged:
  no append-only file, ``appendfsync`` other than ``always``, or settings that we may not read;
- it does not know the last write that it acknowledged to us: a backup was restored, or a replica took over that was
  behind;
- it knows nothing of us any more, but has sessions, or once acknowledged something.

The answer, a new generation, is decided inside Redis in one step, so several servers that find out together renew the
epochs once.

What cannot be seen from here: a backup restored, with every server stopped, into a Redis that syncs always. Whoever does
that deletes ``<prefix>:meta`` afterwards.

Source: redis.io/docs/latest/operate/oss_and_stack/management/persistence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, final

from redis.exceptions import ResponseError

from webchat_nb.errors import StoreError, StoreVersionError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.stores.redis.scripts import RECOGNISE

SCHEMA_VERSION = 1
"""Of the keys; a newer one is refused."""

OLDEST_REDIS = 7
"""Major version: since 7.0 a script tells by flags what it does, and is refused as a whole when Redis is full."""

_MEMORY_S = 12 * 3600.0
"""How long we expect Redis to know our last write; it keeps that for twice as long (``scripts/write.lua``)."""

_SAFE = {b"appendonly": b"yes", b"appendfsync": b"always", b"no-appendfsync-on-rewrite": b"no"}

Ask = Callable[..., Awaitable[Any]]
"""Sends one command to Redis, gives its answer as it came."""


@final
class Recognition:
    """What one store knows of its Redis.

    Args:
        prefix: Of the keys.
        writer: This store's own name among the writers.
        where: The address as it may be shown.
        clock: Tells how long ago the last write was.
        new_id: Where generations come from.
    """

    def __init__(self, *, prefix: str, writer: str, where: str, clock: Clock, new_id: Callable[[], str]) -> None:
        self._prefix = prefix
        self._writer = writer
        self._where = where
        self._clock = clock
        self._new_id = new_id
        self._acknowledged = 0
        self._acknowledged_at_s = 0.0

    @property
    def acknowledged(self) -> int:
        """The number of our last write that Redis has to know; 0 when there is none."""
        is_recent = self._clock.steady_s() - self._acknowledged_at_s < _MEMORY_S
        return self._acknowledged if is_recent else 0

    def acknowledge(self, number: int) -> None:
        """Remember that Redis acknowledged this write."""
        self._acknowledged, self._acknowledged_at_s = number, self._clock.steady_s()

    async def check(self, ask: Ask) -> None:
        """Look at the Redis at the other end, and renew the epochs if it may have lost something.

        Raises:
            StoreVersionError: A newer version wrote the keys; nothing is changed.
            StoreError: This Redis cannot be used; nothing is changed.
            RedisError: It refused a command, or the connection was lost.
        """
        facts = _facts(await ask("INFO"))
        self._refuse_unfit(facts)
        may_lose_tail = await _may_lose_tail(ask)
        answer = await ask(
            "EVAL",
            RECOGNISE.text,
            0,
            self._prefix,
            self._writer,
            self.acknowledged,
            SCHEMA_VERSION,
            facts["run_id"],
            int(may_lose_tail),
            self._new_id(),
        )
        if answer[0] == b"version":
            raise StoreVersionError(
                f"store {self._where}: the keys have schema version {answer[1].decode()},"
                f" this webchat_nb knows {SCHEMA_VERSION}: upgrade it"
            )

    def _refuse_unfit(self, facts: dict[str, str]) -> None:
        version, policy = facts.get("redis_version", "none"), facts.get("maxmemory_policy", "noeviction")
        major = version.partition(".")[0]
        reason = ""
        if not major.isdigit() or int(major) < OLDEST_REDIS or "run_id" not in facts:
            reason = f"expected Redis {OLDEST_REDIS}.0 or newer, got {version}"
        elif facts.get("redis_mode") == "cluster":
            reason = "this is a Redis Cluster: name a single node"
        elif facts.get("maxmemory", "0") != "0" and policy != "noeviction":
            reason = f"Redis would throw conversations away when full ({policy}): set maxmemory-policy noeviction"
        if reason:
            error = StoreError(f"store {self._where}: {reason}")
            error.retryable = False
            raise error


async def _may_lose_tail(ask: Ask) -> bool:
    try:
        answer = await ask("CONFIG", "GET", "append*")
        more = await ask("CONFIG", "GET", "no-appendfsync-on-rewrite")
    except ResponseError:  # not allowed, or renamed, as hosted ones do
        return True
    pairs = [*answer, *more]
    settings = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return any([settings.get(name) != value for name, value in _SAFE.items()])


def _facts(text: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in text.decode(errors="replace").splitlines()]
    return {name: value for name, colon, value in lines if colon}
