"""The scripted engine: answers from a script, at a script's pace. The demo and every test of a chat use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import final

from webchat_nb.chat.engine import Engine, EngineEvent, EngineFactory, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.play import AwaitSignal, Pause, play
from webchat_nb.engines.script import Script
from webchat_nb.engines.script_files import ScriptFiles
from webchat_nb.engines.signals import Signals
from webchat_nb.errors import ConfigError
from webchat_nb.stream.clock import Clock

__all__ = ["ScriptedEngine", "Signals", "scripted_factory"]


@final
class ScriptedEngine:
    """Answers each prompt with the first turn of its script that fits.

    It waits only through the clock and the signals: a script without delays never gives the event loop a turn, which
    is for the run to do. It holds no state between runs; several may go at the same time.
    """

    def __init__(self, script: Script, clock: Clock, signals: Signals) -> None:
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
            else:
                yield act


def scripted_factory(clock: Clock, signals: Signals) -> EngineFactory:
    """Make the factory that is registered as ``scripted``.

    The factory raises ConfigError when the plan names no script, or one that is missing or broken. A script is read
    once for all conversations, and again when its file has changed; an engine keeps the script it was built with.
    """
    files = ScriptFiles()

    def build(plan: EnginePlan) -> Engine:
        if not plan.script:
            raise ConfigError(f"profile {plan.profile!r}: script: expected a file or builtin:NAME, got none")
        return ScriptedEngine(files.get(plan.script), clock, signals)

    return build
