"""Events per second to 1, 10 and 100 clients, beside a bare websocket (G1).

Both sides are fed by the same engine, which lets the event loop have a turn after each token, as reading from a model
does. Ours numbers, projects and commits each event before it is sent; the bare server only sends. Time runs until the
last client, in another process, has the end.

``merged`` is how it is shipped: text is held for a moment and neighbours become one frame, so its ratio is not like for
like. ``one_frame`` sends a frame for each event, to each client, however far behind the client is. ``limit`` is what the
machine can do at all: see ``limits``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import get_args

import msgspec

from tests.bench.clients import Clients, client_process
from tests.bench.limits import group_commit_rate, preframed_rate
from tests.bench.measurement import Measurement, measured
from tests.bench.prose import words
from tests.bench.stage import (
    CONVERSATION,
    END,
    Synchronous,
    answering,
    bare,
    begin_message,
    delta,
    end_of_message,
    join,
)
from webchat_nb.stream import FanoutSettings


class _Mode(msgspec.Struct, frozen=True):
    """How ours is set up; ``targets`` by the number of clients."""

    hold_s: float
    synchronous: Synchronous
    targets: Mapping[int, float]


_MERGED, _ONE_FRAME = {1: 1.5, 10: 10.0, 100: 80.0}, {1: 0.5, 10: 1.5, 100: 2.4}
_HOLD_S = FanoutSettings().flush_interval_s
_NEVER_MERGED = FanoutSettings(flush_interval_s=0, merge_backlog_bytes=1 << 30, max_backlog_bytes=1 << 30)
_MODES = {
    "merged": _Mode(_HOLD_S, "FULL", _MERGED),
    "merged.NORMAL": _Mode(_HOLD_S, "NORMAL", _MERGED),
    "one_frame": _Mode(0, "FULL", _ONE_FRAME),
    "one_frame.NORMAL": _Mode(0, "NORMAL", _ONE_FRAME),
}
_BARE_COUNT = {1: 20_000, 10: 5_000, 100: 600}
_MERGED_COUNT = 20_000
"""Events of one repetition: what takes about a second."""


def run(is_quick: bool) -> Iterable[Measurement]:
    """G1."""
    return asyncio.run(_measure(1 if is_quick else 5, divisor=4 if is_quick else 1))


async def _measure(repetitions: int, *, divisor: int) -> list[Measurement]:
    ours: dict[tuple[str, int], list[float]] = {(name, count): [] for name in _MODES for count in _BARE_COUNT}
    beside: dict[int, list[float]] = {count: [] for count in _BARE_COUNT}
    preframed: dict[int, list[float]] = {count: [] for count in _BARE_COUNT}
    commits: dict[Synchronous, list[float]] = {mode: [] for mode in get_args(Synchronous)}
    with client_process() as clients:
        for _ in range(repetitions):
            for client_count, bare_count in _BARE_COUNT.items():
                beside[client_count].append(await _bare_rate(clients, client_count, bare_count // divisor))
                preframed[client_count].append(await preframed_rate(clients, client_count, 2 * bare_count // divisor))
                for name, mode in _MODES.items():
                    count = _MERGED_COUNT if mode.hold_s else 2 * bare_count
                    ours[name, client_count].append(await _our_rate(clients, mode, client_count, count // divisor))
            for synchronous, rates in commits.items():
                rates.append(group_commit_rate(synchronous, _MERGED_COUNT))
    return [
        *(
            measured(
                f"G1.{name}.{count}", "events/s", rates, beside=beside[count], at_least=_MODES[name].targets[count]
            )
            for (name, count), rates in ours.items()
        ),
        *(
            measured(f"G1.limit.preframed.{count}", "events/s", rates, beside=beside[count])
            for count, rates in preframed.items()
        ),
        *(measured(f"G1.limit.group_commit.{mode}", "events/s", rates) for mode, rates in commits.items()),
    ]


async def _tokens(count: int) -> AsyncIterator[str]:
    for word in words(count):
        await asyncio.sleep(0)
        yield word


async def _bare_rate(clients: Clients, client_count: int, event_count: int) -> float:
    async with bare() as server:
        await server.join(clients, count=client_count)
        heard = clients.hear(until=END)
        begun_ns, ordinal = time.monotonic_ns(), 0
        async for token in _tokens(event_count):
            ordinal += 1
            server.send(ordinal, token)
        server.send(ordinal + 1, "", type="llm.final")
        ended_ns = (await heard).ended_ns
        await clients.close()
    return event_count / (ended_ns - begun_ns) * 1e9


async def _our_rate(clients: Clients, mode: _Mode, client_count: int, event_count: int) -> float:
    fanout = FanoutSettings() if mode.hold_s else _NEVER_MERGED
    async with answering(synchronous=mode.synchronous, fanout=fanout) as served:
        await begin_message(served.app)
        await join(clients, served.port, count=client_count)
        heard = clients.hear(until=END)
        publisher = served.app.hub.publisher(CONVERSATION)
        begun_ns = time.monotonic_ns()
        async for token in _tokens(event_count):
            await publisher.send(delta(token))
        await publisher.send(end_of_message())
        outcome = await heard
        await clients.close()
    assert mode.hold_s or outcome.frame_count == client_count * (event_count + 1), "a frame for each event"
    return event_count / (outcome.ended_ns - begun_ns) * 1e9
