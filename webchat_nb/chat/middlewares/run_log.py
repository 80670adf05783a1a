"""``logging``: one line for each run, with counts and times and never a text.

Rule: AC7.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal, final

import msgspec

from webchat_nb.chat.engine import (
    Engine,
    EngineEvent,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of
from webchat_nb.errors import EngineError

_log = logging.getLogger(__name__)


class RunLogConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``logging`` is told."""

    level: Literal["debug", "info", "warning"] = "info"


class _Counts(msgspec.Struct):
    """What is counted of one run; characters are Unicode code points."""

    record_count: int = 0
    answer_chars: int = 0
    thought_chars: int = 0
    call_count: int = 0
    failed_call_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, record: EngineEvent) -> None:
        self.record_count += 1
        match record:
            case TextDelta():
                self.answer_chars += len(record.text)
            case ThinkingDelta():
                self.thought_chars += len(record.text)
            case ToolCallStarted():
                self.call_count += 1
            case ToolCallResult(is_error=True):
                self.failed_call_count += 1
            case Usage():
                self.input_tokens, self.output_tokens = record.input_tokens, record.output_tokens


@final
class RunLog:
    """Counts what passes, and says so when the run ends, however it ends."""

    def __init__(self, engine: Engine, config: RunLogConfig, surroundings: Surroundings) -> None:
        self._engine = engine
        self._level = logging.getLevelNamesMapping()[config.level.upper()]
        self._clock = surroundings.clock

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt; nothing of it is changed."""
        counts, begun_s = _Counts(), self._clock.steady_s()
        first_s: float | None = None
        outcome = "failed (internal)"
        try:
            async with aclosing(records_of(self._engine, request)) as records:
                async for record in records:
                    if first_s is None:
                        first_s = self._clock.steady_s() - begun_s
                    counts.add(record)
                    yield record
            outcome = "finished"
        except EngineError as error:
            outcome = f"failed ({error.engine_code})"
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "closed"
            raise
        finally:
            self._tell(request, outcome, counts, first_s, self._clock.steady_s() - begun_s)

    def _tell(self, request: RunRequest, outcome: str, counts: _Counts, first_s: float | None, took_s: float) -> None:
        _log.log(
            self._level,
            "run %s of %s, profile %s: %s after %.3f s, first record after %s s; prompt %d chars, history %d messages; "
            "%d records, answer %d chars, thoughts %d chars, calls %d (%d failed), tokens %d in, %d out",
            request.run_id,
            request.session_id,
            request.plan.profile,
            outcome,
            took_s,
            "-" if first_s is None else f"{first_s:.3f}",
            len(request.prompt),
            len(request.history),
            counts.record_count,
            counts.answer_chars,
            counts.thought_chars,
            counts.call_count,
            counts.failed_call_count,
            counts.input_tokens,
            counts.output_tokens,
        )


def run_log() -> MiddlewareFactory[RunLogConfig]:
    """Make the factory."""
    return MiddlewareFactory(config=RunLogConfig, wrap=RunLog)
