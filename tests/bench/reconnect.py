"""What it costs the server to bring a client back, with a short and with a very long history (G6).

The histories are written to the store as the pipeline would have written them; what is missed goes through the hub.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from google.protobuf.message import Message

from tests.bench.measurement import Measurement, measured
from tests.bench.prose import words
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.contracts.encode import json_bytes
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatMessage
from webchat_nb.stream import Cursor, Event, Ordinal, SessionId, session_id
from webchat_nb.stream.model import EntityRow, LogEntry
from webchat_nb.stream.store import SessionCommit
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.wire import codec

_SHORT, _LONG = session_id("short"), session_id("long")
_ANSWER_EVENTS = 200
_COMMIT_ANSWERS = 10
_MISSED = 1000
_WINDOW = 100
_FRAME_BYTES = 1 << 20


def run(is_quick: bool) -> Iterable[Measurement]:
    """G6."""
    history = {_SHORT: 1_000, _LONG: 100_000 if is_quick else 1_000_000}
    return asyncio.run(_measure(history, repetitions=3 if is_quick else 5))


async def _measure(history: Mapping[SessionId, int], *, repetitions: int) -> list[Measurement]:
    with TemporaryDirectory(prefix="webchat-bench-") as folder:
        path = Path(folder) / "chat.sqlite"
        await _write_histories(path, history)
        async with build(Config(db=str(path))) as app:
            finished = await _compare(app, history, repetitions, _finished_answers)
            for conv_id in history:
                await _send(app, conv_id, _growing()[:1])
            growing = await _compare(app, history, repetitions, _growing_answer)
    return [*_judge("finished", finished), *_judge("growing", growing)]


def _judge(name: str, took: Mapping[str, list[float]]) -> Iterable[Measurement]:
    beside = took["short"]
    yield measured(f"G6.reconnect.{name}.growth", "ms", took["long"], beside=beside, at_most=1.2)
    yield measured(f"G6.reconnect.{name}", "ms for 1,000 missed", took["long"], at_most=1)
    if name == "growing":
        return
    yield measured("G6.window", "ms for the newest 100 entities", took["long.window"], at_most=0.5)


Missed = Callable[[ChatApp, SessionId], Awaitable[None]]


async def _compare(
    app: ChatApp, history: Mapping[SessionId, int], repetitions: int, miss: Missed
) -> dict[str, list[float]]:
    cursors: dict[SessionId, Cursor] = {}
    for conv_id in history:
        session = await app.hub.session(conv_id)
        cursors[conv_id] = Cursor(session.epoch, session.head)
        await miss(app, conv_id)
        assert (await app.hub.session(conv_id)).head == session.head + _MISSED
    took: dict[str, list[float]] = {}
    for _ in range(repetitions):
        for conv_id in history:
            took.setdefault(conv_id, []).append(await _median_ms(lambda id=conv_id: _resume(app, cursors[id], id)))  # type: ignore[misc]
            took.setdefault(f"{conv_id}.window", []).append(await _median_ms(lambda id=conv_id: _window(app, id)))  # type: ignore[misc]
    return took


async def _median_ms(call: Callable[[], Awaitable[None]], times: int = 40) -> float:
    """CPU time of the event loop's thread, which does all of it; what else the machine does is not in it."""
    took_ms: list[float] = []
    for _ in range(times):
        begun_s = time.thread_time()
        await call()
        took_ms.append(1000 * (time.thread_time() - begun_s))
    return median(took_ms)


async def _resume(app: ChatApp, since: Cursor, conv_id: SessionId) -> None:
    subscription = await app.hub.subscribe(conv_id, since=since)
    assert subscription.hydration.mode == "resumed", subscription.hydration.reason
    codec.encode_hydration(subscription.hydration, max_frame_bytes=_FRAME_BYTES)
    subscription.close()


async def _window(app: ChatApp, conv_id: SessionId) -> None:
    snapshot = await app.hub.snapshot(conv_id, window=_WINDOW)
    assert len(snapshot.entities) >= _WINDOW or snapshot.ordinal < 100 * _ANSWER_EVENTS
    list(codec.encode_snapshot(snapshot, max_frame_bytes=_FRAME_BYTES))


# What is missed.


async def _finished_answers(app: ChatApp, conv_id: SessionId) -> None:
    """Five whole answers."""
    for number in range(_MISSED // _ANSWER_EVENTS):
        await _send(app, conv_id, _answer(f"missed{number}:text:1"))


async def _growing_answer(app: ChatApp, conv_id: SessionId) -> None:
    """Tokens of one long answer that began before and still goes on."""
    await _send(app, conv_id, _growing()[1:-1])


def _growing() -> Sequence[Message]:
    return _answer("growing:text:1", _MISSED + 2)


def _answer(message_id: str, event_count: int = _ANSWER_EVENTS) -> Sequence[Message]:
    return [
        ev.ChatTextSegmentStarted(message_id=message_id, run_id="r"),
        *(ev.ChatTokensDelta(message_id=message_id, text=word) for word in words(event_count - 2)),
        ev.ChatTextSegmentFinished(message_id=message_id, status="finished"),
    ]


async def _send(app: ChatApp, conv_id: SessionId, payloads: Sequence[Message]) -> None:
    publisher = app.hub.publisher(conv_id)
    for payload in payloads:
        await publisher.send(Event(session_id=conv_id, name=payload.DESCRIPTOR.name, payload=payload))
    await publisher.flush()


# The histories.


async def _write_histories(path: Path, history: Mapping[SessionId, int]) -> None:
    store = SQLiteStore(path, synchronous="NORMAL")
    await store.open()
    try:
        for conv_id, event_count in history.items():
            epoch, head, written = store.new_epoch(), 0, 0
            while head < event_count:
                count = min(_COMMIT_ANSWERS, (event_count - head) // _ANSWER_EVENTS)
                entries: list[LogEntry] = []
                rows: list[EntityRow] = []
                for _ in range(count):
                    written += 1
                    rows.append(_write_answer(entries, head, f"answer{written}:text:1"))
                base, head = head, head + len(entries)
                await store.commit(
                    [
                        SessionCommit(
                            session_id=conv_id,
                            epoch=epoch,
                            base=Ordinal(base),
                            events=entries,
                            rows=rows,
                            settled=Ordinal(head),
                            attributes={},
                            at_ms=1,
                        )
                    ]
                )
    finally:
        await store.close()


def _write_answer(entries: list[LogEntry], base: int, message_id: str) -> EntityRow:
    first = Ordinal(base + len(entries) + 1)
    for payload in _answer(message_id):
        ordinal = Ordinal(base + len(entries) + 1)
        name = payload.DESCRIPTOR.name
        entries.append(
            LogEntry(
                ordinal=ordinal,
                name=name,
                payload=payload.SerializeToString(),
                at_ms=1,
                appends=name == "ChatTokensDelta",
            )
        )
    last = Ordinal(base + len(entries))
    text = "".join(words(_ANSWER_EVENTS - 2))
    message = ChatMessage(message_id=message_id, role="assistant", content=text, status="finished", run_id="r")
    return EntityRow(
        kind="ChatMessage", id=message_id, created=first, updated=last, rebased=last, payload=json_bytes(message)
    )
