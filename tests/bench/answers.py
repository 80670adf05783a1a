"""An unthrottled answer through the whole application: bytes on disk and on the wire, commits, CPU time.

The scripted engine says 2,000 and 20,000 words without a delay. Bytes on disk are what the process handed to the file
system while it answered (``/proc/self/io``: log and checkpoints; sockets are not in it), next to the store's own count
of its write-ahead log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.bench.clients import Clients, client_process
from tests.bench.measurement import Measurement, measured
from tests.bench.prose import words
from tests.bench.stage import CONVERSATION, END, Answering, answering, ask, bare, begin_message, delta, join
from webchat_nb.stream import FanoutSettings

_SHORT, _LONG = 2_000, 20_000
_ONE_FRAME = FanoutSettings(flush_interval_s=0, merge_backlog_bytes=1 << 30, max_backlog_bytes=1 << 30)
_IO = Path("/proc/self/io")


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    text_bytes: int
    disk_bytes: int
    log_bytes: int
    wire_bytes: int
    commit_count: int
    event_count: int
    cpu_s: float


def run(is_quick: bool) -> Iterable[Measurement]:
    """G3, G4, G5, and how many events share a commit."""
    return asyncio.run(_measure(2 if is_quick else 5, sparse_count=200 if is_quick else 1000))


async def _measure(repetitions: int, *, sparse_count: int) -> list[Measurement]:
    short: list[_Answer] = []
    long: list[_Answer] = []
    short_frames: list[_Answer] = []
    long_frames: list[_Answer] = []
    bares: list[float] = []
    with client_process() as clients:
        for _ in range(repetitions):
            short.append(await _answer(clients, _SHORT))
            long.append(await _answer(clients, _LONG))
            short_frames.append(await _answer(clients, _SHORT, _ONE_FRAME))
            long_frames.append(await _answer(clients, _LONG, _ONE_FRAME))
            bares.append(await _bare_cpu_s(clients, _SHORT))
        sparse = [await _sparse(sparse_count) for _ in range(repetitions)]
    texts = [each.text_bytes for each in long]
    return [
        measured("G3.cpu", "ms per 1,000 tokens", [1000 * each.cpu_s / (_LONG / 1000) for each in long], at_most=10),
        measured("G3.cpu.bare", "ms per 1,000 tokens", [1000 * cpu_s / (_SHORT / 1000) for cpu_s in bares]),
        measured(
            "G4.disk.growth",
            "bytes for 20k words",
            [each.disk_bytes for each in long],
            beside=[each.disk_bytes for each in short],
            at_most=10.5,
        ),
        measured(
            "G4.wire.growth",
            "bytes for 20k words",
            [each.wire_bytes for each in long],
            beside=[each.wire_bytes for each in short],
            at_most=10.5,
        ),
        measured("G4.wire.per_text", "wire bytes", [each.wire_bytes for each in long], beside=texts, at_most=8),
        measured("G5.disk.per_text", "disk bytes", [each.disk_bytes for each in long], beside=texts, at_most=150),
        measured(
            "G5.disk.counted",  # beside the store's own count: both see the same, but for checkpoints
            "disk bytes",
            [each.disk_bytes for each in long],
            beside=[each.log_bytes for each in long],
        ),
        *_judge_frames(short_frames, long_frames),
        measured("G5.disk.one_by_one", "bytes per token", [each.disk_bytes for each in sparse], at_most=4600),
        measured(
            "commits.grouped",
            "commits per 1,000 events",
            [1000 * each.commit_count / each.event_count for each in long],
            at_most=100,
        ),
        measured("commits.one_by_one", "commits per event", [each.commit_count / each.event_count for each in sparse]),
    ]


def _judge_frames(short: Sequence[_Answer], long: Sequence[_Answer]) -> Iterable[Measurement]:
    """The same with a frame for each event: what merging is worth, and that it hides no growth."""
    texts = [each.text_bytes for each in long]
    wires, disks = [each.wire_bytes for each in long], [each.disk_bytes for each in long]
    cpus_ms = [1000 * each.cpu_s / (_LONG / 1000) for each in long]
    yield measured("G3.cpu.one_frame", "ms per 1,000 tokens", cpus_ms)
    short_wires = [each.wire_bytes for each in short]
    yield measured("G4.wire.growth.one_frame", "bytes for 20k words", wires, beside=short_wires, at_most=10.5)
    yield measured("G4.wire.per_text.one_frame", "wire bytes", wires, beside=texts)
    yield measured("G5.disk.per_text.one_frame", "disk bytes", disks, beside=texts, at_most=150)


async def _answer(clients: Clients, word_count: int, fanout: FanoutSettings | None = None) -> _Answer:
    text = "".join(words(word_count))
    async with answering(say=text, fanout=fanout or FanoutSettings()) as served:
        await ask(served, "warm up", "other")
        await join(clients, served.port)
        before, before_bytes, before_s = served.app.hub.store.usage(), _written(served), time.process_time()
        heard = clients.hear(until=b'"run.finished"')
        await ask(served, "go", CONVERSATION)
        wire_bytes = (await heard).byte_count
        cpu_s = time.process_time() - before_s
        after, after_bytes = served.app.hub.store.usage(), _written(served)
        await clients.close()
    return _Answer(
        text_bytes=len(text.encode()),
        disk_bytes=after_bytes - before_bytes,
        log_bytes=after.bytes_written - before.bytes_written,
        wire_bytes=wire_bytes,
        commit_count=after.commits - before.commits,
        event_count=after.events - before.events,
        cpu_s=cpu_s,
    )


async def _bare_cpu_s(clients: Clients, token_count: int) -> float:
    """What the bare server needs for the same tokens, with a turn of the event loop after each; it keeps nothing."""
    async with bare() as server:
        await server.join(clients)
        heard, before_s = clients.hear(until=END), time.process_time()
        for number, word in enumerate(words(token_count)):
            server.send(number, word)
            await asyncio.sleep(0)
        server.send(token_count, "", type="llm.final")
        await heard
        cpu_s = time.process_time() - before_s
        await clients.close()
    return cpu_s


async def _sparse(token_count: int) -> _Answer:
    """Tokens that come one after the other was committed; ``disk_bytes`` for each of them."""
    async with answering() as served:
        await begin_message(served.app)
        before, before_bytes = served.app.hub.store.usage(), _written(served)
        for word in words(token_count):
            await served.app.hub.publish(delta(word))
        after, after_bytes = served.app.hub.store.usage(), _written(served)
    return _Answer(
        text_bytes=0,
        disk_bytes=(after_bytes - before_bytes) // token_count,
        log_bytes=0,
        wire_bytes=0,
        commit_count=after.commits - before.commits,
        event_count=after.events - before.events,
        cpu_s=0,
    )


def _written(served: Answering) -> int:
    """Bytes handed to the file system so far, by the kernel's count; elsewhere than on Linux by the store's."""
    if not _IO.exists():
        return served.app.hub.store.usage().bytes_written
    fields = dict(line.split(": ") for line in _IO.read_text().splitlines())
    return int(fields["wchar"])
