from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.stream.board import BoardProjections, board_registry
from webchat_nb.stream import Hub
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.testing.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def hub(clock: ManualClock) -> AsyncIterator[Hub]:
    hub = Hub(registry=board_registry(), store=MemoryStore(), projections=BoardProjections(), clock=clock)
    await hub.start()
    yield hub
    await hub.shutdown()
