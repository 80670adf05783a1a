"""What the engines cost on top of their SDKs, on streams that a local server sends as fast as they are read.

``tokens``: tokens per second from the model's server into the log, each an event, committed (``FULL``), and on to a
websocket client unmerged; beside the bare SDK that reads the same stream and drops it. ``alone``: with nobody connected.
``first``: what a token that is there at once is late by, from the engine beside the SDK. ``cancel``: from closing a run to
the server's noticing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from statistics import median, quantiles
from typing import Any

import anthropic
import msgspec
import openai
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.bench.clients import Clients, client_process
from tests.bench.measurement import Measurement, measured
from tests.bench.model_process import ModelProcess, Streams, model_process
from tests.bench.prose import words
from tests.bench.stage import CONVERSATION, answering, join
from tests.model_servers.anthropic import anthropic_answer
from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.openai_responses import responses_answer
from webchat_nb.chat.engine import EngineFactory, TextDelta
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.anthropic import anthropic_factory
from webchat_nb.engines.openai_chat import openai_chat_factory
from webchat_nb.engines.openai_responses import openai_responses_factory
from webchat_nb.engines.pydantic_ai import agent_engine
from webchat_nb.stream import FanoutSettings
from webchat_nb.testing.engine_contract import Reply, ask
from webchat_nb.wire.requests import Principal, SubmitRequest

_NEVER_MERGED = FanoutSettings(flush_interval_s=0, merge_backlog_bytes=1 << 30, max_backlog_bytes=1 << 30)
_FIRST_COUNT = 100
_CANCEL_COUNT = 30
_WARM_UP_COUNT = 10

Read = Callable[[], AsyncIterator[object]]
"""Asks a bare SDK, and gives an item for each token."""


class _Adapter(msgspec.Struct, frozen=True):
    """An engine, and the bare SDK beside it."""

    factory: Callable[[str], EngineFactory]
    bare: Callable[[str], Read]


def _bare_chat(url: str) -> Read:
    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    messages: Any = [{"role": "user", "content": "go"}]

    async def read() -> AsyncIterator[object]:
        async with await client.chat.completions.create(model="m", messages=messages, stream=True) as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk

    return read


def _bare_responses(url: str) -> Read:
    client = openai.AsyncOpenAI(base_url=url, api_key="none")

    async def read() -> AsyncIterator[object]:
        async with await client.responses.create(model="m", input="go", stream=True) as stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    yield event

    return read


def _bare_anthropic(url: str) -> Read:
    client = anthropic.AsyncAnthropic(base_url=url, api_key="none")
    messages: Any = [{"role": "user", "content": "go"}]

    async def read() -> AsyncIterator[object]:
        async with await client.messages.create(model="m", messages=messages, max_tokens=9999, stream=True) as stream:
            async for event in stream:
                if event.type == "content_block_delta":
                    yield event

    return read


def _agent(url: str) -> Agent[None, str]:
    return Agent(OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="none")))


def _bare_agent(url: str) -> Read:
    agent = _agent(url)

    async def read() -> AsyncIterator[object]:
        async with agent.run_stream_events("go") as events:
            async for event in events:
                if event.event_kind == "part_delta":
                    yield event

    return read


_ADAPTERS: Mapping[str, _Adapter] = {
    "openai": _Adapter(lambda url: openai_chat_factory(), _bare_chat),
    "openai-responses": _Adapter(lambda url: openai_responses_factory(), _bare_responses),
    "anthropic": _Adapter(lambda url: anthropic_factory(), _bare_anthropic),
    "pydantic-ai": _Adapter(lambda url: agent_engine(_agent(url)), _bare_agent),
}


def run(is_quick: bool) -> Iterable[Measurement]:
    """The engines."""
    count = 1000 if is_quick else 4000
    reply = Reply(texts=words(count), usage=(1, count))
    streams: Streams = {
        "/chat/completions": chat_answer(reply).pieces,
        "/responses": responses_answer(reply).pieces,
        "/messages": anthropic_answer(reply).pieces,
    }
    with model_process(streams) as model, client_process() as clients:
        return asyncio.run(_measure(model, clients, count, repetitions=2 if is_quick else 5))


async def _measure(model: ModelProcess, clients: Clients, count: int, *, repetitions: int) -> list[Measurement]:
    measurements: list[Measurement] = []
    for name, adapter in _ADAPTERS.items():
        bare = adapter.bare(model.url("whole"))
        beside: list[float] = []
        ours: list[float] = []
        alone: list[float] = []
        await _rate(count, lambda bare=bare: _drain(bare))
        for _ in range(repetitions):
            beside.append(await _rate(count, lambda bare=bare: _drain(bare)))
            ours.append(await _our_rate(model, clients, name, count, is_heard=True))
            alone.append(await _our_rate(model, clients, name, count, is_heard=False))
        measurements += [
            measured(f"engines.tokens.{name}", "tokens/s", ours, beside=beside, at_least=0.5),
            measured(f"engines.tokens.alone.{name}", "tokens/s", alone, beside=beside),
            *await _first(model, name),
            await _cancel(model, name),
        ]
    return measurements


async def _drain(read: Read) -> None:
    async for _ in read():
        pass


async def _rate(count: int, work: Callable[[], Awaitable[None]]) -> float:
    begun_ns = time.monotonic_ns()
    await work()
    return count / (time.monotonic_ns() - begun_ns) * 1e9


async def _our_rate(model: ModelProcess, clients: Clients, name: str, count: int, *, is_heard: bool) -> float:
    url = model.url("whole")
    plain = name != "pydantic-ai"
    profile = {"slug": "default", "engine": "mine", **({"model": "m", "base_url": url} if plain else {})}
    async with answering(
        engines={"mine": _ADAPTERS[name].factory(url)},
        profiles={"default": "default", "profiles": [profile]},
        synchronous="FULL",
        fanout=_NEVER_MERGED,
    ) as served:
        service = served.app.service
        await service.submit(Principal(), SubmitRequest(prompt="go", conv_id="warm-up"))
        await service.wait_idle(Principal(), "warm-up")
        if is_heard:
            await join(clients, served.port)
            heard = clients.hear(until=b'"run.finished"')
        begun_ns = time.monotonic_ns()
        await service.submit(Principal(), SubmitRequest(prompt="go", conv_id=CONVERSATION))
        await service.wait_idle(Principal(), CONVERSATION)
        ended_ns = time.monotonic_ns()
        if is_heard:
            ended_ns = (await heard).ended_ns
            await clients.close()
    return count / (ended_ns - begun_ns) * 1e9


async def _first(model: ModelProcess, name: str) -> list[Measurement]:
    """One of ours and one bare in turns, each over a connection that is open already."""
    url = model.url("hang")
    adapter, plan = _ADAPTERS[name], _plan(name, url)
    factory, bare = adapter.factory(url), adapter.bare(url)
    engine = factory(plan)
    ours_ms: list[float] = []
    bare_ms: list[float] = []
    for _ in range(_FIRST_COUNT + _WARM_UP_COUNT):
        for times, items in ((ours_ms, engine.run(ask("go", plan=plan))), (bare_ms, bare())):
            begun_ns = time.monotonic_ns()
            async with aclosing(items) as each:  # type: ignore[type-var]
                async for item in each:
                    if times is bare_ms or isinstance(item, TextDelta):
                        times.append((time.monotonic_ns() - begun_ns) / 1e6)
                        break
            await model.left_ns()
    await _close(factory)
    ours, others = ours_ms[_WARM_UP_COUNT:], bare_ms[_WARM_UP_COUNT:]
    added = [one - median(others) for one in ours]
    return [
        measured(f"engines.first.added.{name}", "ms, p99", [quantiles(added, n=100)[98]], at_most=5),
        measured(f"engines.first.added.p50.{name}", "ms", [median(added)]),
        measured(
            f"engines.first.bare.{name}", "ms, p99 over its median", [quantiles(others, n=100)[98] - median(others)]
        ),
    ]


async def _cancel(model: ModelProcess, name: str) -> Measurement:
    url = model.url("hang")
    factory, plan = _ADAPTERS[name].factory(url), _plan(name, url)
    engine = factory(plan)
    took_ms: list[float] = []
    for _ in range(_CANCEL_COUNT):
        records: Any = engine.run(ask("go", plan=plan))
        async for record in records:
            if isinstance(record, TextDelta):
                break
        begun_ns = time.monotonic_ns()
        await records.aclose()
        took_ms.append((await model.left_ns() - begun_ns) / 1e6)
    await _close(factory)
    return measured(f"engines.cancel.{name}", "ms, worst", [max(took_ms)], at_most=100)


def _plan(name: str, url: str) -> EnginePlan:
    if name == "pydantic-ai":
        return EnginePlan(profile="p", engine="mine")
    return EnginePlan(profile="p", engine="mine", model="m", base_url=url)


async def _close(factory: Any) -> None:
    if hasattr(factory, "aclose"):
        await factory.aclose()
