"""Two servers, each a process of its own, on one Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, final

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.redis_server import RedisServer
from tests.server.processes import serving
from tests.unit.transports.chats import submit, subscribe
from webchat_nb.testing.aio import AsyncTests

LEASE_S = 2.0
BOUNDED_S = 30.0

SCRIPT = """
script: 1
defaults: {chunk: word, delay_ms: 2, first_delay_ms: 0}
turns:
  - match: long
    steps: [{say: {text: "one two three four five ", repeat: 120}}]
  - match: endless
    steps: [{say: {text: "and on ", repeat: 100000}}]
  - match: where
    steps: [{call: {tool: locate, args: {}}}, {say: "Done."}]
  - steps: [{say: "You said: {prompt}"}]
"""

Entities = dict[tuple[str, str], dict[str, Any]]


@final
class Screen:
    """A client on one server: shows a conversation as FR3 says, and remembers what it was told."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self.entities: Entities = {}
        self.epoch = ""
        self.ordinal = 0
        self.types: list[str] = []
        self.shown: dict[tuple[str, int], str] = {}

    async def say(self, frame: dict[str, Any]) -> None:
        await self._connection.write_message(json.dumps(frame))

    async def until(self, type: str, *, count: int = 1) -> dict[str, Any]:
        """Show what comes until something was told so many times."""
        while True:
            event = await self.hear()
            count -= event["type"] == type
            if not count:
                return event

    async def hear(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._connection.read_message(), BOUNDED_S)
        assert message is not None, self._connection.close_code
        event: dict[str, Any] = json.loads(message)["event"]
        self.types.append(event["type"])
        self._show(event)
        return event

    def _show(self, event: dict[str, Any]) -> None:
        data = event.get("data", {})
        if event["type"] == "ws.subscribed":
            self.epoch = data["epoch"]
        elif event["type"] == "timeline.snapshot":
            held = {} if data["part"] == 0 else self.entities
            self.entities = held | {(entity["kind"], entity["id"]): entity for entity in data["entities"]}
            self.ordinal = int(data["version"])
        elif "seq" in event and int(event["seq"]) > self.ordinal:
            assert int(event["prev"]) == self.ordinal, f"a gap: {event['prev']} after {self.ordinal}"
            for op in event["ops"]:
                self._apply(op)
            self.ordinal = int(event["seq"])
            state = json.dumps(sorted(self.payloads.items(), key=str), sort_keys=True)
            assert self.shown.setdefault((self.epoch, self.ordinal), state) == state

    def _apply(self, op: dict[str, Any]) -> None:
        if op["op"] == "upsert":
            self.entities[op["entity"]["kind"], op["entity"]["id"]] = op["entity"]
        elif op["op"] == "remove":
            self.entities.pop((op["kind"], op["id"]), None)
        else:
            payload = self.entities[op["kind"], op["id"]]["payload"]
            text = payload.get(op["field"], "")
            assert len(text) == op["at"]
            payload[op["field"]] = text + op["text"]

    @property
    def payloads(self) -> Entities:
        return {key: entity["payload"] for key, entity in self.entities.items()}

    def texts(self, role: str) -> list[str]:
        """What was said, in order."""
        return [payload.get("content", "") for payload in self.payloads.values() if payload.get("role") == role]

    async def until_runs(self, *statuses: str) -> None:
        """Show what comes until the runs are like that."""
        while self.runs() != list(statuses):
            await self.hear()

    def runs(self) -> list[str]:
        return [payload["status"] for (kind, _), payload in self.payloads.items() if kind == "ChatRun"]

    def close(self) -> None:
        self._connection.close()


@final
class Server:
    """One server process."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, stack: AsyncExitStack) -> None:
        self.process = process
        self._address = address
        self._stack = stack

    async def follow(self, conv_id: str = "c1") -> Screen:
        """A client that is subscribed."""
        connection = await websocket_connect(self._address.replace("http", "ws") + "v1/ws?token=T")
        screen = Screen(connection)
        self._stack.callback(screen.close)
        await screen.say(subscribe(conv_id))
        await screen.until("timeline.snapshot")
        return screen

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and answer of one request."""
        request = HTTPRequest(
            self._address + path,
            method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": "token T", "Content-Type": "application/json"},
            request_timeout=BOUNDED_S,
        )
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        return answer.code, json.loads(answer.body)

    async def prompt(self, prompt: str, *, key: str | None = None, conv_id: str = "c1") -> dict[str, Any]:
        """Send a prompt that has to be taken."""
        body = {"prompt": prompt, "conv_id": conv_id, **({"idempotency_key": key} if key else {})}
        status, answer = await self.ask("v1/chat", body)
        assert status in (200, 202), answer
        return answer

    async def timeline(self, conv_id: str = "c1") -> Entities:
        """What it says the conversation is."""
        status, answer = await self.ask(f"v1/timeline?conv_id={conv_id}")
        assert status == 200, answer
        return {(entity["kind"], entity["id"]): entity["payload"] for entity in answer["entities"]}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


class TestSharedConversations(AsyncTests):
    @asynccontextmanager
    async def servers(self, redis: RedisServer, folder: Path) -> AsyncIterator[tuple[Server, Server]]:
        """Two of them."""
        options = ("--token", "T", "--db", redis.url, "--lease-ttl", str(LEASE_S), "--no-ui")
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(serving(folder, *options, script=SCRIPT))
            second = await stack.enter_async_context(serving(folder, *options, script=SCRIPT))
            yield Server(*first, stack), Server(*second, stack)

    @pytest.mark.rule("OR4", "FR3", "FR6")
    async def test_a_prompt_to_one_server_is_watched_live_on_the_other(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("hello")
            on_a, on_b = await a.follow(), await b.follow()
            await on_a.until_runs("finished")
            await on_b.until_runs("finished")
            await a.prompt("a long one")
            for screen in (on_a, on_b):
                await screen.until_runs("finished", "finished")
                assert screen.types.count("llm.delta") > 20, "it came live, piece by piece"
                assert screen.types[-1] == "run.finished"
            assert on_a.payloads == on_b.payloads == await a.timeline() == await b.timeline()
            assert on_b.texts("assistant")[-1] == "one two three four five " * 120

    @pytest.mark.rule("OR4", "RN1", "RN4")
    async def test_the_queue_and_the_stop_button_work_from_the_other_server(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            started = await a.prompt("an endless one")
            on_a = await a.follow()
            await on_a.until("llm.delta", count=3)
            queued = await b.prompt("short")
            assert (queued["status"], queued["queue_position"]) == ("queued", 1)
            status, answer = await b.ask("v1/cancel", {"conv_id": "c1"})
            assert (status, answer) == (200, {"status": "stopping", "run_id": started["run_id"]})
            await on_a.until_runs("stopped", "finished")
            assert on_a.texts("assistant")[-1] == "You said: short"
            assert on_a.payloads == await a.timeline() == await b.timeline()

    @pytest.mark.rule("OR4", "HT3")
    async def test_a_key_counts_on_every_server(self, redis: RedisServer, tmp_path: Path) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            answers = await asyncio.gather(*[server.prompt("hello", key="k1") for server in (a, b, a, b)])
            assert len({answer["run_id"] for answer in answers}) == 1
            assert sum([answer.get("deduplicated", False) for answer in answers]) == 3
            status, answer = await b.ask("v1/chat", {"prompt": "other", "conv_id": "c1", "idempotency_key": "k1"})
            assert (status, answer["code"]) == (409, "idempotency_conflict")

    @pytest.mark.rule("OR4", "OR1", "RN1")
    async def test_prompts_to_both_at_once_are_all_answered_one_after_the_other(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            prompts = [f"prompt {n}" for n in range(12)]
            await asyncio.gather(*[(a, b)[n % 2].prompt(prompt) for n, prompt in enumerate(prompts)])
            on_b = await b.follow()
            while len(on_b.runs()) < 12 or set(on_b.runs()) != {"finished"}:
                await on_b.hear()
            assert sorted(on_b.texts("assistant")) == sorted(f"You said: {prompt}" for prompt in prompts)
            assert on_b.payloads == await a.timeline()

    @pytest.mark.rule("TL7", "OR4")
    async def test_a_call_of_one_server_is_made_by_a_page_on_the_other(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.ask("v1/sessions/c1/tools/manifest", {"clientId": "page1", "tools": [{"name": "locate"}]})
            await a.prompt("where am I?")
            on_b = await b.follow()
            while not (calls := [one for (kind, _), one in on_b.payloads.items() if kind == "ChatToolCall"]) or (
                calls[0]["status"] != "executing"
            ):
                await on_b.hear()
            claim = {"toolCallId": calls[0]["toolCallId"], "claim": True}
            claims = await asyncio.gather(
                *[(a, b)[n % 2].ask("v1/sessions/c1/tools/results", {**claim, "clientId": f"p{n}"}) for n in range(6)]
            )
            assert sum(answer["accepted"] for _, answer in claims) == 1
            result = {"toolCallId": calls[0]["toolCallId"], "result": "Ulm"}
            assert await b.ask("v1/sessions/c1/tools/results", result) == (200, {"accepted": True})
            assert (await a.ask("v1/sessions/c1/tools/results", result))[1]["code"] == "already_answered"
            await on_b.until_runs("finished")
            assert on_b.payloads["ChatToolResult", f"{calls[0]['toolCallId']}:result"]["result"] == "Ulm"
            assert on_b.payloads == await a.timeline() == await b.timeline()

    @pytest.mark.rule("RN3", "OR4")
    async def test_another_server_settles_the_run_of_a_dead_one_and_goes_on_with_the_queue(
        self, redis: RedisServer, tmp_path: Path
    ) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("an endless one")
            await a.prompt("short")
            on_b = await b.follow()
            await on_b.until("llm.delta", count=3)
            a.process.kill()
            await on_b.until_runs("interrupted", "finished")
            cut, whole = on_b.texts("assistant")
            assert ("and on " * 100_000).startswith(cut)
            assert whole == "You said: short"
            assert on_b.payloads == await b.timeline()

    @pytest.mark.rule("OR4", "OR2", "HT6")
    async def test_a_restart_of_redis_is_waited_for_and_loses_nothing(self, redis: RedisServer, tmp_path: Path) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("hello")
            on_b = await b.follow()
            await a.prompt("a long one", key="long")
            await on_b.until("llm.delta", count=3)
            redis.kill()
            for server in (a, b):
                status, answer = await server.ask("v1/chat", {"prompt": "lost?", "conv_id": "c1"})
                assert (status, answer["code"], answer["retryable"]) == (503, "store_unreachable", True)
            await on_b.say(submit("lost?", id="k9"))
            nack = await on_b.until("ws.nack")
            assert (nack["data"]["code"], nack["data"]["retryable"]) == ("store_unreachable", True)
            await on_b.say(subscribe("c2"))
            error = await on_b.until("ws.error")
            assert (error["data"]["code"], error["data"]["retryable"]) == ("store_unreachable", True)
            redis.start()
            await on_b.until_runs("finished", "finished")
            assert on_b.texts("assistant")[-1] == "one two three four five " * 120
            assert (await b.prompt("a long one", key="long"))["deduplicated"]
            assert on_b.payloads == await a.timeline() == await b.timeline()

    @pytest.mark.rule("OR4")
    async def test_cut_connections_to_redis_are_made_again(self, redis: RedisServer, tmp_path: Path) -> None:
        async with self.servers(redis, tmp_path) as (a, b):
            await a.prompt("hello")
            on_b = await b.follow()
            await a.prompt("a long one")
            for _ in range(3):
                await on_b.until("llm.delta", count=3)
                redis.ask("CLIENT", "KILL", "TYPE", "normal")
                redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
            await on_b.until_runs("finished", "finished")
            assert on_b.texts("assistant")[-1] == "one two three four five " * 120
            assert on_b.payloads == await a.timeline()
