"""Responses, as OpenAI sends them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from tests.model_servers.openai_chat import BUSY, WRONG
from tests.model_servers.server import WireAnswer, json_answer
from webchat_nb.testing.engine_contract import Reply

_RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "tiny",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


def responses_answer(reply: Reply) -> WireAnswer:
    """A reply as a stream, or as a refusal when it fails before it says anything."""
    if not (reply.thoughts or reply.texts or reply.calls):
        if reply.end == "busy":
            return json_answer(503, BUSY)
        if reply.end == "wrong":
            return json_answer(400, WRONG)
    numbers = count()
    pieces = [_event(event | {"sequence_number": next(numbers)}) for event in _events(reply)]
    return WireAnswer(pieces=pieces, end="silent" if reply.end == "silent" else "whole")


def _event(event: dict[str, Any]) -> bytes:
    return b"event: " + event["type"].encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"


def _events(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress"}}
    output: list[dict[str, Any]] = []
    if reply.thoughts:
        yield from _thoughts(reply, output)
    if reply.texts:
        yield from _texts(reply, output)
    for index in range(len(reply.calls)):
        yield from _call(reply, index, output)
    usage = None
    if reply.usage is not None:
        into, out = reply.usage
        usage = {
            "input_tokens": into,
            "output_tokens": out,
            "total_tokens": into + out,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
    response = {**_RESPONSE, "output": output, "usage": usage}
    if reply.end == "whole":
        yield {"type": "response.completed", "response": {**response, "status": "completed"}}
    elif reply.end == "busy":
        error = {"code": "server_error", "message": "overloaded"}
        yield {"type": "response.failed", "response": {**response, "status": "failed", "error": error}}
    elif reply.end == "wrong":
        yield {"type": "error", "code": "invalid_prompt", "message": "no", "param": None}


def _thoughts(reply: Reply, output: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    place: dict[str, Any] = {"item_id": "rs_1", "output_index": len(output), "summary_index": 0}
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"}
    yield {"type": "response.output_item.added", "output_index": place["output_index"], "item": item}
    yield {"type": "response.reasoning_summary_part.added", **place, "part": {"type": "summary_text", "text": ""}}
    for thought in reply.thoughts:
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": thought}
    part = {"type": "summary_text", "text": "".join(reply.thoughts)}
    yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
    item = {**item, "summary": [part]}
    output.append(item)
    yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}


def _texts(reply: Reply, output: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    place: dict[str, Any] = {"item_id": "msg_1", "output_index": len(output), "content_index": 0}
    item: dict[str, Any] = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    yield {"type": "response.output_item.added", "output_index": place["output_index"], "item": item}
    part = {"type": "output_text", "text": "", "annotations": []}
    yield {"type": "response.content_part.added", **place, "part": part}
    for text in reply.texts:
        yield {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []}
    part = {**part, "text": "".join(reply.texts)}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    item = {**item, "status": "completed", "content": [part]}
    output.append(item)
    yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": item}


def _call(reply: Reply, index: int, output: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    call = reply.calls[index]
    place = {"item_id": f"fc_{index}", "output_index": len(output)}
    item = {"type": "function_call", "id": f"fc_{index}", "call_id": f"call_{index}", "name": call.tool}
    opened = {**item, "arguments": "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": place["output_index"], "item": opened}
    for piece in call.pieces:
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **place, "name": call.tool, "arguments": call.input}
    closed = {**item, "arguments": call.input, "status": "completed"}
    output.append(closed)
    yield {"type": "response.output_item.done", "output_index": place["output_index"], "item": closed}
