"""Frames that are put on the wire by us are those that tornado itself would write."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from tornado.iostream import IOStream
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

from webchat_nb.transports import framing


class RecordingStream:
    """Takes what the protocol writes."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def tornado_frame(payload: bytes) -> bytes:
    protocol: Any = object.__new__(WebSocketProtocol13)
    protocol.mask_outgoing = False
    protocol._wire_bytes_out = 0
    protocol.stream = RecordingStream()
    protocol._write_frame(True, 0x1, payload)
    written: bytes = protocol.stream.written
    return written


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_the_header_is_the_one_that_tornado_writes(size: int) -> None:
    payload = b"x" * size
    assert framing.join_frames([payload]) == tornado_frame(payload)


def test_several_frames_are_one_piece() -> None:
    assert framing.join_frames([b"a", b"bb"]) == tornado_frame(b"a") + tornado_frame(b"bb")


def test_tornado_still_has_the_internals_that_are_touched() -> None:
    source = inspect.getsource(WebSocketProtocol13)
    assert "self.mask_outgoing = mask_outgoing" in source
    assert "self._compressor: " in source and "self.stream = handler._detach_stream()" in source
    assert "ws_connection: " in inspect.getsource(WebSocketHandler) or "self.ws_connection" in inspect.getsource(
        WebSocketHandler
    )
    assert "return self.stream.write(frame)" in inspect.getsource(WebSocketProtocol13._write_frame)


class FakeHandler:
    def __init__(self, protocol: Any) -> None:
        self.ws_connection = protocol


def handler_with(**internals: Any) -> Any:
    protocol: Any = object.__new__(WebSocketProtocol13)
    for name, value in internals.items():
        setattr(protocol, name, value)
    return FakeHandler(protocol)


def test_the_short_way_is_taken_only_without_compression_and_masks() -> None:
    stream = object.__new__(IOStream)
    plain: dict[str, Any] = {"stream": stream, "_compressor": None, "mask_outgoing": False}
    assert framing.stream_of(handler_with(**plain)) is stream
    assert framing.stream_of(handler_with(**{**plain, "_compressor": object()})) is None
    assert framing.stream_of(handler_with(**{**plain, "mask_outgoing": True})) is None
    assert framing.stream_of(handler_with(stream=stream)) is None
    assert framing.stream_of(handler_with(**{**plain, "stream": object()})) is None
