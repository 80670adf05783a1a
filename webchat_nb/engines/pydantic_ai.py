"""pydantic-ai agents, with their own tools, their thinking, and their questions to a person.

``engine: pydantic-ai`` makes an agent of the profile's model, such as ``openai:gpt-5``; an agent of one's own is named as
``module:object``, or given to ``agent_engine``. The agent's tools run inside of the agent; those of the profile are
offered to it besides. A tool that wants approval, or that the agent calls outside, is passed on to the run's tool box;
without one, approval is denied.

Rule: EN3, EN4, EN5, TL1, TL2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, final

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest, ToolCallExecuting
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import ToolNews
from webchat_nb.engines.pydantic_ai_errors import agent_errors_told
from webchat_nb.engines.pydantic_ai_records import AgentRecords
from webchat_nb.engines.tool_loop import MAX_ROUNDS
from webchat_nb.engines.transcript import lines_of
from webchat_nb.engines.vendor_engine import as_text
from webchat_nb.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.agent import AbstractAgent
    from pydantic_ai.messages import ModelMessage, UserContent
    from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults

_PACKAGE: Final = "pip install webchat-nb[pydantic-ai]"
_AHEAD: Final = 64
"""How many events an agent may be ahead of whoever takes them."""


@final
class PydanticAIFactory:
    """The factory that is registered as ``pydantic-ai``: an agent of the profile's model, without tools of its own."""

    def __call__(self, plan: EnginePlan) -> Engine:
        """Build an engine; the agent is made when it first answers.

        Raises:
            ConfigError: The plan cannot be used, or the package is not installed.
        """
        where = f"profile {plan.profile!r}"
        if find_spec("pydantic_ai") is None:
            raise ConfigError(f"{where}: engine {plan.engine!r} needs: {_PACKAGE}")
        if not plan.model:
            raise ConfigError(
                f"{where}: model: expected a model as pydantic-ai names it, such as openai:NAME, got none"
            )
        for key in ("base_url", "api_key_env"):
            if getattr(plan, key):
                raise ConfigError(f"{where}: {key}: give an agent of your own a model with it, as module:object")
        return AgentEngine(None)

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        """The package, when it is not there."""
        return [] if find_spec("pydantic_ai") is not None else [_PACKAGE]


@final
class AgentFactory:
    """Builds engines around an agent of one's own."""

    def __init__(self, agent: AbstractAgent[Any, Any], *, deps: Any = None) -> None:
        self._agent = agent
        self._deps = deps

    def __call__(self, plan: EnginePlan) -> Engine:
        """An engine; agents hold nothing between runs, so all conversations may share one."""
        return AgentEngine(self._agent, deps=self._deps)


def agent_engine(agent: AbstractAgent[Any, Any], *, deps: Any = None) -> AgentFactory:
    """Let an agent of one's own answer prompts.

    Put what it returns into ``Config.engines``, or name the agent as ``module:object`` in a profile.
    What the profile says goes before the agent's own: its system prompt is added to the instructions, its model and
    options replace those of the agent.

    Args:
        agent: The agent.
        deps: What its tools get as their dependencies.
    """
    return AgentFactory(agent, deps=deps)


@final
class AgentEngine:
    """Answers with an agent; closing a run cancels the agent's, and with it the HTTP stream."""

    def __init__(self, agent: AbstractAgent[Any, Any] | None, *, deps: Any = None) -> None:
        self._agent = agent
        self._deps = deps

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The model could not answer, or the agent gave up.
        """
        if self._agent is None:
            self._agent = (await asyncio.to_thread(_import)).Agent()
        exchange = _Exchange(request)
        with agent_errors_told(request.plan):
            async with aclosing(exchange.follow(self._agent, self._deps)) as records:  # type: ignore[type-var]
                async for record in records:
                    yield record


def _import() -> Any:
    """In a thread: it takes a second or two."""
    import pydantic_ai
    import pydantic_ai.capabilities
    import pydantic_ai.toolsets

    return pydantic_ai


class _End(msgspec.Struct, frozen=True):
    """How the agent's run came to its end."""

    error: BaseException | None = None


@final
class _Exchange:
    """One run of an agent: its events, and what its tools tell meanwhile, as one stream of records."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._records = AgentRecords(request.root_id)
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._slots = asyncio.Semaphore(_AHEAD)
        self._news: list[ToolNews] = []

    async def follow(self, agent: AbstractAgent[Any, Any], deps: Any) -> AsyncIterator[EngineEvent]:
        pump = asyncio.create_task(self._pump(agent, deps), name=f"webchat-agent-{self._request.run_id}")
        try:
            while True:
                item = await self._arrived.get()
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                if isinstance(item, ToolNews):
                    self._news.append(item)
                else:
                    self._slots.release()
                    for record in self._records.read(item):
                        yield record
                for news in self._take_news():
                    yield news
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    def _take_news(self) -> Sequence[ToolNews]:
        """What tools told; of a call whose request is still on its way, when that has come."""
        ready = [news for news in self._news if news.call_id in self._records.requested]
        self._news = [news for news in self._news if news.call_id not in self._records.requested]
        return ready

    async def _pump(self, agent: AbstractAgent[Any, Any], deps: Any) -> None:
        end = _End()
        try:
            messages, prompt = await _messages_of(self._request)
            async with agent.run_stream_events(
                prompt, message_history=messages, deps=deps, infer_name=False, **self._arguments()
            ) as events:
                async for event in events:
                    await self._slots.acquire()
                    self._arrived.put_nowait(event)
        except Exception as error:  # noqa: BLE001 - it is raised where the records are taken
            end = _End(error)
        self._arrived.put_nowait(end)

    def _arguments(self) -> dict[str, Any]:
        from pydantic_ai.capabilities import HandleDeferredToolCalls, Hooks
        from pydantic_ai.tools import ToolDefinition
        from pydantic_ai.toolsets import ExternalToolset
        from pydantic_ai.usage import UsageLimits

        plan, tools = self._request.plan, self._request.tools
        options = dict(plan.options)
        arguments: dict[str, Any] = {
            "capabilities": [
                Hooks(before_tool_execute=self._begin_tool),
                HandleDeferredToolCalls(handler=self._decide),
            ],
            "usage_limits": UsageLimits(request_limit=options.pop("max_rounds", MAX_ROUNDS)),
        }
        if options:
            arguments["model_settings"] = options
        if plan.model:
            arguments["model"] = plan.model
        if plan.system_prompt:
            arguments["instructions"] = plan.system_prompt
        if tools is not None and (schemas := tools.schemas()):
            definitions = [
                ToolDefinition(
                    name=schema.name, description=schema.description, parameters_json_schema=dict(schema.input_schema)
                )
                for schema in schemas
            ]
            arguments["toolsets"] = [ExternalToolset(definitions)]
        return arguments

    async def _begin_tool(self, context: Any, *, call: Any, tool_def: Any, args: Any) -> Any:
        """One of the agent's own tools goes to work."""
        self._tell(ToolCallExecuting(self._records.call_id(call.tool_call_id)))
        return args

    async def _decide(self, context: Any, requests: DeferredToolRequests) -> DeferredToolResults:
        """Answer what the agent leaves to others: calls outside, and questions to a person."""
        from pydantic_ai.tools import DeferredToolResults

        results = DeferredToolResults()
        calls = [self._call(part, results) for part in requests.calls]
        await asyncio.gather(*calls, *(self._approve(part, results) for part in requests.approvals))
        return results

    async def _call(self, part: Any, results: DeferredToolResults) -> None:
        from pydantic_ai.exceptions import ToolFailed

        use, tools = self._records.use_of(part), self._request.tools
        if tools is None:
            results.calls[part.tool_call_id] = ToolFailed(f"no tool {use.name} is registered")
            return
        outcome = await tools.call(use, self._tell)
        results.calls[part.tool_call_id] = ToolFailed(outcome.result) if outcome.is_error else outcome.result

    async def _approve(self, part: Any, results: DeferredToolResults) -> None:
        from pydantic_ai.tools import ToolApproved, ToolDenied

        use, tools = self._records.use_of(part), self._request.tools
        if tools is None:
            results.approvals[part.tool_call_id] = ToolDenied("there is nobody to ask")
            return
        decision = await tools.decide(use, self._tell)
        if not decision.is_approved:
            results.approvals[part.tool_call_id] = ToolDenied(decision.reason or "the user said no")
            return
        edited = None if decision.input is None else msgspec.json.decode(decision.input)
        results.approvals[part.tool_call_id] = ToolApproved(override_args=edited)

    def _tell(self, news: ToolNews) -> None:
        self._arrived.put_nowait(news)


async def _messages_of(request: RunRequest) -> tuple[list[ModelMessage], str | Sequence[UserContent]]:
    """The history as pydantic-ai has it, and the prompt."""
    from pydantic_ai.messages import BinaryContent, ModelRequest, ModelResponse, TextPart, UserPromptPart

    contents: list[tuple[str, Any]] = []
    for line in lines_of(request):
        content: Any = line.text
        if line.attachments:
            content = [line.text] if line.text else []
            for file in line.attachments:
                data = await file.read()
                text = as_text(file, data)
                content.append(text if text is not None else BinaryContent(data, media_type=file.media_type))
        contents.append((line.role, content))
    *earlier, (_, prompt) = contents
    messages: list[ModelMessage] = [
        ModelRequest(parts=[UserPromptPart(content)]) if role == "user" else ModelResponse(parts=[TextPart(content)])
        for role, content in earlier
    ]
    return messages, prompt
