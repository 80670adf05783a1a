"""What an idle connection and an idle conversation keep in the server's memory (G10).

A connection is Python objects, so the interpreter's own count of them is taken (``tracemalloc``), which is exact. A
conversation is protobuf messages too, which only the process's resident memory knows of.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tests.bench.clients import client_process
from tests.bench.measurement import Measurement, measured
from tests.bench.stage import Answering, answering, ask, bare, begin_message, join

_STATM = Path("/proc/self/statm")
_WARM_UP_COUNT = 10
"""Connections opened first: what is made once only is not counted."""

_WARM_UP_CONVERSATIONS = 1500
"""After so many, what was free in the process is used up and SQLite's page cache is full: it grows evenly from there."""


def run(is_quick: bool) -> Iterable[Measurement]:
    """G10; nothing where the system does not tell (``/proc``)."""
    if not _STATM.exists():
        return []
    return asyncio.run(_measure(100 if is_quick else 300, 500 if is_quick else 2000))


async def _measure(connection_count: int, conversation_count: int) -> list[Measurement]:
    async with answering(synchronous="NORMAL") as served:
        await _converse(served, "warm", _WARM_UP_CONVERSATIONS)
        before = await resident_bytes()
        await _converse(served, "c", conversation_count)
        after = await resident_bytes()
    with client_process() as clients:
        async with bare() as beside, answering() as served:
            await begin_message(served.app)
            ours = await _traced_bytes(lambda count: join(clients, served.port, count=count), connection_count)
            bares = await _traced_bytes(lambda count: beside.join(clients, count=count), connection_count)
            await clients.close()
    unit = "bytes per idle"
    return [
        measured("G10.connection", f"{unit} connection", [ours], at_most=20_000),
        measured("G10.connection.bare", f"{unit} connection", [bares]),
        measured("G10.conversation", f"{unit} conversation", [(after - before) / conversation_count], at_most=10_000),
    ]


async def _traced_bytes(connect: Callable[[int], Awaitable[None]], count: int) -> float:
    await connect(_WARM_UP_COUNT)
    gc.collect()
    tracemalloc.start()
    try:
        await connect(count)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()


async def _converse(served: Answering, prefix: str, count: int) -> None:
    """So many conversations with one answered prompt each; nobody is connected to them."""
    for number in range(count):
        await ask(served, "hello", f"{prefix}{number}")


async def resident_bytes() -> int:
    """What the process holds in memory, once it has come to rest."""
    await asyncio.sleep(0.2)
    gc.collect()
    statm = _STATM.read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
