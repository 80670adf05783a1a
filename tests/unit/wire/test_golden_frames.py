"""What the server sends is what the golden recordings say; vitest reads the same files and merges them.

``UPDATE_GOLDEN=1`` writes them anew: look at the difference before you commit it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import yaml

from webchat_nb.app import Config, build
from webchat_nb.stream import Cursor, Hydration, session_id
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.codec import encode_delivery, encode_entity, encode_hydration
from webchat_nb.wire.requests import Principal, SubmitRequest

GOLDEN = Path(__file__).parents[2] / "golden" / "frames"
ME = Principal()
CONVERSATION = session_id("golden")

BEFORE_THE_CUT = 42
"""The head when all that comes before the lost connection is committed."""

SCRIPT = {
    "script": 1,
    "turns": [
        {
            "match": "weather",
            "steps": [
                {"think": "Let me look. 🌦"},
                {"say": "One moment."},
                {"call": {"tool": "get_weather", "args": {"city": "Paris"}, "result": {"celsius": 18}}},
                {"say": "It is **18 °C**."},
                {"usage": {"input_tokens": 10, "output_tokens": 20}},
            ],
        },
        {"match": "fail", "steps": [{"say": "Half an ans"}, {"fail": {"message": "overloaded", "retryable": True}}]},
        {"match": "wait", "steps": [{"say": "Before the cut, "}, {"wait_for": "go"}, {"say": "after the cut."}]},
    ],
}


def readable_ids() -> Any:
    count = itertools.count(1)
    return lambda: f"{next(count):04d}"


async def record(tmp_path: Path) -> dict[str, Any]:
    """A conversation with all that a script can do, a lost connection and a resumption."""
    (tmp_path / "script.yaml").write_text(yaml.safe_dump(SCRIPT))
    new_id, clock = readable_ids(), ManualClock()
    profiles = {"profiles": [{"slug": "default", "script": str(tmp_path / "script.yaml")}]}
    app = build(Config(profiles=profiles, clock=clock, store=MemoryStore(new_id=lambda: "epoch-1"), new_id=new_id))
    await app.start()
    frames: list[Any] = []

    def keep(encoded: list[bytes]) -> None:
        frames.extend(json.loads(frame) for frame in encoded)

    def begin(hydration: Hydration) -> None:
        keep(encode_hydration(hydration, max_frame_bytes=1 << 20))

    subscription = await app.service.subscribe(ME, CONVERSATION)
    begin(subscription.hydration)
    for prompt in ("weather", "fail"):
        await app.service.submit(ME, SubmitRequest(prompt=prompt, conv_id=CONVERSATION))
        await app.service.wait_idle(ME, CONVERSATION)
        clock.jump(1)
    await app.service.submit(ME, SubmitRequest(prompt="wait", conv_id=CONVERSATION))
    await app.signals.reached("go")
    while (await app.hub.session(CONVERSATION)).head < BEFORE_THE_CUT:
        await asyncio.sleep(0)
    clock.jump(1)
    taken = subscription.take()
    keep([encode_delivery(delivery) for delivery in taken])
    subscription.close()  # the network goes away in the middle of the answer
    app.signals.send("go")
    await app.service.wait_idle(ME, CONVERSATION)
    again = await app.service.subscribe(ME, CONVERSATION, since=Cursor(subscription.hydration.epoch, taken[-1].seq))
    begin(again.hydration)
    snapshot = await app.hub.snapshot(CONVERSATION)
    await app.stop()
    entities = [msgspec.json.decode(encode_entity(row)) for row in snapshot.entities]
    return {
        "name": "recorded from the server",
        "frames": frames,
        "expect": {
            "sync": "live",
            "cursor": {"epoch": snapshot.epoch, "seq": str(snapshot.ordinal)},
            "entities": sorted(entities, key=lambda entity: (int(entity["created"]), entity["id"], entity["kind"])),
        },
    }


def test_the_server_sends_what_the_recording_says(tmp_path: Path) -> None:
    recorded = asyncio.run(record(tmp_path))
    path = GOLDEN / "recorded.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert recorded == json.loads(path.read_text(encoding="utf-8"))
