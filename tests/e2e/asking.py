"""A profile whose answers wait for a person, and its tools: imported by the server that tests start."""

from __future__ import annotations

import struct
import zlib
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from webchat_nb import tool
from webchat_nb.chat.engine import ApprovalAsked, RunRequest, ToolCallRequested, ToolCallResult, ToolCallStarted

MODULE: Final = __name__

ROW_COUNT: Final = 12_000

LONG_NUMBER: Final = 9_007_199_254_740_993
"""The first that JavaScript takes for another one."""

PLACE_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "title": "City", "description": "Where you want to go."},
        "days": {"type": "integer", "title": "Days", "minimum": 1, "maximum": 14, "default": 3},
        "class": {"enum": ["economy", "business"], "title": "Class"},
        "when": {"type": "string", "format": "date", "title": "First day"},
        "meals": {"type": "array", "items": {"enum": ["breakfast", "lunch", "dinner"]}, "title": "Meals"},
        "pets": {"type": "boolean", "title": "A pet comes along"},
        "notes": {"type": "string", "title": "Notes", "format": "textarea"},
    },
    "required": ["city", "days", "class"],
}


@tool(approval="always")
def delete_file(path: Annotated[str, "Relative to the project."], tries: Literal[1, 2, 3] = 1) -> str:
    """Delete a file."""
    return f"deleted {path} in {tries}"


@tool(approval="always")
def take_any(free: dict[str, int] | list[Annotated[int, Meta(ge=5)]]) -> str:
    """Take what no simple form can hold."""
    return f"got {free}"


class Sales:
    """Looks as a data frame of polars does."""

    schema: Final = {"region": "String", "units": "Int64", "price": "Float64", "id": "Int64", "note": "String"}

    def __init__(self, height: int = ROW_COUNT) -> None:
        self.height = height

    def head(self, count: int) -> Sales:
        return Sales(count)

    def to_dicts(self) -> list[dict[str, Any]]:
        regions = ("north", "south", "a region with a long name")
        return [
            {
                "region": regions[n % 3],
                "units": n * 7,
                "price": n / 4,
                "id": LONG_NUMBER + n,
                "note": "words " * 12 if n % 5 else None,
            }
            for n in range(self.height)
        ]


@tool
def read_sales() -> Any:
    """Read what was sold."""
    return Sales()


@tool
def draw() -> bytes:
    """Draw a picture."""
    return png(640, 480)


async def ask_twice(request: RunRequest) -> Any:
    """An engine that asks about two calls at once."""
    ids = [f"{request.root_id}:{path}" for path in ("one.txt", "two.txt")]
    for number, call_id in enumerate(ids, 1):
        arguments = f'{{"path": "{number}.txt"}}'
        yield ToolCallStarted(call_id, "delete_file")
        yield ToolCallRequested(call_id, arguments)
        yield ApprovalAsked(approval_id=f"{call_id}:ok", call_id=call_id, tool_name="delete_file", input=arguments)
    for call_id in ids:
        assert request.approvals is not None
        decision = await request.approvals.decision(f"{call_id}:ok")
        yield ToolCallResult(call_id, "done" if decision.is_approved else f"no: {decision.reason}")
    yield "Both are decided."


def png(width: int, height: int) -> bytes:
    """A picture with a slope of colours."""
    rows = b"".join(
        b"\0" + bytes(part for x in range(width) for part in (x * 255 // width, y * 255 // height, 160))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def asking_profiles(script: str) -> list[dict[str, Any]]:
    """The profiles; ``script`` is where ``asking_script`` was written."""
    tools = [f"{MODULE}:{name}" for name in ("delete_file", "take_any", "read_sales", "draw")]
    return [
        {"slug": "asking", "title": "Asking", "engine": "scripted", "script": script, "tools": tools},
        {"slug": "twice", "title": "Twice", "engine": f"{MODULE}:ask_twice"},
    ]


def asking_script() -> dict[str, Any]:
    """What the profile ``asking`` does."""
    delete = {"tool": "delete_file", "args": {"path": "a.txt"}}
    return {
        "script": 1,
        "turns": [
            {"match": "delete", "steps": [{"say": "I tidy up."}, {"call": delete}, {"say": "That was it."}]},
            {"match": "free", "steps": [{"call": {"tool": "take_any", "args": {"free": [5]}}}]},
            {
                "match": "soon",
                "steps": [{"call": {**delete, "approval": True, "approval_expires_s": 2, "result": "gone"}}],
            },
            {
                "match": "minute",
                "steps": [{"call": {**delete, "approval": True, "approval_expires_s": 90, "result": "gone"}}],
            },
            {
                "match": "journey",
                "steps": [
                    {"ask": {"question": "Where do you want to go?", "schema": PLACE_SCHEMA}},
                    {"say": "You said: {answer}"},
                ],
            },
            {"match": "name", "steps": [{"ask": {"question": "What is your name?"}}, {"say": "You said: {answer}"}]},
            {"match": "sales", "steps": [{"call": {"tool": "read_sales"}}, {"say": "A table."}]},
            {"match": "draw", "steps": [{"call": {"tool": "draw"}}, {"say": "A picture."}]},
            {"steps": [{"say": "You said: {prompt}"}]},
        ],
    }
