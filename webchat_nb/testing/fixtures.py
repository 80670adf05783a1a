"""Playing a fixture, as ``GET v1/sessions/{id}/export?format=fixture`` gives it, into an empty conversation.

::

    fixture = read_fixture_file(Path("weather.fixture.json"))
    clock = ManualClock(start_ms=fixture.started_at_ms)
    async with build(Config(clock=clock)) as app:
        assert await play(fixture, app.hub, clock) == fixture.timeline

Rule: EX4.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from google.protobuf import json_format

from webchat_nb.chat.exports.to_fixture import Fixture, FixtureEntity, fixture_of_timeline
from webchat_nb.stream import Event, Hub, SessionId, session_id
from webchat_nb.testing.clock import ManualClock

__all__ = ["Fixture", "FixtureEntity", "play", "read_fixture_file"]


def read_fixture_file(path: Path) -> Fixture:
    """A fixture from its file.

    Raises:
        msgspec.ValidationError: It is none; the message says where.
    """
    return msgspec.json.decode(path.read_bytes(), type=Fixture)


async def play(
    fixture: Fixture, hub: Hub, clock: ManualClock, *, into: SessionId | None = None
) -> Sequence[FixtureEntity]:
    """Publish the events at their times, one after the other.

    Args:
        fixture: What to play.
        hub: Started, on this clock; knows the events' names.
        clock: Is moved to the time of each event.
        into: An empty conversation; None: the one of the fixture's id.

    Returns:
        The timeline that came of it.

    Raises:
        UnknownNameError: An event is not registered. The ones before it are published.
    """
    id = into or session_id(fixture.session_id)
    for event in fixture.events:
        message = hub.registry.message_type("event", event.name)()
        json_format.ParseDict(event.payload, message)
        clock.jump((fixture.started_at_ms + event.at_ms - clock.now_ms()) / 1000)
        await hub.publish(Event(session_id=id, name=event.name, payload=message))
    return await fixture_of_timeline(hub, id)
