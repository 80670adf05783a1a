"""How events share commits on a store that never makes the pump wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.stream.board import NoteAdded, NoteExtended
from webchat_nb.stream import Event, Hub, session_id
from webchat_nb.stream.pipeline import MAX_GATHERING_TURNS

BOARD = session_id("board")
TOKENS = 400


def fact(payload: Any) -> Event:
    return Event(session_id=BOARD, name=payload.DESCRIPTOR.name, payload=payload)


@pytest.mark.rule("ST3")
async def test_events_that_keep_coming_share_commits_but_are_not_kept_waiting_for_long(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    before = hub.store.usage().commits
    publisher = hub.publisher(BOARD)
    for _ in range(TOKENS):
        await publisher.send(fact(NoteExtended(id="a", text="x")))
        await asyncio.sleep(0)
    await publisher.flush()
    publisher.close()
    commits = hub.store.usage().commits - before
    assert TOKENS / (MAX_GATHERING_TURNS + 2) <= commits <= TOKENS / 10


@pytest.mark.rule("FR7")
async def test_what_comes_after_a_pause_does_not_wait_for_company(hub: Hub) -> None:
    await hub.publish(fact(NoteAdded(id="a")))
    for _ in range(2 * MAX_GATHERING_TURNS):
        await asyncio.sleep(0)
    publishing = asyncio.ensure_future(hub.publish(fact(NoteExtended(id="a", text="x"))))
    turns = 0
    while not publishing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns <= 5
