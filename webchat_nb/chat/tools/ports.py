"""Tools as an engine sees them, and as the run sees a tool: their schemas, calling one, asking a person.

The run gives an engine its tools as a ``ToolBox`` in the request. Where a tool runs, how long it may take and whether a
person is asked is the box's business; an engine only passes on what a model asks for, and yields what it is told. The box
in turn knows a ``Tool`` by this port alone: a Python function of the server's process, of a notebook's kernel, or
something in a browser.

Rule: TL1-TL9.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from webchat_nb.chat.engine import ApprovalAsked, ToolCallExecuting, ToolCallProgress, ToolCallRequested
from webchat_nb.stream.model import SessionId

ToolNews = ToolCallExecuting | ToolCallProgress | ToolCallRequested | ApprovalAsked
"""What happens to a call between its request and its result; ``ToolCallRequested`` again when a person edited it."""

Tell = Callable[[ToolNews], None]
"""Takes news of a call; may be called from the event loop only, and never after the call has returned."""

TABLE = "application/vnd.dataresource+json"
"""Media type of a table: JSON with ``schema.fields`` (``name``, ``type``) and ``data`` (a list of objects)."""


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


class ToolContent(msgspec.Struct, frozen=True):
    """What a person is shown of a result, when that is not its text: a table or an image.

    Attributes:
        media_type: ``TABLE``, or ``image/png``, ``image/jpeg``, ``image/gif``, ``image/webp``.
        data: The JSON text of a table, or the bytes of an image.
    """

    media_type: str
    data: str | bytes


class ToolOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a call gave.

    Attributes:
        result: For the model: text, or JSON text.
        is_error: The tool failed, was not there, was not allowed or took too long; ``result`` says so.
        shown: For the person, when there is more to show than ``result``. A tool sets it; a box has kept it and says
            only where it is, in the next three.
        media_type: Of what is kept; empty when the text is all there is.
        content: The JSON text of a table.
        attachment_id: The attachment that holds an image.
    """

    result: str
    is_error: bool = False
    shown: ToolContent | None = None
    media_type: str = ""
    content: str = ""
    attachment_id: str = ""


class ToolDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to whether a call may be made, or to a question.

    Attributes:
        input: The arguments as the person edited them, or the answer to the question, as the JSON text of an object;
            None when the arguments stay.
        reason: For the model, when it is denied.
    """

    is_approved: bool
    input: str | None = None
    reason: str = ""


class ToolBox(Protocol):
    """The tools of one run."""

    def schemas(self) -> Sequence[ToolSchema]:
        """The tools that the plan allows, in its order, then those of the conversation."""

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        """Call a tool; several calls may be under way at the same time.

        Whatever goes wrong is an outcome with ``is_error``, never an exception: a model can go on from there. It tells
        ``ToolCallExecuting`` when the tool begins to work, which is after a person has agreed where one is asked.
        Cancelling it ends the tool.
        """

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        """Ask a person about a call that the engine makes by itself, as an agent with its own tools does.

        Waits as long as the question stands; an expired one is a denial. Cancelling it leaves the question to the run.
        """


Approval = Literal["never", "always"] | Callable[[dict[str, Any]], bool | Awaitable[bool]]
"""Whether a person is asked before a call: never, always, or when a function of the arguments says so (TL4)."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the person, which a generator tool or a function engine yields; the answer comes back (TL5).

    Attributes:
        question: What the person reads.
        schema: JSON Schema of an object: the form that is filled in. None: one field for text, called ``answer``.
        expires_s: How long the question stands; None: as long as the run.
    """

    question: str
    schema: Mapping[str, Any] | None = None
    expires_s: float | None = None


class ToolContext(Protocol):
    """What one call of a tool knows and can do beside its arguments."""

    session_id: SessionId
    run_id: str
    actor: str
    """Whose prompt it is; empty on a server that does not name its users."""

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        """The tool begins to work now. Fields as in ``ToolCallExecuting``; a second call changes nothing."""

    def progress(self, text: str) -> None:
        """A word for the person while it works."""

    async def ask(self, ask: Ask) -> ToolDecision:
        """Ask the person and wait; the tool's time stands still meanwhile."""


class Tool(Protocol):
    """A tool, wherever it runs."""

    @property
    def schema(self) -> ToolSchema:
        """What a model is told of it."""

    @property
    def approval(self) -> Approval:
        """Whether a person is asked first; a profile may say otherwise."""

    @property
    def timeout_s(self) -> float | None:
        """How long it may work, in seconds; None: as the box's limits say."""

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        """Do it. ``use.input`` is the JSON text of an object; whether it fits the schema is the tool's to check.

        Cancelling it, which the box does when its time is over or the run ends, ends the tool.

        Raises:
            ToolError: It failed, and the message is for the model.
            Exception: It failed; the model is told the exception's type and words.
        """


class ToolSource(Protocol):
    """Tools that come and go with a conversation: those of a notebook's kernel, those of a browser.

    Rule: TL6, TL7.
    """

    def tools(self, session_id: SessionId, actor: str) -> Sequence[Tool]:
        """What a run of this person in this conversation may use now; asked when the run begins."""
