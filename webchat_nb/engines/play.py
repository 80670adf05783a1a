"""What a script does for one prompt: records and waits, in order. Pure: no clock, no loop.

Nothing is made before it is asked for, so a ``say`` that repeats a million times costs no memory.

Source: SPEC §9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, final

import msgspec
from msgspec import UNSET

from webchat_nb.chat.engine import (
    ApprovalAsked,
    EmitEntity,
    EngineEvent,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.tools import Ask, ToolDecision, ToolUse
from webchat_nb.chat.tools.questions import question_asked
from webchat_nb.engines.chunks import split_text
from webchat_nb.engines.pace import Pace
from webchat_nb.engines.placeholders import Placeholders
from webchat_nb.engines.script import Call, Chunk, Question, Script, Speech, Step, Turn
from webchat_nb.errors import EngineError


class Pause(msgspec.Struct, frozen=True):
    """Go on after so many seconds; never 0."""

    delay_s: float


class AwaitSignal(msgspec.Struct, frozen=True):
    """Go on when the signal came."""

    name: str


class AwaitSteering(msgspec.Struct, frozen=True):
    """Go on when something was steered to the run."""


class AskPerson(msgspec.Struct):
    """Ask whether a call may be made; go on when ``decision`` is set."""

    use: ToolUse
    expires_s: float | None
    decision: ToolDecision | None = None

    def asked(self, now_ms: int) -> ApprovalAsked:
        """The record of it."""
        return ApprovalAsked(
            approval_id=f"{self.use.call_id}:approval",
            call_id=self.use.call_id,
            tool_name=self.use.name,
            input=self.use.input,
            expires_at_ms=None if self.expires_s is None else now_ms + round(self.expires_s * 1000),
        )


class AskQuestion(msgspec.Struct):
    """Ask the person something; go on when ``decision`` is set."""

    approval_id: str
    ask: Ask
    decision: ToolDecision | None = None

    def asked(self, now_ms: int) -> ApprovalAsked:
        """The record of it."""
        return question_asked(self.ask, approval_id=self.approval_id, now_ms=now_ms)


class CallTool(msgspec.Struct, frozen=True):
    """Call the registered tool, and yield what it tells and its result."""

    use: ToolUse


Act = EngineEvent | Pause | AwaitSignal | AwaitSteering | AskPerson | AskQuestion | CallTool

NO_TURN: Final = Turn(steps=(Step(say="(the script has no turn for this prompt)"),))
"""What a script that is not strict answers when no turn fits."""


def find_turn(script: Script, prompt: str) -> Turn | None:
    """Find the first turn that fits the prompt."""
    return next((turn for turn in script.turns if _fits(turn, prompt)), None)


def play(script: Script, request: RunRequest) -> Iterator[Act]:
    """Play the turn that fits the prompt.

    Raises:
        EngineError: The script fails here, or it is strict and no turn fits.
    """
    turn = find_turn(script, request.prompt)
    if turn is None and script.strict:
        raise EngineError("no turn matches this prompt, and the script is strict", code="no_turn_matches")
    performance = _Performance(script, request)
    yield from performance.begin()
    for step in (turn or NO_TURN).steps:
        yield from performance.play_step(step)


def _fits(turn: Turn, prompt: str) -> bool:
    if turn.match is UNSET:
        return True
    if isinstance(turn.match, str):
        return turn.match in prompt
    return re.search(turn.match.regex, prompt) is not None


@final
class _Performance:
    """One run of a script: knows what was said already."""

    def __init__(self, script: Script, request: RunRequest) -> None:
        self._defaults = script.defaults
        self._pace = Pace(script.defaults, turn=request.turn)
        self._root_id = request.root_id
        self._has_tools = request.tools is not None
        self._steering = request.steering
        self._placeholders = Placeholders(prompt=request.prompt, turn=request.turn)
        self._call_count = 0
        self._ask_count = 0

    def begin(self) -> Iterator[Act]:
        yield from _pause(self._pace.first_ms())

    def play_step(self, step: Step) -> Iterator[Act]:
        if step.think is not UNSET:
            yield from self._speak(step.think, ThinkingDelta)
        elif step.say is not UNSET:
            yield from self._speak(step.say, TextDelta)
        elif step.call is not UNSET:
            yield from self._call(step.call)
        elif step.ask is not UNSET:
            yield from self._ask(step.ask)
        elif step.emit is not UNSET:
            entity_id = self._placeholders.fill(step.emit.id)
            yield EmitEntity(step.emit.kind, entity_id, self._placeholders.fill_all(step.emit.payload))
        elif step.wait_ms is not UNSET:
            yield from _pause(step.wait_ms)
        elif step.wait_for is not UNSET:
            yield AwaitSignal(step.wait_for)
        elif step.wait_for_steer is not UNSET:
            yield AwaitSteering()
            taken = self._steering.take()
            self._placeholders = msgspec.structs.replace(
                self._placeholders, steer="\n".join([steered.prompt for steered in taken])
            )
        elif step.usage is not UNSET:
            yield Usage(step.usage.input_tokens, step.usage.output_tokens)
        elif step.fail is not UNSET:
            message = self._placeholders.fill(step.fail.message)
            raise EngineError(message, code=step.fail.code, retryable=step.fail.retryable)

    def _speak(self, speech: str | Speech, record: type[TextDelta] | type[ThinkingDelta]) -> Iterator[Act]:
        if isinstance(speech, str):
            speech = Speech(speech)
        chunk: Chunk = self._defaults.chunk if speech.chunk is UNSET else speech.chunk
        pieces = [record(piece) for piece in split_text(self._placeholders.fill(speech.text), chunk)]
        for _ in range(speech.repeat):
            for piece in pieces:
                yield from _pause(self._pace.next_ms(speech.delay_ms))
                yield piece

    def _ask(self, question: Question) -> Iterator[Act]:
        self._ask_count += 1
        filled = msgspec.structs.replace(question, question=self._placeholders.fill(question.question))
        ask = AskQuestion(f"{self._root_id}:ask:{self._ask_count}", filled.to_ask())
        yield ask
        decision = ask.decision or ToolDecision(is_approved=False)
        answer = (decision.input or "{}") if decision.is_approved else ""
        self._placeholders = msgspec.structs.replace(self._placeholders, answer=answer)

    def _call(self, call: Call) -> Iterator[Act]:
        self._call_count += 1
        call_id = f"{self._root_id}:call:{self._call_count}"
        arguments = json.dumps(self._placeholders.fill_all(call.args), ensure_ascii=False)

        yield ToolCallStarted(call_id, call.tool)
        for piece in split_text(arguments, self._defaults.chunk):
            yield from _pause(self._pace.next_ms())
            yield ToolCallArgumentsDelta(call_id, piece)
        yield ToolCallRequested(call_id, arguments)
        if call.approval:
            ask = AskPerson(
                ToolUse(call_id=call_id, name=call.tool, input=arguments),
                None if call.approval_expires_s is UNSET else call.approval_expires_s,
            )
            yield ask
            decision = ask.decision or ToolDecision(is_approved=False)
            if not decision.is_approved:
                yield ToolCallResult(call_id, f"This call was not allowed. {decision.reason}".strip(), is_error=True)
                return
            if decision.input is not None:
                arguments = decision.input
                yield ToolCallRequested(call_id, arguments)
        if call.result is UNSET and call.error is UNSET and self._has_tools:
            yield CallTool(ToolUse(call_id=call_id, name=call.tool, input=arguments))
            return
        yield ToolCallExecuting(call_id)
        yield from _pause(call.delay_ms)
        yield self._answer(call_id, call)

    def _answer(self, call_id: str, call: Call) -> ToolCallResult:
        if call.error is not UNSET:
            return ToolCallResult(call_id, self._placeholders.fill(call.error), is_error=True)
        if call.result is UNSET:
            return ToolCallResult(call_id, f"no tool {call.tool} is registered", is_error=True)
        result = self._placeholders.fill_all(call.result)
        return ToolCallResult(call_id, result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))


def _pause(delay_ms: float) -> Iterator[Act]:
    if delay_ms:
        yield Pause(delay_ms / 1000)
