"""Many text frames in one write, past ``write_message``.

``write_message`` makes a task and a write for each message; it is the slowest way to send that was measured. Here the
frames of one wake-up are put behind their headers and written at once.

It touches these internals of tornado: ``WebSocketHandler.ws_connection`` is a ``WebSocketProtocol13`` whose ``stream``
is an ``IOStream``, whose ``mask_outgoing`` is False on a server, and whose ``_compressor`` is None unless compression
was negotiated. Where one of them is not so, ``write_message`` is used. ``tests/unit/transports/test_framing.py`` fails
when they change.

Source: RFC 6455 §5.2.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Iterable, Sequence

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol13

from webchat_nb.transports.sink import SinkClosedError

_TEXT_FINAL = 0x81


def frame_header(size: int) -> bytes:
    """What stands before an unmasked, unfragmented text frame of ``size`` bytes."""
    if size < 126:
        return bytes((_TEXT_FINAL, size))
    if size <= 0xFFFF:
        return struct.pack("!BBH", _TEXT_FINAL, 126, size)
    return struct.pack("!BBQ", _TEXT_FINAL, 127, size)


def join_frames(frames: Iterable[bytes]) -> bytes:
    """Text frames as they are on the wire, one after the other."""
    parts: list[bytes] = []
    for frame in frames:
        parts.append(frame_header(len(frame)))
        parts.append(frame)
    return b"".join(parts)


def stream_of(handler: WebSocketHandler) -> IOStream | None:
    """The stream to write joined frames to; None when ``write_message`` has to be used."""
    protocol = handler.ws_connection
    if not isinstance(protocol, WebSocketProtocol13):
        return None
    stream = getattr(protocol, "stream", None)
    is_plain = getattr(protocol, "_compressor", protocol) is None and getattr(protocol, "mask_outgoing", True) is False
    return stream if is_plain and isinstance(stream, IOStream) else None


def send_text(handler: WebSocketHandler, frames: Sequence[bytes]) -> Awaitable[None] | None:
    """Send frames in order.

    Returns:
        None when the operating system has taken them all; else what to wait for until it has.

    Raises:
        SinkClosedError: The socket is closed or closing; raised here or by what is waited for.
    """
    protocol = handler.ws_connection
    if protocol is None or protocol.is_closing():
        raise SinkClosedError
    stream = stream_of(handler)
    if stream is None:
        return _send_one_by_one(handler, frames)
    try:
        written = stream.write(join_frames(frames))
    except StreamClosedError:
        raise SinkClosedError from None
    if written.done() and written.exception() is None:
        return None
    return _wait_for(written)


async def _wait_for(written: Awaitable[None]) -> None:
    try:
        await written
    except StreamClosedError:
        raise SinkClosedError from None


async def _send_one_by_one(handler: WebSocketHandler, frames: Sequence[bytes]) -> None:
    try:
        for sent in [handler.write_message(frame) for frame in frames]:
            await sent
    except (StreamClosedError, WebSocketClosedError):
        raise SinkClosedError from None
