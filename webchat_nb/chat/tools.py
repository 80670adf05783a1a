"""Tools as an engine sees them: their schemas, calling one, asking a person first.

The run gives an engine its tools as a ``ToolBox`` in the request. Where a tool runs, how long it may take and whether a
person is asked is the box's business; an engine only passes on what a model asks for, and yields what it is told.

Rule: TL1, TL2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from webchat_nb.chat.engine import ToolCallExecuting, ToolCallProgress

ToolNews = ToolCallExecuting | ToolCallProgress
"""What happens to a call between its request and its result."""

Tell = Callable[[ToolNews], None]
"""Takes news of a call; may be called from the event loop only, and never after the call has returned."""


class ToolSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that a model may ask for.

    Attributes:
        input_schema: JSON Schema of an object, the tool's arguments.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A model's wish to call a tool.

    Attributes:
        call_id: Unique in the conversation; the id of the call on the timeline.
        name: As the model wrote it; there may be no such tool.
        input: The arguments' JSON text as the model wrote it; it may be broken.
    """

    call_id: str
    name: str
    input: str


class ToolOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a call gave.

    Attributes:
        result: For the model: text, or JSON text.
        is_error: The tool failed, was not there, was not allowed or took too long; ``result`` says so.
    """

    result: str
    is_error: bool = False


class ToolDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to whether a call may be made.

    Attributes:
        input: The arguments as the person edited them; None when they stay.
        reason: For the model, when it is denied.
    """

    is_approved: bool
    input: str | None = None
    reason: str = ""


class ToolBox(Protocol):
    """The tools of one run."""

    def schemas(self) -> Sequence[ToolSchema]:
        """The tools that the plan allows, in its order."""

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        """Call a tool; several calls may be under way at the same time.

        Whatever goes wrong is an outcome with ``is_error``, never an exception: a model can go on from there. It tells
        ``ToolCallExecuting`` when the tool begins to work, which is after a person has agreed where one is asked.
        Cancelling it ends the tool.
        """

    async def decide(self, use: ToolUse) -> ToolDecision:
        """Ask a person about a call that the engine makes by itself, as an agent with its own tools does.

        Waits as long as the question stands; an expired one is a denial. Cancelling it withdraws the question.
        """
