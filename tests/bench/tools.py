"""What tool calls cost: a hundred at the same time, from the model's wish to the last result in the log (``FULL``).

``async`` and ``thread``: functions that wait 100 ms, on the event loop and in threads, each call five events; beside the
bare coroutines, all at once. ``quick``: functions that answer at once, in microseconds for a call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

from tests.bench.measurement import Measurement, measured
from tests.bench.stage import answering, ask
from webchat_nb.chat.engine import (
    EngineEvent,
    RunRequest,
    ToolCallArgumentsDelta,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
)
from webchat_nb.chat.tools import ToolUse
from webchat_nb.engines.tool_loop import use_tools

_COUNT = 100
_WAIT_S = 0.1


async def wait_on_the_loop(number: int) -> int:
    """Wait, then double.

    Args:
        number: What to double.
    """
    await asyncio.sleep(_WAIT_S)
    return 2 * number


def wait_in_a_thread(number: int) -> int:
    """Wait, then double."""
    time.sleep(_WAIT_S)
    return 2 * number


async def answer_at_once(number: int) -> int:
    """Double."""
    return 2 * number


_FUNCTIONS: tuple[Callable[[int], Any], ...] = (wait_on_the_loop, wait_in_a_thread, answer_at_once)


class _CallingEngine:
    """Calls the tool that the prompt names, many times at once."""

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        uses = [
            ToolUse(call_id=f"{request.root_id}:call:{number}", name=request.prompt, input=f'{{"number":{number}}}')
            for number in range(_COUNT)
        ]
        for use in uses:
            yield ToolCallStarted(use.call_id, use.name)
            yield ToolCallArgumentsDelta(use.call_id, use.input)
            yield ToolCallRequested(use.call_id, use.input)
        async with aclosing(use_tools(request.tools, uses)) as news:  # type: ignore[type-var]
            async for item in news:
                if isinstance(item, ToolCallResult) and item.is_error:
                    raise AssertionError(item.result)
                yield item


def run(is_quick: bool) -> Iterable[Measurement]:
    """Parallel tool calls."""
    return asyncio.run(_measure(repetitions=2 if is_quick else 7))


async def _measure(*, repetitions: int) -> list[Measurement]:
    profile = {"slug": "default", "engine": "calling", "tools": [function.__name__ for function in _FUNCTIONS]}
    async with answering(
        engines={"calling": lambda plan: _CallingEngine()},
        tools=_FUNCTIONS,
        profiles={"default": "default", "profiles": [profile]},
        synchronous="FULL",
    ) as served:
        number = 0

        async def call(name: str) -> None:
            nonlocal number
            number += 1
            await ask(served, name, f"c-{number}")

        async def on_the_loop() -> None:
            await asyncio.gather(*(wait_on_the_loop(number) for number in range(_COUNT)))

        measurements: list[Measurement] = []
        for kind, name in (("async", wait_on_the_loop.__name__), ("thread", wait_in_a_thread.__name__)):
            await call(name)
            ours: list[float] = []
            beside: list[float] = []
            for _ in range(repetitions):
                ours.append(await _took_ms(lambda name=name: call(name)))  # type: ignore[misc]
                beside.append(await _took_ms(on_the_loop))
            measurements.append(measured(f"tools.parallel.{kind}", "ms for 100", ours, beside=beside, at_most=2))
        await call(answer_at_once.__name__)
        quick = [1000 / _COUNT * await _took_ms(lambda: call(answer_at_once.__name__)) for _ in range(repetitions)]
        measurements.append(measured("tools.parallel.quick", "us a call", quick))
        return measurements


async def _took_ms(work: Callable[[], Awaitable[None]]) -> float:
    begun_ns = time.monotonic_ns()
    await work()
    return (time.monotonic_ns() - begun_ns) / 1e6
