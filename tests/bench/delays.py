"""What the chat adds to a token of one of many runs: from the engine's yield to the subscriber's hands (S2).

Each run says 20 stamped tokens a second for some seconds, with a subscriber of its own; nobody else is there, and no
socket. All tokens of all runs are looked at together.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from statistics import quantiles

import msgspec

from tests.bench.measurement import Measurement, measured
from tests.bench.service import ME, serving
from webchat_nb.app import ChatApp
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta
from webchat_nb.stream import Subscription
from webchat_nb.stream.delivery import AppendOp
from webchat_nb.wire.requests import SubmitRequest

_TOKENS_PER_S = 20
_STAMP_CHARS = 20
"""A token is the time of its yield in nanoseconds, as wide as a long word."""


class _Stamping:
    """Says stamped tokens at its pace, each run at a moment of its own; late ones are said at once."""

    def __init__(self, run_count: int, seconds: float) -> None:
        self._run_count = run_count
        self._token_count = round(seconds * _TOKENS_PER_S)
        self._begun_count = 0
        self.begin = asyncio.Event()

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        offset_s = self._begun_count / self._run_count / _TOKENS_PER_S
        self._begun_count += 1
        await self.begin.wait()
        due_s = time.monotonic() + offset_s
        for _ in range(self._token_count):
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            yield TextDelta(f"{time.monotonic_ns():<{_STAMP_CHARS}}")
            due_s += 1 / _TOKENS_PER_S


class _Delays(msgspec.Struct, frozen=True):
    """Of one repetition.

    Attributes:
        p50_ms: Median of all tokens' delays.
        tokens_per_s: Of all runs together.
        cpu_share: Processor seconds of this process for each second.
    """

    p50_ms: float
    p99_ms: float
    tokens_per_s: float
    cpu_share: float


def run(is_quick: bool) -> Iterable[Measurement]:
    """S2: 200 runs on one core, 1,000 runs on all that there are."""
    repetitions, seconds = (2, 3.0) if is_quick else (5, 10.0)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    found: list[Measurement] = []
    for run_count, is_one_core in ((200, True), (1000, False)):
        if cores:
            os.sched_setaffinity(0, {min(cores)} if is_one_core else cores)
        found += _judge(run_count, [asyncio.run(_measure(run_count, seconds)) for _ in range(repetitions)])
        found.append(measured(f"S2.cpu.{run_count}.bare", "cores busy", [asyncio.run(_bare_cpu(run_count))]))
    return found


def _judge(run_count: int, delays: Sequence[_Delays]) -> Iterable[Measurement]:
    limit = 25.0 if run_count == 200 else None
    yield measured(f"S2.added.p50.{run_count}", "ms", [each.p50_ms for each in delays])
    yield measured(f"S2.added.p99.{run_count}", "ms", [each.p99_ms for each in delays], at_most=limit)
    asked = [float(run_count * _TOKENS_PER_S)] * len(delays)
    yield measured(f"S2.rate.{run_count}", "tokens/s", [each.tokens_per_s for each in delays], beside=asked)
    yield measured(f"S2.cpu.{run_count}", "cores busy", [each.cpu_share for each in delays])


async def _measure(run_count: int, seconds: float) -> _Delays:
    engine = _Stamping(run_count, seconds)
    async with serving(engine) as app:
        delays_ns: list[int] = []
        subscriptions = [await _listen(app, f"c{number}", delays_ns) for number in range(run_count)]
        for number in range(run_count):
            await app.service.submit(ME, SubmitRequest(prompt="go", conv_id=f"c{number}"))
        begun_s, cpu_s = time.monotonic(), time.process_time()
        engine.begin.set()
        await asyncio.gather(*(app.service.wait_idle(ME, f"c{number}") for number in range(run_count)))
        took_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_s
        for subscription in subscriptions:
            subscription.close()
    assert len(delays_ns) == round(run_count * seconds * _TOKENS_PER_S), "every token came to its subscriber once"
    hundredths = quantiles(delays_ns, n=100)
    return _Delays(hundredths[49] / 1e6, hundredths[98] / 1e6, len(delays_ns) / took_s, cpu_s / took_s)


async def _bare_cpu(run_count: int) -> float:
    """The same engines with nothing around them: what the event loop and their sleeping cost by themselves."""
    engine = _Stamping(run_count, 3.0)

    async def drain() -> None:
        async for _ in engine.run(None):  # type: ignore[arg-type] - it looks at nothing of its request
            pass

    running = [asyncio.create_task(drain()) for _ in range(run_count)]
    await asyncio.sleep(0)
    begun_s, cpu_s = time.monotonic(), time.process_time()
    engine.begin.set()
    await asyncio.gather(*running)
    return (time.process_time() - cpu_s) / (time.monotonic() - begun_s)


async def _listen(app: ChatApp, conv_id: str, delays_ns: list[int]) -> Subscription:
    subscription = await app.service.subscribe(ME, conv_id)

    def take() -> None:
        now_ns = time.monotonic_ns()
        for delivery in subscription.take():
            for op in delivery.ops:
                if isinstance(op, AppendOp):
                    stamps = op.text
                    delays_ns.extend(
                        now_ns - int(stamps[at : at + _STAMP_CHARS]) for at in range(0, len(stamps), _STAMP_CHARS)
                    )

    subscription.on_ready = take
    return subscription
