"""How long a token takes from the engine to a screen at 100 tokens per second, beside a bare websocket (G2).

An engine of the whole application yields a stamped token every 10 ms; half-way between, the bare server sends one of
the same size. One idle client of each hears both, in another process, and reads the same steady clock.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import get_args

import msgspec

from tests.bench.clients import Clients, client_process, stamp
from tests.bench.measurement import Measurement, measured
from tests.bench.stage import CONVERSATION, END, Bare, Synchronous, answering, bare, join
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.stream import FanoutSettings
from webchat_nb.wire.requests import Principal, SubmitRequest

_INTERVAL_S = 0.010
_WARM_UP_COUNT = 20


class _Delays(msgspec.Struct, frozen=True):
    """Of one repetition, in microseconds."""

    ours: Sequence[float]
    bare: Sequence[float]


class _PacedEngine:
    """A token every 10 ms, and one of the bare server in between."""

    def __init__(self, beside: Bare, count: int) -> None:
        self._beside = beside
        self._count = count

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        due_s = time.monotonic()
        for number in range(self._count):
            due_s += _INTERVAL_S / 2
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            self._beside.send(number, stamp())
            due_s += _INTERVAL_S / 2
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            yield TextDelta(stamp())
        self._beside.send(self._count, "", type="llm.final")


def run(is_quick: bool) -> Iterable[Measurement]:
    """G2: as shipped, with a frame for each event, and with NORMAL instead of FULL."""
    return asyncio.run(_measure(2 if is_quick else 5, count=100 if is_quick else 300))


async def _measure(repetitions: int, *, count: int) -> list[Measurement]:
    settings: Mapping[str, tuple[Synchronous, float]] = {
        **{f"{mode}.as_shipped": (mode, FanoutSettings().flush_interval_s) for mode in get_args(Synchronous)},
        **{f"{mode}.one_frame": (mode, 0.0) for mode in get_args(Synchronous)},
    }
    delays: dict[str, list[_Delays]] = {name: [] for name in settings}
    syncs_us: list[float] = []
    with client_process() as clients:
        for _ in range(repetitions):
            syncs_us.append(_sync_us())
            for name, (mode, hold_s) in settings.items():
                delays[name].append(await _delays(clients, mode, hold_s, count))
    return [
        measured("G2.sync", "µs for the disk's own sync", syncs_us),
        *(each for name in settings for each in _judge(name, delays[name], median(syncs_us))),
    ]


def _judge(name: str, runs: Sequence[_Delays], sync_us: float) -> Iterable[Measurement]:
    ours, beside = [median(run.ours) for run in runs], [median(run.bare) for run in runs]
    is_full = name.startswith("FULL")
    yield measured(f"G2.p50.{name}", "µs", ours, beside=beside, at_most=None if is_full else 2.5)
    added = [one - other for one, other in zip(ours, beside, strict=True)]
    yield measured(f"G2.p50.added.{name}", "µs", added, at_most=1000 + sync_us if is_full else 150)
    yield measured(
        f"G2.p99.{name}",
        "µs",
        [_p99(run.ours) for run in runs],
        at_most=None if is_full else 1000,
    )
    yield measured(f"G2.p99.bare.{name}", "µs", [_p99(run.bare) for run in runs])


async def _delays(clients: Clients, mode: Synchronous, hold_s: float, count: int) -> _Delays:
    async with bare() as beside:
        engine = _PacedEngine(beside, count + _WARM_UP_COUNT)

        def build_engine(_: EnginePlan) -> _PacedEngine:
            return engine

        profiles = {"default": "default", "profiles": [{"slug": "default", "engine": "paced"}]}
        fanout = FanoutSettings(flush_interval_s=hold_s)
        async with answering(
            engines={"paced": build_engine}, profiles=profiles, synchronous=mode, fanout=fanout
        ) as served:
            await join(clients, served.port)
            await beside.join(clients)
            heard = clients.hear(until=END)
            await served.app.service.submit(Principal(), SubmitRequest(prompt="go", conv_id=CONVERSATION))
            ours, others = (await heard).delays_us
            await clients.close()
            await served.app.service.wait_idle(Principal(), CONVERSATION)
    return _Delays(ours[_WARM_UP_COUNT:], others[_WARM_UP_COUNT:])


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


def _sync_us(times: int = 100) -> float:
    """What an fsync of a page costs on the disk that the databases are on."""
    with TemporaryDirectory(prefix="webchat-bench-") as folder, (Path(folder) / "page").open("wb", 0) as file:
        took_us: list[float] = []
        for _ in range(times):
            file.write(bytes(4096))
            before_ns = time.monotonic_ns()
            os.fsync(file.fileno())
            took_us.append((time.monotonic_ns() - before_ns) / 1000)
    return median(took_us)
