"""``retry``: asks again when an engine could not begin.

Only before the first record: a half-told answer is never told twice. Waits grow twofold with full jitter, so that many
clients of one overloaded server do not come back together.

Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, final

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of
from webchat_nb.errors import EngineError


class RetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``retry`` is told.

    Attributes:
        max_attempts: The first one counts.
        first_delay_s: The longest first wait; each further one may be twice as long.
        max_delay_s: No wait is longer. An error that asks for a longer one (``Retry-After``) is not retried.
    """

    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    first_delay_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 0.5
    max_delay_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 20.0


@final
class Retry:
    """Asks the inner engine until it begins to answer, or must not be asked again."""

    def __init__(self, engine: Engine, config: RetryConfig, surroundings: Surroundings) -> None:
        self._engine = engine
        self._config = config
        self._surroundings = surroundings

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The last attempt's, or the first that is not retryable.
        """
        attempt = 1
        while True:
            has_begun = False
            try:
                async with aclosing(records_of(self._engine, request)) as records:
                    async for record in records:
                        has_begun = True
                        yield record
                return
            except EngineError as error:
                if has_begun or not error.retryable or attempt >= self._config.max_attempts:
                    raise
                delay_s = self._delay_s(attempt, error.retry_after_s)
                if delay_s > self._config.max_delay_s:
                    raise
            attempt += 1
            await self._surroundings.clock.sleep(delay_s)

    def _delay_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Never earlier than the error asks for."""
        longest_s: float = min(self._config.max_delay_s, self._config.first_delay_s * 2 ** (attempt - 1))
        return max(longest_s * self._surroundings.random(), retry_after_s or 0.0)


def retry() -> MiddlewareFactory[RetryConfig]:
    """Make the factory."""
    return MiddlewareFactory(config=RetryConfig, wrap=Retry)
