"""A model's replies, for engines that have no model: as steps of a script, and as values of a function."""

from __future__ import annotations

import json
from typing import Any

from webchat_nb.testing.engine_contract import Reply, chopped


def steps_of(reply: Reply) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"think": thought} for thought in reply.thoughts]
    steps += [{"say": text} for text in reply.texts]
    steps += [{"call": {"tool": call.tool, "args": json.loads(call.input)}} for call in reply.calls]
    if reply.usage is not None:
        steps.append({"usage": {"input_tokens": reply.usage[0], "output_tokens": reply.usage[1]}})
    if reply.end == "silent":
        steps.append({"wait_for": "never"})
    elif reply.end != "whole":
        steps.append({"fail": {"message": "no", "retryable": reply.end == "busy"}})
    return steps


def values_of(reply: Reply, chop: int) -> list[Any]:
    """What a function yields; how it ends is its own affair."""
    values: list[Any] = [{"think": piece} for piece in chopped(reply.thoughts, chop)]
    values += [*chopped(reply.texts, chop)]
    values += [step for step in steps_of(reply) if step.keys() & {"call", "usage"}]
    return values
