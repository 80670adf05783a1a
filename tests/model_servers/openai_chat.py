"""Chat completions, as OpenAI and those who speak like it send them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tests.model_servers.server import WireAnswer, json_answer
from webchat_nb.testing.engine_contract import Reply

BUSY = {"error": {"message": "The engine is currently overloaded", "type": "server_error", "code": None}}
WRONG = {"error": {"message": "max_tokens is too large", "type": "invalid_request_error", "param": "max_tokens"}}
_BODY = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}


def event(data: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **keys: Any) -> bytes:
    """One chunk of an answer."""
    return event({**_BODY, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **keys})


DONE = b"data: [DONE]\n\n"


def chat_answer(reply: Reply, *, thoughts_as: str = "reasoning_content") -> WireAnswer:
    """A reply as a stream, or as a refusal when it fails before it says anything."""
    if not (reply.thoughts or reply.texts or reply.calls):
        if reply.end == "busy":
            return json_answer(503, BUSY)
        if reply.end == "wrong":
            return json_answer(400, WRONG)
    pieces = list(_chunks(reply, thoughts_as))
    if reply.end != "whole":
        broken = {"busy": [event(BUSY)], "wrong": [event(WRONG)], "silent": []}[reply.end]
        return WireAnswer(pieces=[*pieces, *broken], end="silent" if reply.end == "silent" else "whole")
    pieces.append(chunk({}, "tool_calls" if reply.calls else "stop"))
    if reply.usage is not None:
        into, out = reply.usage
        usage = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
        pieces.append(event({**_BODY, "choices": [], "usage": usage}))
    return WireAnswer(pieces=[*pieces, DONE])


def _chunks(reply: Reply, thoughts_as: str) -> Iterator[bytes]:
    yield b": a comment, as proxies send them\n\n"
    yield chunk({"role": "assistant", "content": ""})
    for thought in reply.thoughts:
        yield chunk({thoughts_as: thought})
    for text in reply.texts:
        yield chunk({"content": text})
    for index, call in enumerate(reply.calls):
        function = {"name": call.tool, "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]})
    longest = max((len(call.pieces) for call in reply.calls), default=0)
    for place in range(longest):  # the arguments of calls that are made at once come in turns
        for index, call in enumerate(reply.calls):
            if place < len(call.pieces):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": call.pieces[place]}}]})
