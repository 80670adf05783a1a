"""Connections to Redis: each one checked when it is made, and patience with a Redis that is away.

redis-py's own retries are off: it would repeat a write without knowing whether that is harmless, and reconnect without
saying so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, final

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from webchat_nb.errors import ConfigError, StoreError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.stores.redis.address import Address
from webchat_nb.stream.stores.redis.errors import FAILURES, is_passing, translated
from webchat_nb.stream.stores.redis.recognition import Recognition
from webchat_nb.stream.stores.redis.scripts import Script

SHORT_PATIENCE_S: Final = 0.5
"""How long a question waits for a Redis that is away; whoever asked is told 503 then and may ask again."""

_MAX_CONNECTIONS = 32
"""More questions than this at a time wait for a connection."""

_ANSWER_S = 5.0
"""How long a Redis that took a command has for its answer; longer than a disk's hiccup under ``appendfsync always``."""

_CONNECT_S = 2.0
_FIRST_DELAY_S, _MAX_DELAY_S = 0.02, 1.0


@final
class Link:
    """The way to one Redis.

    Args:
        address: Where it is.
        recognition: Checks every new connection before it is used.
        clock: Tells the time that patience takes.

    Raises:
        ConfigError: The URL has a parameter that is not known.
    """

    def __init__(self, address: Address, recognition: Recognition, clock: Clock) -> None:
        self._where = address.shown
        self._recognition = recognition
        self._clock = clock
        ours = {
            "protocol": 2,
            "decode_responses": False,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": _ANSWER_S,
            "socket_connect_timeout": _CONNECT_S,
            "redis_connect_func": self._introduce,
        }
        try:
            settings: dict[str, Any] = {"connection_class": Connection, **parse_url(address.url), **ours}
            connection_class = settings.pop("connection_class")
            connection_class(**settings)  # now rather than at the first question: does it know all of the parameters?
        except (TypeError, ValueError):  # its text may hold the password
            raise ConfigError(f"db: {self._where}: a parameter of the URL is not understood") from None
        pool = ConnectionPool(connection_class=connection_class, **settings)
        self._client: Redis = Redis(connection_pool=pool)
        self._places = asyncio.Semaphore(_MAX_CONNECTIONS)  # redis-py's own waiting pool of 5.0 locks itself out
        self._client.response_callbacks.clear()  # answers as they came, the same with every version of redis-py

    async def ask(self, *command: bytes | str | int, patience_s: float = SHORT_PATIENCE_S) -> Any:
        """Send one command that may be repeated; its answer as it came.

        Args:
            command: Its name and its arguments.
            patience_s: How long to try again while Redis is away.

        Raises:
            StoreUnreachableError: Redis was away all the time. Whether it carried the command out is not known.
            StoreError: It refused, see ``errors.py``.
        """
        return await self._patiently(partial(self._client.execute_command, *command), patience_s)

    async def run(self, script: Script, *arguments: bytes | str | int, patience_s: float = SHORT_PATIENCE_S) -> Any:
        """Run a script that may be repeated; raises as ``ask`` does."""
        try:
            return await self.ask("EVALSHA", script.sha, 0, *arguments, patience_s=patience_s)
        except NoScriptError:
            return await self.ask("EVAL", script.text, 0, *arguments, patience_s=patience_s)

    async def subscribe(self, channel: str) -> PubSub:
        """A connection of its own that hears what is published from now on.

        Raises:
            StoreError: It could not be made.
        """
        pubsub = self._client.pubsub()
        try:
            await pubsub.subscribe(channel)
            if await pubsub.get_message(timeout=_ANSWER_S) is None:
                raise TimeoutError("no answer to SUBSCRIBE")
        except FAILURES as error:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            raise translated(error, self._where) from error
        except BaseException:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            raise
        return pubsub

    async def recognise(self) -> None:
        """Look at Redis again, after something odd.

        Raises:
            StoreError: It is away, or cannot be used.
        """
        await self._patiently(partial(self._recognition.check, self._client.execute_command), SHORT_PATIENCE_S)

    async def close(self) -> None:
        """Close all connections; harmless when called twice."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    async def _patiently(self, attempt: Callable[[], Awaitable[Any]], patience_s: float) -> Any:
        until_s = self._clock.steady_s() + patience_s
        for delay_s in _delays():
            try:
                async with self._places:
                    return await attempt()
            except (NoScriptError, StoreError):
                raise
            except FAILURES as error:
                refused = translated(error, self._where)
                if not is_passing(refused) or self._clock.steady_s() + delay_s > until_s:
                    raise refused from error
            await self._clock.sleep(delay_s)
        raise AssertionError("the delays never end")

    async def _introduce(self, connection: Any) -> None:
        """Log in, then find out who is there."""

        async def ask(*command: bytes | str | int) -> Any:
            await connection.send_command(*command, check_health=False)
            return await connection.read_response()

        try:
            await connection.on_connect()
            await self._recognition.check(ask)
        except BaseException:
            await connection.disconnect()
            raise


def _delays() -> Iterator[float]:
    delay_s = _FIRST_DELAY_S
    while True:
        yield delay_s
        delay_s = min(2 * delay_s, _MAX_DELAY_S)
