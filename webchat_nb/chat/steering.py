"""Steering: prompts that a running engine takes between two of its steps.

Rule: RN13.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import final

import msgspec


class SteeredPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt for an engine that is at work.

    Attributes:
        message_id: The user message on the timeline.
        prompt: What the person wrote.
    """

    message_id: str
    prompt: str


@final
class SteeringInbox:
    """What was steered to one run and not taken yet. The engine asks; the run that drives it fills it.

    Attributes:
        recorded: The prompts whose taking is on its way to the log, by the id of the run that they would have become.
    """

    def __init__(self) -> None:
        self._prompts: dict[str, SteeredPrompt] = {}
        self._taken: list[str] = []
        self._arrived = asyncio.Event()
        self.recorded: set[str] = set()

    # For the engine

    def take(self) -> Sequence[SteeredPrompt]:
        """All that is there, oldest first; the engine now has to answer it. Empty when there is none."""
        prompts = list(self._prompts.values())
        self._taken += self._prompts
        self._prompts.clear()
        self._arrived.clear()
        return prompts

    async def arrived(self) -> None:
        """Return when there is something to take."""
        await self._arrived.wait()

    # For the run

    def put(self, own_run_id: str, prompt: SteeredPrompt) -> None:
        """Hand a prompt over."""
        self._prompts[own_run_id] = prompt
        self._arrived.set()

    def withdraw(self, own_run_id: str) -> SteeredPrompt | None:
        """Take a prompt back; None when the engine was faster."""
        prompt = self._prompts.pop(own_run_id, None)
        if not self._prompts:
            self._arrived.clear()
        return prompt

    def to_record(self) -> Sequence[str]:
        """What was taken since the last call; the caller writes it to the log."""
        taken, self._taken = self._taken, []
        self.recorded.update(taken)
        return taken
