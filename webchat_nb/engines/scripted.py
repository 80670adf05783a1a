"""The scripted engine: answers from a script, at a script's pace. The demo and every test of a chat use it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import final

from msgspec import UNSET

from webchat_nb.chat.engine import ApprovalAsked, Engine, EngineEvent, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.engines.play import AskPerson, AwaitSignal, AwaitSteering, CallTool, Pause, play
from webchat_nb.engines.script import Script
from webchat_nb.engines.script_files import ScriptFiles
from webchat_nb.engines.signals import Signals
from webchat_nb.engines.tool_loop import use_tools
from webchat_nb.errors import ConfigError
from webchat_nb.stream.clock import Clock

__all__ = ["ScriptedEngine", "ScriptedFactory", "Signals"]


@final
class ScriptedEngine:
    """Answers each prompt with the first turn of its script that fits.

    It waits only through the clock and the signals: a script without delays never gives the event loop a turn, which
    is for the run to do. It holds no state between runs; several may go at the same time.

    Attributes:
        accepts_steering: Some turn of the script waits for it (RN13).
    """

    def __init__(self, script: Script, clock: Clock, signals: Signals) -> None:
        self.accepts_steering = any(step.wait_for_steer is not UNSET for turn in script.turns for step in turn.steps)
        self._script = script
        self._clock = clock
        self._signals = signals

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The script says so, or it is strict and has no turn for the prompt.
        """
        for act in play(self._script, request):
            if isinstance(act, Pause):
                await self._clock.sleep(act.delay_s)
            elif isinstance(act, AwaitSignal):
                await self._signals.wait(act.name)
            elif isinstance(act, CallTool):
                async with aclosing(use_tools(request.tools, [act.use])) as news:  # type: ignore[type-var]
                    async for item in news:
                        yield item
            elif isinstance(act, AskPerson):
                async with aclosing(self._ask(act, request)) as asked:
                    async for question in asked:
                        yield question
            elif isinstance(act, AwaitSteering):
                await request.steering.arrived()
            else:
                yield act

    async def _ask(self, act: AskPerson, request: RunRequest) -> AsyncGenerator[EngineEvent, None]:
        """The question, then wait until it is decided."""
        use = act.use
        expires_at_ms = None if act.expires_s is None else self._clock.now_ms() + round(act.expires_s * 1000)
        approval_id = f"{use.call_id}:approval"
        yield ApprovalAsked(
            approval_id=approval_id,
            call_id=use.call_id,
            tool_name=use.name,
            input=use.input,
            expires_at_ms=expires_at_ms,
        )
        if request.approvals is None:
            act.decision = ToolDecision(is_approved=False, reason="There is nobody to ask.")
        else:
            act.decision = await request.approvals.decision(approval_id, expires_at_ms=expires_at_ms)


@final
class ScriptedFactory:
    """The factory that is registered as ``scripted``.

    A script is read once for all conversations, and again when its file has changed: the plan's signature is another one
    then, so that the next prompt of a conversation is answered from the new script. A broken new version leaves the one
    before in use.

    Rule: EP1, PF1, PF2.
    """

    def __init__(self, clock: Clock, signals: Signals) -> None:
        self._clock = clock
        self._signals = signals
        self._files = ScriptFiles(clock)

    def __call__(self, plan: EnginePlan) -> Engine:
        """Build an engine, which keeps the script it was built with.

        Raises:
            ConfigError: The plan names no script, or one that is missing or broken.
        """
        if not plan.script:
            raise ConfigError(f"profile {plan.profile!r}: script: expected a file or builtin:NAME, got none")
        return ScriptedEngine(self._files.get(plan.script), self._clock, self._signals)

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        """A script that can be used."""
        try:
            self(plan)
        except ConfigError as error:
            problem = self._files.problem(plan.script) if plan.script else None
            return [problem or error.message]
        return []

    def version(self, plan: EnginePlan) -> str:
        """Of the script's content."""
        return self._files.version(plan.script) if plan.script else ""

    def problem(self, plan: EnginePlan) -> str | None:
        """What is wrong with the newest version of the script while an older one is in use."""
        return self._files.problem(plan.script) if plan.script and self._files.version(plan.script) else None
