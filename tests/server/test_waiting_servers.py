"""Answers that wait for a person outlive their server: processes that are killed, alone or two on one Redis (TL9)."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.server.processes import serving
from tests.server.test_shared_redis import BOUNDED_S, Entities, Screen, Server
from webchat_nb.testing.aio import AsyncTests

LEASE_S = 2.0

SCRIPT = """
script: 1
defaults: {chunk: word, delay_ms: 1, first_delay_ms: 0}
turns:
  - match: burn
    steps:
      - think: "Let me see."
      - say: "First I look around. "
      - call: {tool: look, args: {at: x}, result: {seen: 1}}
      - say: {text: "one two three ", repeat: 50}
      - call: {tool: burn, args: {what: a}, approval: true, result: "ash"}
      - usage: {input_tokens: 5, output_tokens: 6}
      - say: "All is done."
  - match: soon
    steps:
      - call: {tool: burn, args: {what: a}, approval: true, approval_expires_s: 2, result: "ash"}
      - say: "Done."
  - steps: [{say: "You said: {prompt}"}]
"""


def told(timeline: Entities, run_id: str) -> list[str]:
    """What one run made, as JSON, without ids and times, which differ from run to run."""
    calls = {id for (_, id), payload in timeline.items() if payload.get("runId") == run_id}
    left_out = {"runId", "messageId", "toolCallId", "approvalId", "parentMessageId", "durationMs"}
    return sorted(
        json.dumps({key: value for key, value in payload.items() if key not in left_out and not key.endswith("AtMs")})
        for payload in timeline.values()
        if payload.get("runId") == run_id or payload.get("toolCallId") in calls
    )


async def asked(screen: Screen) -> str:
    """Show what comes until somebody is asked; the question's id."""
    while True:
        for (kind, id), payload in screen.payloads.items():
            if kind == "ChatApproval" and payload["status"] == "pending":
                return id
        await screen.hear()


async def decide(server: Server, id: str, **body: Any) -> Any:
    status, answer = await server.ask(f"v1/sessions/c1/approvals/{id}", {"decision": "approve", **body})
    assert status == 200, answer
    return answer


async def until_runs(server: Server, *statuses: str) -> Entities:
    """Ask until the runs are like that, in a bounded time."""
    async with asyncio.timeout(BOUNDED_S):
        while True:
            timeline = await server.timeline()
            if [payload["status"] for (kind, _), payload in timeline.items() if kind == "ChatRun"] == list(statuses):
                return timeline
            await asyncio.sleep(0.05)


class TestOneServer(AsyncTests):
    @asynccontextmanager
    async def server(self, folder: Path, *options: str) -> AsyncIterator[Server]:
        folder.mkdir(exist_ok=True)
        own = ("--token", "T", "--db", str(folder / "chat.db"), "--open-approvals", "wait", "--no-ui", *options)
        async with AsyncExitStack() as stack:
            started = await stack.enter_async_context(serving(folder, *own, script=SCRIPT))
            yield Server(*started, stack)

    @pytest.mark.rule("TL9", "ST2")
    @pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
    async def test_the_answer_is_that_of_a_server_that_was_not_killed(self, tmp_path: Path, how: str) -> None:
        async with self.server(tmp_path / "a") as whole:
            run_id = (await whole.prompt("burn it"))["run_id"]
            await decide(whole, await asked(await whole.follow()))
            expected = told(await until_runs(whole, "finished"), run_id)
            assert len(expected) == 11
        async with self.server(tmp_path / "b") as first:
            run_id = (await first.prompt("burn it"))["run_id"]
            id = await asked(await first.follow())
            await first.prompt("next")
            first.process.send_signal(signal.Signals[how])
            await asyncio.wait_for(first.process.wait(), BOUNDED_S)
        async with self.server(tmp_path / "b") as second:
            screen = await second.follow()
            assert screen.runs() == ["running", "queued"]
            assert await decide(second, id) == {"status": "approved"}
            await screen.until_runs("finished", "finished")
            timeline = await second.timeline()
            assert screen.payloads == timeline
            assert told(timeline, run_id) == expected
            assert screen.texts("assistant")[-1] == "You said: next"
            status, answer = await second.ask(f"v1/sessions/c1/approvals/{id}", {"decision": "deny"})
            assert (status, answer["code"]) == (409, "already_decided")

    @pytest.mark.rule("TL9", "TL2")
    async def test_a_question_whose_time_passed_while_no_server_ran_is_expired(self, tmp_path: Path) -> None:
        async with self.server(tmp_path / "a") as first:
            await first.prompt("soon")
            screen = await first.follow()
            await asked(screen)
            first.process.kill()
            (approval,) = [payload for (kind, _), payload in screen.payloads.items() if kind == "ChatApproval"]
        async with self.server(tmp_path / "a") as second:
            timeline = await until_runs(second, "finished")
            (expired,) = [payload for (kind, _), payload in timeline.items() if kind == "ChatApproval"]
            assert expired == {**approval, "status": "expired"}
            (result,) = [payload for (kind, _), payload in timeline.items() if kind == "ChatToolResult"]
            assert result["result"] == "This call was not allowed. Nobody decided in time."


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


class TestTwoServers(AsyncTests):
    @asynccontextmanager
    async def servers(self, redis: RedisServer, folder: Path) -> AsyncIterator[tuple[Server, Server]]:
        options = (
            "--token",
            "T",
            "--db",
            redis.url,
            "--lease-ttl",
            str(LEASE_S),
            "--no-ui",
            "--open-approvals",
            "wait",
        )
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(serving(folder, *options, script=SCRIPT))
            second = await stack.enter_async_context(serving(folder, *options, script=SCRIPT))
            yield Server(*first, stack), Server(*second, stack)

    @pytest.mark.rule("TL9", "OR4")
    @pytest.mark.parametrize("decided", ["at once", "later"])
    async def test_the_other_server_goes_on_after_a_decision(
        self, redis: RedisServer, tmp_path: Path, decided: str
    ) -> None:
        """Also when the decision comes while the run is nobody's: before the dead server's lease has ended."""
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("burn it")
            on_b = await b.follow()
            id = await asked(on_b)
            a.process.kill()
            await a.process.wait()
            if decided == "later":
                while "ChatInferenceContinued" not in await self.events(b):
                    await asyncio.sleep(0.05)
            assert await decide(b, id) == {"status": "approved"}
            await on_b.until_runs("finished")
            assert on_b.texts("assistant")[-1] == "All is done."
            assert on_b.payloads == await b.timeline()
            names = await self.events(b)
            assert (names.count("ChatInferenceContinued"), names.count("ChatInferenceInterrupted")) == (1, 0)

    @pytest.mark.rule("TL9", "OR4")
    async def test_a_server_that_ends_in_order_gives_its_runs_to_the_other_one(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("burn it")
            on_b = await b.follow()
            id = await asked(on_b)
            a.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(a.process.wait(), BOUNDED_S) == 0
            assert on_b.runs() == ["running"]
            await decide(b, id)
            await on_b.until_runs("finished")
            assert on_b.texts("assistant")[-1] == "All is done."

    async def events(self, server: Server) -> list[str]:
        status, answer = await server.ask("v1/sessions/c1/events?limit=1000")
        assert status == 200, answer
        return [event["name"] for event in answer["events"]]
