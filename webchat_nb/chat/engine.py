"""What an engine is: one async generator that answers a prompt.

An engine knows nothing of ordinals, stores or sockets. It yields typed records; the run that drives it turns them into
events. Cancelling is the generator being closed: ``asyncio.CancelledError`` or ``GeneratorExit`` is raised where it
waits, and it must not catch and go on.

Source: seed 000 §2 (``EngineBuilder``), seed 003.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from webchat_nb.chat.plan import EnginePlan


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of the answer's text."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of a thought, shown apart from the answer."""

    text: str


class ToolCallStarted(msgspec.Struct, frozen=True):
    """The engine begins to call a tool; its arguments may stream."""

    call_id: str
    tool_name: str


class ToolCallArgumentsDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of the arguments' JSON text."""

    call_id: str
    text: str


class ToolCallRequested(msgspec.Struct, frozen=True):
    """The arguments are complete: ``input`` is their JSON text."""

    call_id: str
    input: str


class ToolCallExecuting(msgspec.Struct, frozen=True):
    """The tool is at work."""

    call_id: str


class ToolCallProgress(msgspec.Struct, frozen=True):
    """A word from the tool while it works."""

    call_id: str
    progress: str


class ToolCallResult(msgspec.Struct, frozen=True):
    """The tool answered: text, or JSON text; the call ends with this."""

    call_id: str
    result: str
    is_error: bool = False


class Usage(msgspec.Struct, frozen=True):
    """Tokens that the run has used so far."""

    input_tokens: int = 0
    output_tokens: int = 0


class EmitEntity(msgspec.Struct, frozen=True):
    """Put an entity of a registered kind on the timeline; ``payload`` is its protobuf JSON."""

    kind: str
    id: str
    payload: dict[str, Any]


class Finish(msgspec.Struct, frozen=True):
    """Why the answer ends (``stop``, ``length``, …); the last record, optional."""

    reason: str


EngineEvent = (
    TextDelta
    | ThinkingDelta
    | ToolCallStarted
    | ToolCallArgumentsDelta
    | ToolCallRequested
    | ToolCallExecuting
    | ToolCallProgress
    | ToolCallResult
    | Usage
    | EmitEntity
    | Finish
)


class HistoryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier message of the conversation, oldest first.

    Attributes:
        status: How it ended; a stopped or failed answer stays in the history, marked as such (RN7).
    """

    role: Literal["user", "assistant"]
    content: str
    status: str = "finished"
    message_id: str = ""


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that an engine gets for one answer.

    Attributes:
        turn: 1 for the first prompt of the conversation, then one more each time.
        root_id: Prefix of the ids of what this run makes; also good for tool call ids that must be unique.
    """

    session_id: str
    run_id: str
    root_id: str
    prompt: str
    turn: int
    history: Sequence[HistoryMessage]
    plan: EnginePlan


class Engine(Protocol):
    """Answers prompts; one instance serves one conversation as long as the plan's signature stays the same (EP1)."""

    def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: It failed in a way that can be told to the user. Any other exception becomes a failure
                without detail.
        """


class EngineFactory(Protocol):
    """Builds the engine that a plan names. Registered under the engine's name."""

    def __call__(self, plan: EnginePlan) -> Engine:
        """Build it.

        Raises:
            ConfigError: The plan cannot be used (a broken script, a missing key); the message says where.
        """
