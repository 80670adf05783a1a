"""The fixture: a conversation's log and the timeline that it must give, for the replay kit and for tests.

::

    {"format": "webchat_nb.fixture", "version": 1, "sessionId": "c1", "startedAtMs": 1700000000000,
     "events":   [{"name": "ChatUserMessageAccepted", "atMs": 0, "payload": {…}}, …],
     "timeline": [{"kind": "ChatMessage", "id": "…", "created": "2", "updated": "2", "payload": {…}}, …]}

``events`` is the whole log, oldest first: registered names, protobuf JSON, and milliseconds since the first one.
Published one after the other into an empty conversation at those times they give ``timeline``, ordinals included
(``webchat_nb.testing.fixtures.play``). Overrides, which may hold a system prompt, and the names of users are left out of
the events: neither is in any timeline.

Rule: EX4, AC7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from webchat_nb.chat.exports.document import EVERYTHING
from webchat_nb.contracts.encode import json_dict
from webchat_nb.errors import LogPrunedError
from webchat_nb.stream import EntityRow, Hub, LoggedEvent, Ordinal, SessionId

_PAGE = 1000

_SECRET = ("overrides_json", "owner")
"""Fields of events that are never told."""

_PERSONAL = "actor"
"""Who asked for or stopped an answer: left out of the chat's own events, which keep it to themselves."""

_OWN = ("ChatUserMessage", "ChatInference")


class FixtureEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event of the log.

    Attributes:
        at_ms: Since the first one.
        payload: Protobuf JSON of the message registered for the name.
    """

    name: str
    at_ms: int
    payload: dict[str, Any]


class FixtureEntity(msgspec.Struct, frozen=True, kw_only=True):
    """One entity of the timeline, as on the wire."""

    kind: str
    id: str
    created: str
    updated: str
    payload: dict[str, Any]


class Fixture(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The file."""

    format: str = "webchat_nb.fixture"
    version: int = 1
    session_id: str
    started_at_ms: int
    events: Sequence[FixtureEvent]
    timeline: Sequence[FixtureEntity]


async def read_fixture(hub: Hub, session_id: SessionId) -> Fixture:
    """The fixture of a conversation as it stands.

    Raises:
        LogPrunedError: The log no longer reaches back to its beginning.
    """
    snapshot = await hub.snapshot(session_id, window=EVERYTHING)
    events: list[LoggedEvent] = []
    while len(events) < snapshot.ordinal:
        after = Ordinal(len(events))
        page = await hub.events(session_id, after=after, limit=min(_PAGE, snapshot.ordinal - after))
        if not page or page[0].ordinal != after + 1:
            raise LogPrunedError("the log no longer reaches back to its beginning, which a fixture needs")
        events += page
    started_at_ms = events[0].at_ms if events else 0
    return Fixture(
        session_id=session_id,
        started_at_ms=started_at_ms,
        events=[
            FixtureEvent(name=event.name, at_ms=event.at_ms - started_at_ms, payload=_told(event)) for event in events
        ],
        timeline=_entities(snapshot.entities),
    )


async def fixture_of_timeline(hub: Hub, session_id: SessionId) -> Sequence[FixtureEntity]:
    """A timeline as fixtures say it."""
    return _entities((await hub.snapshot(session_id, window=EVERYTHING)).entities)


def to_fixture(fixture: Fixture) -> bytes:
    """The file, indented for people."""
    return msgspec.json.format(msgspec.json.encode(fixture), indent=2) + b"\n"


def _entities(rows: Sequence[EntityRow]) -> list[FixtureEntity]:
    return [
        FixtureEntity(
            kind=row.kind,
            id=row.id,
            created=str(row.created),
            updated=str(row.updated),
            payload=msgspec.json.decode(row.payload),
        )
        for row in rows
    ]


def _told(event: LoggedEvent) -> dict[str, Any]:
    left_out = (*_SECRET, _PERSONAL) if event.name.startswith(_OWN) else _SECRET
    for name in left_out:
        if name in event.payload.DESCRIPTOR.fields_by_name:
            event.payload.ClearField(name)
    return json_dict(event.payload)
