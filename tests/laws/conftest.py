"""Stores to hold the laws against; and pytest explains the asserts of modules only when told to."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator

import pytest

pytest.register_assert_rewrite("tests.laws.board_machine", "tests.laws.client", "tests.laws.run_machine")

from tests.laws.homes import Home, MemoryHome, RedisHome, SQLiteHome  # noqa: E402 - after the line above
from tests.redis_server import RedisServer  # noqa: E402


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), appendfsync="no") as server:
        yield server


@pytest.fixture(params=["memory", "sqlite-full", "sqlite-normal", "redis"])
def make_home(request: pytest.FixtureRequest) -> Callable[[], Home]:
    """A new place for a store, each time."""
    match request.param:
        case "memory":
            return MemoryHome
        case "sqlite-full":
            return lambda: SQLiteHome("FULL")
        case "sqlite-normal":
            return lambda: SQLiteHome("NORMAL")
    server: RedisServer = request.getfixturevalue("redis_server")
    numbers = itertools.count()
    return lambda: RedisHome(server, f"law-{request.node.name.split('[')[0]}-{next(numbers)}")


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """The log of thousands of refused events would fill the memory."""
    caplog.set_level(logging.CRITICAL)
