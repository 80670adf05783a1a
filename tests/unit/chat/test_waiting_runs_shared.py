"""A run that waits for a person, where two servers share a Redis (TL9)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, event_names, idle, run_states, submit, until
from tests.unit.chat.test_approvals import asked, decide
from tests.unit.chat.waiting import Burning, chat, statuses
from tests.unit.stream.redis_stores import BOUNDED_S, prefix, server
from webchat_nb.contracts.v1.commands_pb2 import ChatSettleInference
from webchat_nb.stream import Command, session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.wire.requests import CancelRequest

__all__ = ["prefix", "server"]  # fixtures

pytestmark = pytest.mark.rule("TL9")


@pytest.mark.rule("OR4", "RN4")
async def test_a_stop_may_be_the_first_that_finds_it(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    async with chat(tmp_path / "a", store=store()) as a, chat(tmp_path / "b", store=store()) as b:
        await submit(a.service, "a tool")
        await asked(b)
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b.service.cancel(ME, CancelRequest(conv_id="c1"))
        assert (await run_states(b), await statuses(b)) == (["stopped"], ["expired"])
        assert b._runs._conversations.get(session_id("c1")).active is None
        await submit(b.service, "hi")
        await idle(b.service)
        assert await run_states(b) == ["stopped", "finished"]


@pytest.mark.rule("OR4")
async def test_a_server_that_was_given_up_too_early_calls_no_tool(
    tmp_path: Path, server: RedisServer, prefix: str
) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    mine, others = Burning(), Burning()
    async with (
        chat(tmp_path / "a", store=store(), tools=mine.tools) as a,
        chat(tmp_path / "b", store=store(), tools=others.tools) as b,
    ):
        await submit(a.service, "a tool")
        id = await asked(b)
        assert await b._runs.recover() == 1
        assert "ChatInferenceContinued" not in await event_names(b), "it is alive"
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b._runs.recover()
        assert (await event_names(b)).count("ChatInferenceContinued") == 1
        await until(lambda: a._runs._conversations.get(session_id("c1")).active is None)
        (run,) = await entities(a, "ChatRun")
        failed = ChatSettleInference(run_id=run["runId"], status="failed", error="It was not mine any more.")
        await a.hub.submit(Command(session_id=session_id("c1"), name="ChatSettleInference", payload=failed))
        assert await run_states(a) == ["running"]
        await decide(a, id)
        await asyncio.wait_for(a.service.wait_idle(ME, "c1"), BOUNDED_S)
        assert (mine.calls, others.calls) == ([], ["a"])
        assert await run_states(a) == ["finished"]


@pytest.mark.rule("OR4")
async def test_a_server_that_ends_itself_leaves_it_alone(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    async with chat(tmp_path / "a", store=store()) as a, chat(tmp_path / "b", store=store()) as b:
        await submit(a.service, "a tool")
        id = await asked(b)
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b._runs.shutdown()
        look = Command(session_id=session_id("c1"), name="ChatSettleInference", payload=ChatSettleInference())
        await b.hub.submit(look)
        assert (await run_states(b), await statuses(b)) == (["running"], ["pending"])
        await decide(a, id)
        await idle(a.service)
        assert await run_states(a) == ["finished"]
