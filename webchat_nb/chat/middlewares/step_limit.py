"""``step_limit``: ends a run that goes round with its tools.

A round is the tool calls that a model asks for at once: a call that begins after a result came opens the next round.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, final

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, Recorded, RunRequest, ToolCallResult, ToolCallStarted
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of
from webchat_nb.errors import EngineError


class StepLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``step_limit`` is told.

    Attributes:
        max_rounds: Rounds of tool calls in one run; 0: no tool at all.
    """

    max_rounds: Annotated[int, msgspec.Meta(ge=0)] = 8


@final
class StepLimit:
    """Counts rounds, and fails the run before a tool of one too many begins to work."""

    def __init__(self, engine: Engine, config: StepLimitConfig) -> None:
        self._engine = engine
        self._max_rounds = config.max_rounds

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: ``step_limit``, in the place of the first record of a round too many.
        """
        rounds = _Rounds()
        for past in request.so_far or ():
            rounds.see(past)
        async with aclosing(records_of(self._engine, request)) as records:
            async for record in records:
                rounds.see(record)
                if rounds.count > self._max_rounds:
                    raise EngineError(
                        f"The run was ended: its limit is {self._max_rounds} rounds of tool calls.",
                        code="step_limit",
                    )
                yield record


@final
class _Rounds:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0
        self._is_between = True

    def see(self, record: Recorded) -> None:
        if isinstance(record, ToolCallStarted) and self._is_between:
            self.count, self._is_between = self.count + 1, False
        elif isinstance(record, ToolCallResult):
            self._is_between = True


def step_limit() -> MiddlewareFactory[StepLimitConfig]:
    """Make the factory."""

    def wrap(engine: Engine, config: StepLimitConfig, surroundings: Surroundings) -> Engine:
        return StepLimit(engine, config)

    return MiddlewareFactory(config=StepLimitConfig, wrap=wrap)
