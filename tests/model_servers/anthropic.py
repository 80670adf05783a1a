"""Messages, as Anthropic sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tests.model_servers.server import WireAnswer, json_answer
from webchat_nb.testing.engine_contract import Reply


def failure(kind: str, message: str) -> dict[str, Any]:
    """An error's body."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


BUSY = failure("overloaded_error", "Overloaded")
WRONG = failure("invalid_request_error", "max_tokens: is too large")


def anthropic_answer(reply: Reply) -> WireAnswer:
    """A reply as a stream, or as a refusal when it fails before it says anything."""
    if not (reply.thoughts or reply.texts or reply.calls):
        if reply.end == "busy":
            return json_answer(529, BUSY)
        if reply.end == "wrong":
            return json_answer(400, WRONG)
    pieces = [event(data) for data in _events(reply)]
    return WireAnswer(pieces=pieces, end="silent" if reply.end == "silent" else "whole")


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"event: " + data["type"].encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _events(reply: Reply) -> Iterator[dict[str, Any]]:
    into, out = reply.usage or (1, 1)
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": into, "output_tokens": 1},
    }
    yield {"type": "message_start", "message": message}
    yield {"type": "ping"}
    index = 0
    if reply.thoughts:
        deltas = [{"type": "thinking_delta", "thinking": thought} for thought in reply.thoughts]
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield from _block(index, block, [*deltas, {"type": "signature_delta", "signature": "sealed"}])
        index += 1
    if reply.texts:
        deltas = [{"type": "text_delta", "text": text} for text in reply.texts]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for number, call in enumerate(reply.calls):
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *call.pieces)]
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": call.tool, "input": {}}
        yield from _block(index, block, deltas)
        index += 1
    if reply.end == "whole":
        stop = {"stop_reason": "tool_use" if reply.calls else "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": out}}
        yield {"type": "message_stop"}
    elif reply.end != "silent":
        yield BUSY if reply.end == "busy" else WRONG


def _block(index: int, block: dict[str, Any], deltas: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
