"""An answer on the way to a notebook that has no websocket, with frames that get lost (G9).

What a comm carries is what a ``Connection`` writes, so its sink here is where a comm would be. It loses some of the
frames; the screen behind it follows the rules for clients and asks again where it notices a gap. Beside it stands what
every widget does that keeps the text in a trait: the whole text again with each token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, final

import msgspec

from tests.bench.measurement import Measurement, measured
from tests.bench.prose import words
from tests.bench.stage import CONVERSATION, Answering, answering, ask
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.stream import FanoutSettings
from webchat_nb.testing.fold import rows_timeline
from webchat_nb.transports.connection import Connection
from webchat_nb.transports.greeting import Join
from webchat_nb.wire.requests import Principal

_TOKENS = 2_000
_TOKEN_S = 0.002
_LOST = 7
"""One of so many frames is lost."""


class _PacedEngine:
    """500 tokens per second for ``go``; one word for all else."""

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        if request.prompt != "go":
            yield TextDelta("Well.")
            return
        for word in words(_TOKENS):
            await asyncio.sleep(_TOKEN_S)
            yield TextDelta(word)


@final
class _Screen:
    """A client: applies what continues, drops what it has, notices what is missing (FR3).

    Attributes:
        timeline: Entities by kind and id, as ``rows_timeline`` shows them.
        gap_count: How often something was missing.
    """

    def __init__(self) -> None:
        self.timeline: dict[tuple[str, str], dict[str, Any]] = {}
        self.gap_count = 0
        self._epoch = ""
        self._at = 0
        self._is_asking = False

    @property
    def at(self) -> int:
        """The ordinal that it shows."""
        return self._at

    def take(self, frame: bytes) -> str | None:
        """Take a frame; returns what to say to the server, if anything."""
        event = msgspec.json.decode(frame)["event"]
        data = event["data"]
        if event["type"] == "ws.subscribed":
            self._is_asking, self._epoch = False, data["epoch"]
        elif event["type"] == "timeline.snapshot":
            self.timeline = {}
            self._at = int(data["version"])
            for entity in data["entities"]:
                self._put(entity)
        elif "seq" in event:
            return self._take_live(event)
        return None

    def _take_live(self, event: dict[str, Any]) -> str | None:
        prev, seq = int(event["prev"]), int(event["seq"])
        if seq <= self._at:
            return None
        if prev != self._at:
            if self._is_asking:
                return None
            self.gap_count += 1
            self._is_asking = True
            since = {"epoch": self._epoch, "seq": str(self._at)}
            return msgspec.json.encode({"type": "subscribe", "conv_id": CONVERSATION, "since": since}).decode()
        for op in event["ops"]:
            self._apply(op)
        self._at = seq
        return None

    def _apply(self, op: dict[str, Any]) -> None:
        if op["op"] == "upsert":
            self._put(op["entity"])
        elif op["op"] == "remove":
            self.timeline.pop((op["kind"], op["id"]), None)
        else:
            entity = self.timeline[op["kind"], op["id"]]
            entity[op["field"]] = entity.get(op["field"], "") + op["text"]
            entity["updated"] = int(op["updated"])

    def _put(self, entity: dict[str, Any]) -> None:
        ordinals = {"created": int(entity["created"]), "updated": int(entity["updated"])}
        self.timeline[entity["kind"], entity["id"]] = {**ordinals, **entity["payload"]}


@final
class _LossyComm:
    """A sink in a comm's place: counts what it is given, loses some of what is live."""

    def __init__(self, screen: _Screen) -> None:
        self.byte_count = self.lost_count = 0
        self.is_losing = True
        self.connection: Connection | None = None
        self._screen = screen
        self._live_count = 0
        self._saying: set[asyncio.Task[None]] = set()

    def send(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.byte_count += len(frame)
            self._live_count += b'"seq":' in frame
            if self.is_losing and b'"seq":' in frame and self._live_count % _LOST == 0:
                self.lost_count += 1
                continue
            answer = self._screen.take(frame)
            if answer is not None and self.connection is not None:
                task = asyncio.ensure_future(self.connection.receive(answer))
                self._saying.add(task)
                task.add_done_callback(self._saying.discard)

    def ping(self) -> None:
        if self.connection is not None:
            self.connection.hear()

    def close(self, code: int, reason: str) -> None:
        self.connection = None


class _Run(msgspec.Struct, frozen=True):
    byte_count: int
    lost_count: int
    gap_count: int
    wrong_count: int


def run(is_quick: bool) -> Iterable[Measurement]:
    """G9: as shipped, and with a frame for each event."""
    return asyncio.run(_measure(1 if is_quick else 3))


async def _measure(repetitions: int) -> list[Measurement]:
    naive = _trait_bytes()
    out: list[Measurement] = []
    for name, hold_s in {"merged": FanoutSettings().flush_interval_s, "one_frame": 0.0}.items():
        runs = [await _answer(hold_s) for _ in range(repetitions)]
        fewer = [naive / each.byte_count for each in runs]
        is_shipped = name == "merged"
        out.append(measured(f"G9.bytes.{name}", "times fewer bytes", fewer, at_least=40 if is_shipped else None))
        wrong = [each.wrong_count for each in runs]
        out.append(measured(f"G9.undetected.{name}", "entities wrong after losses", wrong, at_most=0))
        out.append(measured(f"G9.lost.{name}", "frames lost", [each.lost_count for each in runs]))
        out.append(measured(f"G9.gaps.{name}", "gaps noticed", [each.gap_count for each in runs]))
    return out


async def _answer(hold_s: float) -> _Run:
    def build_engine(_: EnginePlan) -> _PacedEngine:
        return _PacedEngine()

    profiles = {"default": "default", "profiles": [{"slug": "default", "engine": "paced"}]}
    fanout = FanoutSettings(flush_interval_s=hold_s)
    async with answering(engines={"paced": build_engine}, profiles=profiles, fanout=fanout) as served:
        screen = _Screen()
        comm = _LossyComm(screen)
        connection = Connection(
            backend=served.app.service,
            sink=comm,
            who=Principal(),
            connection_id="comm",
            join=Join(conv_id=CONVERSATION),
        )
        comm.connection = connection
        await connection.start()
        await ask(served, "go", CONVERSATION)
        byte_count, comm.is_losing = comm.byte_count, False
        await ask(served, "and?", CONVERSATION)  # a loss at the very end is noticed by what comes next
        await _caught_up(served, screen)
        snapshot = await served.app.hub.snapshot(CONVERSATION, window=1000)
        truth = rows_timeline(snapshot.entities)
        wrong = [key for key in truth.keys() | screen.timeline.keys() if truth.get(key) != screen.timeline.get(key)]
        connection.detach()
    return _Run(byte_count, comm.lost_count, screen.gap_count, len(wrong))


async def _caught_up(served: Answering, screen: _Screen) -> None:
    head = (await served.app.hub.session(CONVERSATION)).head
    for _ in range(500):
        if screen.at == head:
            return
        await asyncio.sleep(0.01)


def _trait_bytes() -> int:
    """The content of the messages that a widget sends whose trait is the text so far."""
    text, byte_count = "", 0
    for word in words(_TOKENS):
        text += word
        update = {"method": "update", "state": {"content": text}, "buffer_paths": []}
        byte_count += len(msgspec.json.encode(update))
    return byte_count
