"""The scripted engine: answers from a script, at a script's pace. The demo and every test of a chat use it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import final

import msgspec
from msgspec import UNSET

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.engines.play import Act, AskPerson, AskQuestion, AwaitSignal, AwaitSteering, CallTool, Pause, play
from webchat_nb.engines.replay import PastSteering, go_on
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
        goes_on: After a restart, as long as the script has the same calls (TL9).
    """

    goes_on = True

    def __init__(self, script: Script, clock: Clock, signals: Signals) -> None:
        self.accepts_steering = any(step.wait_for_steer is not UNSET for turn in script.turns for step in turn.steps)
        self._script = script
        self._clock = clock
        self._signals = signals

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The script says so, or it is strict and has no turn for the prompt. ``CANNOT_GO_ON``: it is
                another script than before the restart.
        """
        for act in self._acts(request):
            if isinstance(act, Pause):
                await self._clock.sleep(act.delay_s)
            elif isinstance(act, AwaitSignal):
                await self._signals.wait(act.name)
            elif isinstance(act, CallTool):
                async with aclosing(use_tools(request.tools, [act.use])) as news:  # type: ignore[type-var]
                    async for item in news:
                        yield item
            elif isinstance(act, AskPerson | AskQuestion):
                async with aclosing(self._ask(act, request)) as asked:
                    async for question in asked:
                        yield question
            elif isinstance(act, AwaitSteering):
                await request.steering.arrived()
            else:
                yield act

    def _acts(self, request: RunRequest) -> Iterator[Act]:
        """What is to be done; after a restart, what is left of it."""
        if request.so_far is None:
            return play(self._script, request)
        request = msgspec.structs.replace(request, steering=PastSteering(request.so_far, request.steering))
        return go_on(play(self._script, request), request.so_far or ())

    async def _ask(self, act: AskPerson | AskQuestion, request: RunRequest) -> AsyncGenerator[EngineEvent, None]:
        """The question, then wait until it is decided."""
        asked = act.asked(self._clock.now_ms())
        yield asked
        if request.approvals is None:
            act.decision = ToolDecision(is_approved=False, reason="There is nobody to ask.")
        else:
            act.decision = await request.approvals.decision(asked.approval_id, expires_at_ms=asked.expires_at_ms)


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
