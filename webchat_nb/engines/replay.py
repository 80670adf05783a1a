"""A script that goes on after a restart: it is played again, and what the log has of it is passed over. Pure.

A script does one thing after the other, so whatever comes before the question that a person is still asked is in the log.

Rule: TL9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

from webchat_nb.chat.engine import (
    ApprovalAsked,
    Recorded,
    Steering,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
)
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.engines.past import PastCall, calls_of, cannot_go_on
from webchat_nb.engines.play import Act, AskPerson, AskQuestion, CallTool
from webchat_nb.errors import EngineError

_CHANGED = "its script has another answer now"


def go_on(acts: Iterator[Act], so_far: Sequence[Recorded]) -> Iterator[Act]:
    """What is left to be done of a turn.

    Args:
        acts: The whole turn.
        so_far: What the log has of it.

    Raises:
        EngineError: ``CANNOT_GO_ON``: the turn does not come to what the log has. Otherwise as ``acts``.
    """
    replay = _Replay(so_far)
    while True:
        try:
            act = next(acts)
        except StopIteration:
            break
        except EngineError:
            if replay.is_passing:
                break
            raise
        yield from replay.left_of(act)
    if replay.is_passing:
        raise cannot_go_on(_CHANGED)


@final
class _Replay:
    """Compares acts with the log.

    Attributes:
        is_passing: The open question has not been come to yet.
    """

    def __init__(self, so_far: Sequence[Recorded]) -> None:
        self.is_passing = True
        self._calls = calls_of(so_far)
        self._asked = {record.approval_id: record for record in so_far if isinstance(record, ApprovalAsked)}
        self._last = next(reversed(self._asked.values()), None)
        self._requested: set[str] = set()

    def left_of(self, act: Act) -> Iterator[Act]:
        """The act, what stands for it, or nothing."""
        call = self._calls.get(_call_id(act))
        if call is None and not self.is_passing:
            yield act
        elif isinstance(act, AskQuestion):
            yield self._ask(act, act.approval_id)
        elif call is not None:
            yield from self._left_of_call(act, call)
        elif isinstance(act, ToolCallStarted):
            raise cannot_go_on(_CHANGED)

    def _ask(self, act: AskPerson | AskQuestion, approval_id: str) -> Act:
        """The engine asks again: what was said is known, and what is open goes on being waited for."""
        if approval_id not in self._asked:
            raise cannot_go_on(_CHANGED)
        if self._last is not None and approval_id == self._last.approval_id:
            self.is_passing = False
        return act

    def _left_of_call(self, act: Act, call: PastCall) -> Iterator[Act]:
        match act:
            case ToolCallStarted():
                if act.tool_name != call.use.name:
                    raise cannot_go_on(_CHANGED)
            case ToolCallArgumentsDelta():
                pass
            case ToolCallRequested() if act.call_id not in self._requested:
                self._requested.add(act.call_id)
                if act.input != call.use.input:
                    raise cannot_go_on(_CHANGED)
            case AskPerson():
                yield self._ask(act, f"{act.use.call_id}:approval")
            case ToolCallRequested() | ToolCallExecuting():
                if call.may_be_made:
                    yield self._allowed(act)
            case ToolCallResult() | CallTool():
                if isinstance(act, CallTool) and self._last is not None and act.use.call_id == self._last.call_id:
                    self.is_passing = False  # the tool box waits for the person
                if call.may_be_made:
                    yield self._allowed(act)
                elif call.result is None:
                    yield call.lost

    def _allowed(self, act: Act) -> Act:
        """Nobody is passed by who is to be asked first."""
        if self.is_passing:
            raise cannot_go_on(_CHANGED)
        return act


def _call_id(act: Act) -> str:
    if isinstance(act, AskPerson | CallTool):
        return act.use.call_id
    return str(getattr(act, "call_id", ""))


@final
class PastSteering:
    """Steering that gives first what was taken before a restart, as it was taken, then what comes.

    Args:
        so_far: What the log has; prompts that follow each other there were taken at once.
        steering: What comes.
    """

    def __init__(self, so_far: Sequence[Recorded], steering: Steering) -> None:
        self._taken: list[list[SteeredPrompt]] = []
        self._steering = steering
        was_prompt = False
        for record in so_far:
            if isinstance(record, SteeredPrompt):
                if not was_prompt:
                    self._taken.append([])
                self._taken[-1].append(record)
            was_prompt = isinstance(record, SteeredPrompt)

    def take(self) -> Sequence[SteeredPrompt]:
        """What was taken next, then all that is there."""
        return self._taken.pop(0) if self._taken else self._steering.take()

    async def arrived(self) -> None:
        """Return when there is something to take."""
        if not self._taken:
            await self._steering.arrived()
