"""``system_prompt``: adds a text to the profile's system prompt, or puts it in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal, final

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of


class SystemPromptConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``system_prompt`` is told.

    Attributes:
        text: Not empty.
        place: ``after`` or ``before`` what is there already, an empty line between them; or ``instead`` of it.
    """

    text: str
    place: Literal["after", "before", "instead"] = "after"

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("expected a text that is not empty")


@final
class SystemPrompt:
    """Changes the system prompt of each request."""

    def __init__(self, engine: Engine, config: SystemPromptConfig) -> None:
        self._engine = engine
        self._config = config

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Ask the inner engine with the changed prompt."""
        plan = msgspec.structs.replace(request.plan, system_prompt=self._changed(request.plan.system_prompt))
        async with aclosing(records_of(self._engine, msgspec.structs.replace(request, plan=plan))) as records:
            async for record in records:
                yield record

    def _changed(self, given: str | None) -> str:
        text, place = self._config.text, self._config.place
        if not given or place == "instead":
            return text
        return f"{given}\n\n{text}" if place == "after" else f"{text}\n\n{given}"


def system_prompt() -> MiddlewareFactory[SystemPromptConfig]:
    """Make the factory."""

    def wrap(engine: Engine, config: SystemPromptConfig, surroundings: Surroundings) -> Engine:
        return SystemPrompt(engine, config)

    return MiddlewareFactory(config=SystemPromptConfig, wrap=wrap)
