"""What an engine asks for while it runs, redacted: the results of tools, and prompts that are steered to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import msgspec

from webchat_nb.chat.engine import Steering
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import Tell, ToolBox, ToolDecision, ToolOutcome, ToolSchema, ToolUse

Redact = Callable[[str], str]


@final
class RedactedTools:
    """A tool box whose results are redacted; the tools themselves get their arguments as the model wrote them."""

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
