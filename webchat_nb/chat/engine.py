"""What an engine is: one async generator that answers a prompt.

An engine knows nothing of ordinals, stores or sockets. It yields typed records; the run that drives it turns them into
events. Cancelling is the generator being closed: ``asyncio.CancelledError`` or ``GeneratorExit`` is raised where it
waits, and it must not catch and go on.

Source: seed 000 §2 (``EngineBuilder``), seed 003.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

import msgspec

from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.steering import SteeredPrompt, SteeringInbox

if TYPE_CHECKING:
    from webchat_nb.chat.tools import ToolBox, ToolDecision


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of the answer's text."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of a thought, shown apart from the answer."""

    text: str


class ToolCallStarted(msgspec.Struct, frozen=True):
    """The engine begins to call a tool; its arguments may stream.

    Attributes:
        recall_id: What the model is told that the call is called, should it be told of it again after a restart; empty:
            it cannot be, for the log does not hold all that the model wants back (TL9).
    """

    call_id: str
    tool_name: str
    recall_id: str = ""


class ToolCallArgumentsDelta(msgspec.Struct, frozen=True, gc=False):
    """The next piece of the arguments' JSON text."""

    call_id: str
    text: str


class ToolCallRequested(msgspec.Struct, frozen=True):
    """The arguments are complete: ``input`` is their JSON text."""

    call_id: str
    input: str


class ToolCallExecuting(msgspec.Struct, frozen=True):
    """The tool is at work.

    Attributes:
        place: ``kernel`` or ``browser``; empty for the server's process.
        answer_schema: A person gives the result, in a browser: JSON Schema (as text) of what they fill in.
    """

    call_id: str
    place: str = ""
    answer_schema: str = ""


class ToolCallProgress(msgspec.Struct, frozen=True):
    """A word from the tool while it works."""

    call_id: str
    progress: str


class ToolCallResult(msgspec.Struct, frozen=True):
    """The tool answered: text, or JSON text; the call ends with this.

    Attributes:
        media_type: Of what a person is shown beside the text, a table or an image; empty when there is nothing.
        content: The JSON text of a table.
        attachment_id: The attachment that holds an image.
    """

    call_id: str
    result: str
    is_error: bool = False
    media_type: str = ""
    content: str = ""
    attachment_id: str = ""


class ApprovalAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A person has to decide about a call, or answer a question; ``RunRequest.approvals`` tells what they said.

    Attributes:
        approval_id: Unique in the conversation.
        call_id: Which call it is about; empty for a question of the engine itself.
        input: The arguments' JSON text.
        expires_at_ms: Wall time until which the question stands; None: as long as the run.
        question: Words for the person; with them it is a question, whose answer comes back as ``input`` (TL5).
        schema: JSON Schema (as text) of what may be filled in: the answer, or the arguments when they are edited.
    """

    approval_id: str
    call_id: str = ""
    tool_name: str = ""
    input: str = "{}"
    expires_at_ms: int | None = None
    question: str = ""
    schema: str = ""


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
    | ApprovalAsked
    | Usage
    | EmitEntity
    | Finish
)


class AttachedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the user attached to a prompt.

    Attributes:
        filename: As the user's computer names it; for people, never a path.
        load: Reads its bytes; see ``read``.
    """

    attachment_id: str
    media_type: str
    filename: str
    size_bytes: int
    load: Callable[[], Awaitable[bytes]]

    async def read(self) -> bytes:
        """Its bytes.

        Raises:
            EngineError: They are not there any more.
            StoreError: They cannot be read.
        """
        return await self.load()


class HistoryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier message of the conversation, oldest first.

    Attributes:
        status: How it ended; a stopped or failed answer stays in the history, marked as such (RN7).
    """

    role: Literal["user", "assistant"]
    content: str
    status: str = "finished"
    message_id: str = ""
    attachments: Sequence[AttachedFile] = ()


class Steering(Protocol):
    """What was steered to a run while its engine works: prompts that belong to the turn that is being answered.

    An engine that looks here says so (``AcceptsSteering``). It asks between its steps, such as two rounds of tools, and
    answers what it takes. What it never takes is a prompt of its own after the run.

    Rule: RN13.
    """

    def take(self) -> Sequence[SteeredPrompt]:
        """All that is there, oldest first; empty when there is none."""

    async def arrived(self) -> None:
        """Return when there is something to take."""


class Approvals(Protocol):
    """Where an engine waits for what a person decides about a call (TL2)."""

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        """Wait for the decision; an expired question is a denial."""


Recorded = EngineEvent | SteeredPrompt
"""What the log knows of a run that goes on: what its engine yielded, and the prompts that it took, in order."""

CANNOT_GO_ON: Final = "cannot_go_on"
"""Code of the ``EngineError`` with which an engine says that it cannot go on from the log: the run is interrupted."""


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that an engine gets for one answer.

    Attributes:
        turn: 1 for the first prompt of the conversation, then one more each time.
        root_id: Prefix of the ids of what this run makes; also good for tool call ids that must be unique.
        attachments: What the user attached to this prompt.
        tools: What the engine may call; None: a tool that a model asks for gets an error as its result (TL1).
        steering: Prompts for the turn while it is being answered; an engine may pass them over.
        approvals: Answers to the questions that the engine asks with ``ApprovalAsked``; None: there is nobody to ask.
        actor: Whose prompt it is; empty on a server that does not name its users.
        so_far: The run goes on after a restart, and this is what the log has of it; see ``GoesOn``. None: it begins.
    """

    session_id: str
    run_id: str
    root_id: str
    prompt: str
    turn: int
    history: Sequence[HistoryMessage]
    plan: EnginePlan
    attachments: Sequence[AttachedFile] = ()
    tools: ToolBox | None = None
    steering: Steering = msgspec.field(default_factory=SteeringInbox)
    approvals: Approvals | None = None
    actor: str = ""
    so_far: Sequence[Recorded] | None = None


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


@runtime_checkable
class AcceptsSteering(Protocol):
    """An engine that takes prompts while it runs; optional.

    Attributes:
        accepts_steering: Whether it does; looked at when a run begins.
    """

    accepts_steering: bool


@runtime_checkable
class GoesOn(Protocol):
    """An engine that can go on with a run that waited for a person when its server stopped; optional.

    It is given ``RunRequest.so_far`` and yields only what comes after. Of the calls in there without a result, one that a
    person was asked about, and that did not begin to work, goes on from the question (which may be yielded again, and is
    passed over). Any other may have been made: it gets an error as its result, and is not made again. Neighbouring
    pieces of text are one record, and pieces of arguments are left out.

    Attributes:
        goes_on: Whether it can; looked at when a run begins, and when it goes on. One that finds out too late raises an
            ``EngineError`` with the code ``CANNOT_GO_ON``.

    Rule: TL9.
    """

    goes_on: bool


@runtime_checkable
class SaysWhatItLacks(Protocol):
    """An engine factory that knows what is missing before an engine can answer; optional."""

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        """What has to be there first, such as ``pip install webchat-nb[openai]``; empty when nothing is missing.

        It is shown to whoever may see the profile, so it holds no secret. The variable of ``api_key_env`` and an engine
        that is not registered are looked after already.

        Rule: PF2.
        """


@runtime_checkable
class ReadsFiles(Protocol):
    """An engine factory that builds from files beside the plan; optional.

    Rule: PF1, EP1.
    """

    def version(self, plan: EnginePlan) -> str:
        """Another one whenever an engine would be built from other content: it is in the plan's signature."""

    def problem(self, plan: EnginePlan) -> str | None:
        """Why the newest version of a file is not in use while one before it is; fit to be shown. None when it is."""
