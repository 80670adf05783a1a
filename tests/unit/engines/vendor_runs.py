"""What the tests of the vendors' engines share: a run of a real SDK against a local server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final

from tests.model_servers.server import ModelServer, WireAnswer, serving
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.vendor import VendorFactory
from webchat_nb.testing.engine_contract import Account, account_of, ask


@final
class Runs:
    """Runs of one engine.

    Attributes:
        server: The model's side.
        account: What the engine told in the last run, also when that failed.
    """

    def __init__(self, factory: VendorFactory, server: ModelServer, **plan: Any) -> None:
        self.server = server
        self.account = Account()
        self.plan = EnginePlan(**{"profile": "p", "engine": "e", "model": "tiny", "base_url": server.url, **plan})
        self._engine = factory(self.plan)

    async def run(self, **request: Any) -> Account:
        self.account = Account()
        return await account_of(self._engine, ask(**{"plan": self.plan, **request}), self.account)


@asynccontextmanager
async def running(factory: VendorFactory, *answers: WireAnswer, **plan: Any) -> AsyncIterator[Runs]:
    """An engine whose server gives these answers."""
    async with serving(*answers) as server:
        try:
            yield Runs(factory, server, **plan)
        finally:
            await factory.aclose()
