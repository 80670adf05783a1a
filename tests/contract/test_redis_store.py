"""The Redis store keeps the store contract (ST1), and agrees with the memory store on whatever hypothesis thinks of."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.contract.test_stores import QUICK, StoresAgree
from tests.redis_server import RedisServer
from webchat_nb.stream.store import Store
from webchat_nb.stream.stores import MemoryStore
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.store_contract import SharedStoreContract


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.mark.rule("ST1")
class TestRedisStore(SharedStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.server = server

    def make_store(self, place: Path) -> Store:
        prefix = hashlib.sha1(str(place).encode()).hexdigest()  # one data set for one place
        return RedisStore(self.server.url, prefix=prefix)


class RedisAgrees(StoresAgree):
    """Says everything to the memory store and to a Redis store."""

    url: ClassVar[str] = ""
    prefixes: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.prefix = f"agree-{next(self.prefixes)}"
        self.memory = MemoryStore()
        self.sqlite = self.make_redis()
        self.run(lambda store: store.open())

    def make_redis(self) -> Store:
        return RedisStore(self.url, prefix=self.prefix)

    @rule()
    def sqlite_restarts(self) -> None:
        self.runner.run(self.sqlite.close())
        self.sqlite = self.make_redis()
        self.runner.run(self.sqlite.open())


@pytest.mark.rule("ST1", "ST4", "ST8")
class TestRedisAgrees(RedisAgrees.TestCase):  # type: ignore[misc, name-defined]
    settings = QUICK

    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        RedisAgrees.url = server.url


@pytest.mark.nightly
@pytest.mark.timeout(900)
class TestRedisAgreesForLong(TestRedisAgrees):
    settings = settings(QUICK, max_examples=400, stateful_step_count=60)
