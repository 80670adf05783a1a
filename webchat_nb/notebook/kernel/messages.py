"""What the Jupyter server and a kernel say to each other.

Two ways. A comm, which the server opens from the client's side: what it sends waits in the kernel's queue while a cell
works, and everybody at the kernel hears what the kernel sends. And the control channel (``REQUEST``, ``REPLY``), which a
kernel answers while a cell works, to the server alone: there a call is announced, called off, and asked for.

A *job* is one thing that the kernel does for the server: a call, a question about a call, a run of its engine. It has an
id of its own, because call ids are unique in one conversation only.

Rule: TL6, EN9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from webchat_nb.chat.tools import Ask, ToolDecision, ToolSchema, ToolUse
from webchat_nb.notebook.kernel.records import File, Message, Packed, Result

TARGET: Final = "webchat_nb"
"""Name of the comm's target in the kernel."""

REQUEST: Final = "webchat_nb_request"
REPLY: Final = "webchat_nb_reply"
"""Types of the messages on the control channel."""

LEASE_S: Final = 10.0
"""A job that waits is begun only if the server spoke of it within this time; it does so about each second."""

RECORDS_AHEAD: Final = 5_000
"""So many records an engine may be ahead of those that were taken in; the server tells that at every fifth of them."""

LARGE_BYTES: Final = 50_000
"""A larger result is not sent on the comm, where it would count against the limits of every browser: it is fetched."""


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as the server is told of it.

    Attributes:
        approval: ``asks``: a function of the arguments says it, in the kernel.
    """

    schema: ToolSchema
    approval: str = "never"
    timeout_s: float | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that a kernel offers a conversation now.

    Attributes:
        revision: Grows with each change in this kernel, so that an older word is known by it.
    """

    conv_id: str
    revision: int
    tools: tuple[OfferedTool, ...] = ()
    has_engine: bool = False


# From the server, on the comm


class CallTool(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Call a tool; answered with ``Executing``, ``Progress``, ``Question``, at last ``Outcome``."""

    job_id: str
    conv_id: str
    use: ToolUse
    run_id: str = ""
    actor: str = ""


class AskApproval(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Say whether a person is asked before this call; answered with ``NeedsApproval``."""

    job_id: str
    conv_id: str
    name: str
    arguments: dict[str, Any]


class StartRun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Answer a prompt with the conversation's engine; answered with ``Records``, at last ``RunEnded``."""

    job_id: str
    conv_id: str
    run_id: str
    root_id: str
    prompt: str
    turn: int
    history: tuple[Message, ...] = ()
    attachments: tuple[File, ...] = ()
    plan: Mapping[str, Any] = {}
    tools: tuple[ToolSchema, ...] | None = None
    has_approvals: bool = False


class Told(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """News of a call that an engine in the kernel has made."""

    job_id: str
    request_id: int
    news: Packed


class Taken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """So many records of a run have been taken in; an engine that is far ahead waits for that."""

    job_id: str
    count: int


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to what a job in the kernel has asked: one of these, or why there is none."""

    job_id: str
    request_id: int
    result: Result | None = None
    decision: ToolDecision | None = None
    file_base64: str | None = None
    error: str = ""


# From the kernel, on the comm


class Executing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The job has begun."""

    job_id: str


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A word from a tool."""

    job_id: str
    text: str


class Question(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A tool asks the person; answered with a decision."""

    job_id: str
    request_id: int
    ask: Ask


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The call has ended. ``result`` is None when it is large: it is fetched by its job."""

    job_id: str
    result: Result | None = None


class NeedsApproval(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Whether a person is asked; ``error`` when that cannot be said."""

    job_id: str
    is_needed: bool = True
    error: str = ""


class Records(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What an engine has said since the last one."""

    job_id: str
    records: tuple[Packed, ...]


class ToolAsked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An engine calls a tool of its run; answered with ``Told`` and a result."""

    job_id: str
    request_id: int
    use: ToolUse


class DecisionAsked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An engine waits for a decision: by the approval's id, or about a call that it makes by itself (``use``)."""

    job_id: str
    request_id: int
    approval_id: str = ""
    expires_at_ms: int | None = None
    use: ToolUse | None = None


class FileAsked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An engine reads an attached file."""

    job_id: str
    request_id: int
    attachment_id: str


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The engine has nothing more to say; with a ``code`` it failed."""

    job_id: str
    message: str = ""
    code: str = ""
    retryable: bool = False


FromServer = CallTool | AskApproval | StartRun | Told | Taken | Answered
FromKernel = (
    Offer
    | Executing
    | Progress
    | Question
    | Outcome
    | NeedsApproval
    | Records
    | ToolAsked
    | DecisionAsked
    | FileAsked
    | RunEnded
)


# On the control channel


class StateRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server wants to know, and what it still wants done.

    Attributes:
        wanted: Jobs that the server waits for; what is not among them is forgotten.
        cancelled: Jobs that are to be ended, or never begun.
        fetch: The job whose result is wanted.
        offers: Whether all offers are to be told.
    """

    wanted: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    fetch: str = ""
    offers: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The kernel's answer.

    Attributes:
        process: Another one for each process of the kernel.
        jobs: Of those that are wanted: ``waiting``, ``working`` or ``done``.
    """

    process: str
    jobs: dict[str, str] = {}
    result: Result | None = None
    offers: tuple[Offer, ...] = ()
