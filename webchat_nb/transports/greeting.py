"""How a connection begins: what its URL says, and ``ws.hello``.

Rule: FR1, HT2, EP2, AC6.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from webchat_nb.errors import WebchatError
from webchat_nb.stream.model import session_id
from webchat_nb.transports import commands
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.subscriber import failure
from webchat_nb.wire import frames
from webchat_nb.wire.requests import Principal


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """What the URL and the cookie of a connection say, unchecked."""

    conv_id: str | None = None
    profile: str | None = None
    epoch: str | None = None
    since: str | None = None
    window: str | None = None
    cookie_profile: str | None = None


async def greet(
    backend: ChatBackend, who: Principal, join: Join, connection_id: str, *, now_ms: int, heartbeat_s: float
) -> tuple[list[frames.ControlFrame], str | None]:
    """``ws.hello``, and a ``ws.error`` after it when what the URL asks for cannot be had.

    Returns:
        The frames, and the conversation to subscribe to: the request policy's, or what the URL says (EP2).
    """
    conv_id = _valid(join.conv_id)
    faults: list[frames.ControlFrame] = []
    try:
        conv_id, profile = await backend.join(who, conv_id, profile=join.profile, cookie_profile=join.cookie_profile)
    except WebchatError as error:
        faults.append(failure(error))
        profile = backend.profile_slug(None)
    hello = frames.Hello(
        connection_id=connection_id,
        server_time_ms=now_ms,
        profile=profile,
        conv_id=UNSET if conv_id is None else conv_id,
        capabilities={"timeline": True, "queue": True, "resume": True, "commands": sorted(commands.RIGHTS)},
        limits=backend.limits,
        heartbeat_ms=round(heartbeat_s * 1000),
    )
    return [hello, *faults], conv_id or join.conv_id


def _valid(text: str | None) -> str | None:
    try:
        return None if text is None else session_id(text)
    except WebchatError:
        return None
