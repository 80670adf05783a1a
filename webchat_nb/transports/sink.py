"""What a connection asks of whatever carries it, and how it is kept.

Rule: FR8, FR9, AC4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from webchat_nb.transports.subscriber import Heartbeat


class SinkClosedError(Exception):
    """The other side is gone; nothing can be sent any more."""


class Sink(Protocol):
    """Carries frames to one client."""

    def send(self, frames: Sequence[bytes]) -> Awaitable[None] | None:
        """Begin to send the frames, in order, behind those before.

        Returns:
            None when there is room for more at once; else what to wait for until there is.

        Raises:
            SinkClosedError: The other side is gone; raised here or by what is waited for.
        """

    def ping(self) -> None:
        """Make the other side show that it lives; its answer goes to ``Connection.hear``. Never raises."""

    def close(self, code: int, reason: str) -> None:
        """End it, after what was sent. Harmless when it is gone already."""


Access = Literal["read", "execute", "kernels"]

HostCheck = Callable[[Access], Awaitable[bool]]
"""Asks the host again whether this login may still read, submit and cancel, or let kernels work."""


async def always(_: Access) -> bool:
    """The check of a host that never takes a login back."""
    return True


class ConnectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection is kept.

    Attributes:
        heartbeat: See ``Heartbeat``.
        stuck_timeout_s: A socket that takes nothing for this long is closed with 4001.
        recheck_interval_s: How often the right to read is checked again.
    """

    heartbeat: Heartbeat = Heartbeat()
    stuck_timeout_s: float = 30.0
    recheck_interval_s: float = 60.0
