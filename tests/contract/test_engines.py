"""The engines keep the engine contract (EN1); those of the vendors with the real SDKs, on local servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tests.contract.replies import steps_of, values_of
from tests.model_servers.anthropic import anthropic_answer
from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.openai_responses import responses_answer
from tests.model_servers.server import Wire, cut, serving
from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.anthropic import anthropic_factory
from webchat_nb.engines.functions import function_engine
from webchat_nb.engines.openai_chat import openai_chat_factory
from webchat_nb.engines.openai_responses import openai_responses_factory
from webchat_nb.engines.pydantic_ai import agent_engine
from webchat_nb.engines.script import parse_script
from webchat_nb.engines.scripted import ScriptedEngine
from webchat_nb.engines.signals import Signals
from webchat_nb.engines.vendor import VendorFactory
from webchat_nb.errors import EngineError
from webchat_nb.stream.clock import SystemClock
from webchat_nb.testing.engine_contract import EngineContract, ModelEngineContract, Reply, Stage


class _AtServer:
    """An engine of a vendor's, whose plan says where the server is: the contract's plan cannot know."""

    def __init__(self, factory: VendorFactory, url: str) -> None:
        self._url = url
        self._engine = factory(EnginePlan(profile="test", engine="test", model="tiny", base_url=url))

    def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        plan = msgspec.structs.replace(request.plan, base_url=self._url)
        return self._engine.run(msgspec.structs.replace(request, plan=plan))


@asynccontextmanager
async def at_server(factory: VendorFactory, wire: Wire, replies: tuple[Reply, ...], chop: int) -> AsyncIterator[Stage]:
    async with serving(*(cut(wire(reply), chop) for reply in replies)) as server:
        try:
            yield Stage(engine=_AtServer(factory, server.url), left=server.left)
        finally:
            await factory.aclose()


class TestOpenAIChat(ModelEngineContract):
    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        async with at_server(openai_chat_factory(), chat_answer, replies, chop) as stage:
            yield stage


class TestOpenAIResponses(ModelEngineContract):
    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        async with at_server(openai_responses_factory(), responses_answer, replies, chop) as stage:
            yield stage


class TestAnthropic(ModelEngineContract):
    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        async with at_server(anthropic_factory(), anthropic_answer, replies, chop) as stage:
            yield stage


class TestPydanticAI(ModelEngineContract):
    plan = EnginePlan(profile="test", engine="test")

    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        import openai
        from pydantic_ai import Agent
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        async with (
            serving(*(cut(chat_answer(reply), chop) for reply in replies)) as server,
            openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client,
        ):
            agent = Agent(OpenAIChatModel("tiny", provider=OpenAIProvider(openai_client=client)))
            yield Stage(engine=agent_engine(agent)(self.plan), left=server.left)


class TestScripted(EngineContract):
    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        steps = [step for reply in replies for step in steps_of(reply)]
        script = {"script": 1, "defaults": {"chunk": chop or "all"}, "turns": [{"steps": steps}]}
        signals = Signals()

        async def left() -> None:
            while signals.waiting_count("never"):
                await asyncio.sleep(0)

        script_text = json.dumps(script)
        yield Stage(engine=ScriptedEngine(parse_script(script_text, form="json"), SystemClock(), signals), left=left)


class _Functions(EngineContract):
    """What all kinds of functions have in common: they yield values, and notice when they are closed."""

    def engine(self, values: list[Any], end: str, left: asyncio.Event) -> Engine:
        raise NotImplementedError

    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        left = asyncio.Event()
        values = [value for reply in replies for value in values_of(reply, chop)]
        yield Stage(engine=self.engine(values, replies[-1].end, left), left=left.wait)


def _end(end: str) -> None:
    if end in ("busy", "wrong"):
        raise EngineError("no", retryable=end == "busy")


class TestAsyncGenerator(_Functions):
    def engine(self, values: list[Any], end: str, left: asyncio.Event) -> Engine:
        async def answer(messages: Any) -> AsyncIterator[Any]:
            try:
                for value in values:
                    yield value
                _end(end)
                if end == "silent":
                    await asyncio.Event().wait()
            finally:
                left.set()

        return function_engine(answer)(self.plan)


class TestGenerator(_Functions):
    def engine(self, values: list[Any], end: str, left: asyncio.Event) -> Engine:
        import threading

        loop, stuck = asyncio.get_running_loop(), threading.Event()

        def answer(messages: Any) -> Any:
            try:
                yield from values
                _end(end)
                while end == "silent":
                    yield None  # a generator can be let go only where it yields
                    stuck.wait(0.001)
            finally:
                loop.call_soon_threadsafe(left.set)

        return function_engine(answer)(self.plan)
