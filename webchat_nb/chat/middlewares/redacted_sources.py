"""What an engine asks for while it runs, redacted: results of tools, a person's answers, prompts that are steered to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.engine import ApprovalAsked, Approvals, Recorded, Steering
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import Tell, ToolBox, ToolDecision, ToolOutcome, ToolSchema, ToolUse

Redact = Callable[[str], str]


@final
class RedactedTools:
    """A tool box whose results are redacted; the tools themselves get their arguments as the model wrote them.

    A table or an image is for the person, and stays as it is.
    """

    def __init__(self, tools: ToolBox, redact: Redact) -> None:
        self._tools = tools
        self._redact = redact

    def schemas(self) -> Sequence[ToolSchema]:
        """As the box has them."""
        return self._tools.schemas()

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        """The box's outcome, redacted."""
        outcome = await self._tools.call(use, tell)
        return msgspec.structs.replace(outcome, result=self._redact(outcome.result))

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        """As the box decides; the person's reason is redacted."""
        decision = await self._tools.decide(use, tell)
        return msgspec.structs.replace(decision, reason=self._redact(decision.reason))


@final
class RedactedApprovals:
    """What a person says, redacted; arguments that they edited are a tool's, and stay as they are."""

    def __init__(self, approvals: Approvals, redact: Redact, so_far: Sequence[Recorded] = ()) -> None:
        self._approvals = approvals
        self._redact = redact
        self._questions: set[str] = set()
        for record in so_far:
            self.see(record)

    def see(self, record: Recorded) -> None:
        """Take note of what the engine asks."""
        if isinstance(record, ApprovalAsked) and record.question:
            self._questions.add(record.approval_id)

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        """The decision; of an answer each text in it is redacted."""
        decision = await self._approvals.decision(approval_id, expires_at_ms=expires_at_ms)
        decision = msgspec.structs.replace(decision, reason=self._redact(decision.reason))
        if decision.input is None or approval_id not in self._questions:
            return decision
        answer = self._redacted(msgspec.json.decode(decision.input))
        return msgspec.structs.replace(decision, input=msgspec.json.encode(answer).decode())

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {key: self._redacted(item) for key, item in value.items()}
        return [self._redacted(item) for item in value] if isinstance(value, list) else value


@final
class RedactedSteering:
    """Steered prompts, redacted when the engine takes them."""

    def __init__(self, steering: Steering, redact: Redact) -> None:
        self._steering = steering
        self._redact = redact

    def take(self) -> Sequence[SteeredPrompt]:
        """All that is there, oldest first."""
        return [
            msgspec.structs.replace(steered, prompt=self._redact(steered.prompt)) for steered in self._steering.take()
        ]

    async def arrived(self) -> None:
        """Return when there is something to take."""
        await self._steering.arrived()
