"""A frame is encoded once, whatever the number of clients: the real encodings are counted, by a profiler.

Nothing of ours is replaced for this: the interpreter tells of each call of the JSON encoder inside the codec.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tests.bench.clients import client_process
from tests.bench.measurement import Measurement, measured
from tests.bench.prose import words
from tests.bench.stage import END, answering, begin_message, delta, end_of_message, join
from webchat_nb.stream import FanoutSettings
from webchat_nb.wire.codec import encode_delivery

_EVENT_COUNT = 300


def run(is_quick: bool) -> Iterable[Measurement]:
    """Encodings per event for 100 clients, beside those for one."""
    return asyncio.run(_measure(1 if is_quick else 3))


async def _measure(repetitions: int) -> list[Measurement]:
    one = [await _encodings_per_event(1) for _ in range(repetitions)]
    many = [await _encodings_per_event(100) for _ in range(repetitions)]
    return [measured("encode.once", "encodings per event, 100 clients", many, beside=one, at_most=1)]


async def _encodings_per_event(client_count: int) -> float:
    with client_process() as clients:
        async with answering(fanout=FanoutSettings(flush_interval_s=0)) as served:
            await begin_message(served.app)
            await join(clients, served.port, count=client_count)
            heard = clients.hear(until=END)
            with _counting() as counted:
                for word in words(_EVENT_COUNT):
                    await served.app.hub.publish(delta(word))
                await served.app.hub.publish(end_of_message())
                frame_count = (await heard).frame_count
            await clients.close()
    assert frame_count == client_count * (_EVENT_COUNT + 1), "every client got every frame"
    return len(counted) / (_EVENT_COUNT + 1)


@contextmanager
def _counting() -> Iterator[list[None]]:
    counted: list[None] = []

    def profile(frame: FrameType, event: str, function: Any) -> None:
        is_encoding = event == "c_call" and frame.f_code is encode_delivery.__code__
        if is_encoding and function.__name__ == "encode":
            counted.append(None)

    sys.setprofile(profile)
    try:
        yield counted
    finally:
        sys.setprofile(None)
