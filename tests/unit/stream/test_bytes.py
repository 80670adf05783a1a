from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.stream.board import BoardProjections, NoteAdded, NoteExtended, board_registry
from tests.unit.stream.test_hub import BOARD, fact
from webchat_nb.stream import Hub
from webchat_nb.stream.stores.sqlite import SQLiteStore


@pytest.mark.rule("ST3")
async def test_tokens_that_are_committed_one_by_one_cost_one_page_each(tmp_path: Path) -> None:
    hub = Hub(registry=board_registry(), store=SQLiteStore(tmp_path / "a.db"), projections=BoardProjections())
    await hub.start()
    await hub.publish(fact(NoteAdded(id="a")))
    before = hub.store.usage().bytes_written
    for _ in range(200):
        await hub.publish(fact(NoteExtended(id="a", text="token")))
    written = hub.store.usage().bytes_written - before
    await hub.shutdown()
    assert written / 200 < 4_600


@pytest.mark.rule("ST3")
async def test_the_bytes_of_an_answer_grow_with_its_length_only(tmp_path: Path) -> None:
    async def written(token_count: int) -> int:
        store = SQLiteStore(tmp_path / f"{token_count}.db")
        hub = Hub(registry=board_registry(), store=store, projections=BoardProjections())
        await hub.start()
        await hub.publish(fact(NoteAdded(id="a")))
        before = store.usage().bytes_written
        publisher = hub.publisher(BOARD)
        for _ in range(token_count):
            await publisher.send(fact(NoteExtended(id="a", text="token")))
        await publisher.flush()
        total = store.usage().bytes_written - before
        await hub.shutdown()
        return total

    assert await written(20_000) < 10.5 * await written(2_000)
