"""What an engine reads in the past of a run that goes on: its rounds, and what became of each call.

Rule: TL9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from webchat_nb.chat.engine import (
    CANNOT_GO_ON,
    ApprovalAsked,
    EngineEvent,
    Recorded,
    TextDelta,
    ThinkingDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import ToolUse
from webchat_nb.errors import EngineError

LOST: Final = "interrupted: it is not known whether it was done"
"""The result of a call that may have been made by a server that was stopped."""


class PastCall(msgspec.Struct, kw_only=True):
    """A call of before.

    Attributes:
        use: As the model asked for it.
        recall_id: As in ``ToolCallStarted``.
        is_asked: A person was asked whether it may be made.
        has_begun: It was being made.
        result: None when it has none.
    """

    use: ToolUse
    recall_id: str
    is_asked: bool = False
    has_begun: bool = False
    result: ToolCallResult | None = None

    @property
    def may_be_made(self) -> bool:
        """Nobody can have made it: a person was to say so first, and nobody acted upon that."""
        return self.is_asked and not self.has_begun and self.result is None

    @property
    def lost(self) -> ToolCallResult:
        """Its result when that did not come and it may not be made again."""
        return ToolCallResult(self.use.call_id, LOST, is_error=True)


class PastRound(msgspec.Struct):
    """One answer of a model, what became of its calls, and what the user said meanwhile.

    Attributes:
        said: Texts, thoughts and the calls' beginnings, in order.
        calls: In the order in which they were requested.
        prompts: What was taken after the results.
    """

    said: list[EngineEvent] = []
    calls: list[PastCall] = []
    prompts: list[str] = []


def cannot_go_on(why: str) -> EngineError:
    """The log does not hold what the engine needs; the run is interrupted."""
    return EngineError(f"The server stopped while this was being answered, and {why}.", code=CANNOT_GO_ON)


def calls_of(so_far: Sequence[Recorded]) -> dict[str, PastCall]:
    """The calls, by id, in the order in which they began; each as it was first requested."""
    calls: dict[str, PastCall] = {}
    requested: set[str] = set()
    for record in so_far:
        if isinstance(record, ToolCallStarted):
            use = ToolUse(call_id=record.call_id, name=record.tool_name, input="")
            calls[record.call_id] = PastCall(use=use, recall_id=record.recall_id)
            continue
        call = calls.get(getattr(record, "call_id", ""))
        if call is None:
            continue
        match record:
            case ToolCallRequested() if record.call_id not in requested:  # again when a person edited it
                requested.add(record.call_id)
                call.use = msgspec.structs.replace(call.use, input=record.input)
            case ApprovalAsked() if not record.question:
                call.is_asked = True
            case ToolCallExecuting():
                call.has_begun = True
            case ToolCallResult():
                call.result = record
    return calls


def rounds_of(so_far: Sequence[Recorded]) -> list[PastRound]:
    """The rounds of a loop with tools; the last one may be open.

    Raises:
        EngineError: ``CANNOT_GO_ON``: a round cannot be told to a model again, or did not come to its calls.
    """
    unplaced = calls_of(so_far)
    rounds: list[PastRound] = []
    is_over = True
    for record in so_far:
        match record:
            case TextDelta() | ThinkingDelta() | ToolCallStarted():
                if is_over:
                    rounds.append(PastRound())
                    is_over = False
                rounds[-1].said.append(record)
            case ToolCallRequested() if rounds and (call := unplaced.pop(record.call_id, None)) is not None:
                rounds[-1].calls.append(call)
            case ToolCallResult():
                is_over = True
            case SteeredPrompt() if rounds:
                rounds[-1].prompts.append(record.prompt)
    if not all([round.calls for round in rounds]):
        raise cannot_go_on("it was cut off in the middle of a sentence")
    if not all([call.recall_id for round in rounds for call in round.calls]):
        raise cannot_go_on("the model wants back more than was kept")
    return rounds


def spent_in(so_far: Sequence[Recorded]) -> Usage:
    """The tokens used so far: usage is told as a sum."""
    return next((record for record in reversed(so_far) if isinstance(record, Usage)), Usage())
