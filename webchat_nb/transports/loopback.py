"""A connection without a socket: for tests, and for clients in the same process.

What the client would get is in ``frames`` as decoded envelopes; nothing waits for a network, so a test that lets the
event loop run to rest has seen everything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, final

from webchat_nb.stream.clock import Clock
from webchat_nb.transports.connection import Connection
from webchat_nb.transports.greeting import Join
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.sink import ConnectionSettings, HostCheck, SinkClosedError, always
from webchat_nb.wire.requests import Principal

_TURNS = 50
"""Turns of the event loop in which everything in memory comes to rest."""


@final
class LoopbackSink:
    """Collects what is sent.

    Attributes:
        events: The ``event`` of each frame, in order.
        sizes: The bytes of each frame.
        pings: How many pings came.
        closed: Code and reason, once closed.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.pings = 0
        self.closed: tuple[int, str] | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._came = asyncio.Event()

    async def send(self, frames: Sequence[bytes]) -> None:
        """Take frames; waits while stalled."""
        await self._flowing.wait()
        if self.closed is not None:
            raise SinkClosedError
        for frame in frames:
            envelope = json.loads(frame)
            self.events.append(envelope["event"])
            self.sizes.append(len(frame))
        self._came.set()

    def ping(self) -> None:
        """Count a ping; the test answers with ``Connection.hear`` or not."""
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        """Remember the first close."""
        self.closed = self.closed or (code, reason)
        self._came.set()

    def stall(self) -> None:
        """Take nothing more, like a socket whose buffers are full."""
        self._flowing.clear()

    def flow(self) -> None:
        """Take again."""
        self._flowing.set()

    async def wait(self) -> None:
        """Return when something came."""
        await self._came.wait()
        self._came.clear()


@final
class Loopback:
    """A client of the application in the same process: speaks frames, has no socket."""

    def __init__(
        self,
        backend: ChatBackend,
        *,
        who: Principal | None = None,
        join: Join | None = None,
        host_check: HostCheck = always,
        clock: Clock | None = None,
        settings: ConnectionSettings | None = None,
        connection_id: str = "loopback",
    ) -> None:
        self.sink = LoopbackSink()
        self.connection = Connection(
            backend=backend,
            sink=self.sink,
            who=who or Principal(),
            connection_id=connection_id,
            join=join,
            host_check=host_check,
            clock=clock,
            settings=settings,
        )

    async def __aenter__(self) -> Loopback:
        await self.connection.start()
        await self.rest()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.connection.detach()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The ``event`` of each frame so far, in order."""
        return self.sink.events

    @property
    def types(self) -> list[str]:
        """Their types."""
        return [event["type"] for event in self.sink.events]

    async def say(self, frame: dict[str, Any] | str) -> None:
        """Send a frame, and let everything in memory come to rest."""
        await self.connection.receive(frame if isinstance(frame, str) else json.dumps(frame))
        await self.rest()

    def take(self) -> list[dict[str, Any]]:
        """The events since the last time."""
        taken = list(self.sink.events)
        self.sink.events.clear()
        return taken

    async def rest(self) -> None:
        """Let the event loop run until what needs no clock and no disk is done."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def until(self, type: str, *, timeout_s: float = 5.0) -> dict[str, Any]:
        """The first event of a type, waiting for it when it has not come."""
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.sink.events:
                    if event["type"] == type:
                        return event
                await self.sink.wait()
