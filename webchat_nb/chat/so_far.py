"""What the log has of a run that did not end: the records of its engine, its questions, and what was steered to it.

The inverse of what the plugins make of records, so that an engine can go on where a stopped server left it.

Rule: TL9.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.engine import (
    ApprovalAsked,
    Recorded,
    TextDelta,
    ThinkingDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.plugins.approvals import to_decision
from webchat_nb.chat.run_events import TERMINAL_EVENTS
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.stream import LoggedEvent


class SoFar(msgspec.Struct, frozen=True, kw_only=True):
    """A run's past.

    Attributes:
        records: What its engine yielded and took, in order; without pieces of arguments, progress, and entities.
        questions: What a person was asked, by the question's id.
        decisions: What they said, by the question's id.
        untaken: Prompts that were steered to it and not taken, by the id of the run that they would become.
        waits: A person is asked still, or nobody has heard yet what they said.
    """

    records: Sequence[Recorded]
    questions: Mapping[str, ApprovalAsked]
    decisions: Mapping[str, ToolDecision]
    untaken: Mapping[str, SteeredPrompt]
    waits: bool

    @property
    def begun_calls(self) -> Collection[str]:
        """The calls that were being made, or got a result."""
        return {record.call_id for record in self.records if isinstance(record, ToolCallExecuting | ToolCallResult)}

    @property
    def lost_questions(self) -> Sequence[str]:
        """Open questions of tools that were at work: nobody is there any more to hear the answer."""
        begun = self.begun_calls
        return [id for id, asked in self.questions.items() if id not in self.decisions and asked.call_id in begun]


def read_so_far(events: Iterable[LoggedEvent], run_id: str) -> SoFar:
    """Read a run's past.

    Args:
        events: The log from the run's start on.
        run_id: The run; all others in there wait, or are what steered prompts would become.
    """
    reader = _Reader(run_id)
    for event in events:
        reader.read(event.name, event.payload)
    return reader.end()


@final
class _Reader:
    """Takes events in, in order."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._records: list[Recorded] = []
        self._said: list[str] = []
        self._speaker: Callable[[str], Recorded] = TextDelta
        self._block: list[str] = []
        self._tag = ""
        self._questions: dict[str, ApprovalAsked] = {}
        self._decisions: dict[str, ToolDecision] = {}
        self._heard: dict[str, int] = {}
        self._steered: dict[str, SteeredPrompt] = {}

    def end(self) -> SoFar:
        self._end_speech()
        return SoFar(
            records=self._records,
            questions=self._questions,
            decisions=self._decisions,
            untaken=self._steered,
            waits=any([self._waits(asked) for asked in self._questions.values()]),
        )

    def _waits(self, asked: ApprovalAsked) -> bool:
        if asked.approval_id not in self._decisions:
            return True
        if not asked.call_id:
            return self._heard[asked.approval_id] == len(self._records)
        return not any(
            [
                isinstance(record, ToolCallExecuting | ToolCallResult) and record.call_id == asked.call_id
                for record in self._records
            ]
        )

    def read(self, name: str, payload: Any) -> None:
        match name:
            case "ChatTokensDelta":
                self._say(TextDelta, payload.text)
            case "ChatReasoningDelta":
                self._say(ThinkingDelta, payload.text)
            case "ChatBlockStarted":
                self._block, self._tag = [f"<{payload.tag}>"], payload.tag
            case "ChatBlockGrew":
                self._block.append(payload.text)
            case "ChatBlockEnded":
                if not payload.problem:  # a malformed one is in the text, or is not to be seen at all
                    self._say(TextDelta, f"{''.join(self._block)}{payload.text}</{self._tag}>")
            case "ChatToolApprovalDecided":
                self._decide(payload)
            case "ChatUserMessageSteered" if payload.run_id == self._run_id:
                prompt = SteeredPrompt(message_id=payload.message_id, prompt=payload.prompt)
                self._steered[payload.own_run_id] = prompt
            case "ChatSteeringTaken":
                if (prompt_taken := self._steered.pop(payload.own_run_id, None)) is not None:
                    self._add(prompt_taken)
            case _ if name in TERMINAL_EVENTS or name == "ChatInferenceQueued":
                self._steered.pop(payload.run_id, None)  # it was dropped, or waits by itself
            case _ if (make := _RECORDS.get(name)) is not None:
                self._add(make(payload))

    def _say(self, speaker: type[TextDelta] | type[ThinkingDelta], text: str) -> None:
        if speaker is not self._speaker:
            self._end_speech()
            self._speaker = speaker
        self._said.append(text)

    def _end_speech(self) -> None:
        if self._said:
            self._records.append(self._speaker("".join(self._said)))
            self._said.clear()

    def _add(self, record: Recorded) -> None:
        self._end_speech()
        self._records.append(record)
        if isinstance(record, ApprovalAsked):
            self._questions[record.approval_id] = record

    def _decide(self, payload: Any) -> None:
        if payload.approval_id in self._questions:  # others are of runs before
            self._end_speech()
            self._decisions[payload.approval_id] = to_decision(payload.status, payload.input, payload.reason)
            self._heard[payload.approval_id] = len(self._records)


def _result(payload: Any) -> ToolCallResult:
    return ToolCallResult(
        payload.tool_call_id,
        payload.result,
        payload.status == "error",
        media_type=payload.media_type,
        content=payload.content,
        attachment_id=payload.attachment_id,
    )


def _asked(payload: Any) -> ApprovalAsked:
    return ApprovalAsked(
        approval_id=payload.approval_id,
        call_id=payload.tool_call_id,
        tool_name=payload.tool_name,
        input=payload.input,
        expires_at_ms=payload.expires_at_ms or None,
        question=payload.question,
        schema=payload.schema,
    )


_RECORDS: Mapping[str, Callable[[Any], Recorded]] = {
    "ChatToolCallStarted": lambda call: ToolCallStarted(call.tool_call_id, call.tool_name, call.recall_id),
    "ChatToolCallRequested": lambda call: ToolCallRequested(call.tool_call_id, call.input),
    "ChatToolCallExecutionStarted": lambda call: ToolCallExecuting(call.tool_call_id, call.place, call.answer_schema),
    "ChatToolCallResultReady": _result,
    "ChatToolApprovalRequested": _asked,
    "ChatUsageReported": lambda usage: Usage(usage.input_tokens, usage.output_tokens),
}
"""The record that an event was made of, where it is one to one."""
