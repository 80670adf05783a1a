"""A Python function as an engine: ``Config(engines={"mine": function_engine(answer)})``, or ``@app.engine``.

It may be a function, an async function, a generator or an async generator. Its first argument is the conversation: the
messages so far, the prompt last. Arguments called ``prompt`` and ``request`` get these instead. What it may answer with
stands in ``function_values``. A call is made by yielding it; ``yield`` then gives the tool's outcome. A question is asked
in the same way; ``yield`` gives the answer, a dict, or None when the person declined or did not answer in time::

    def answer(messages):
        outcome = yield {"call": {"tool": "get_weather", "args": {"city": "Paris"}}}
        yield f"It is {outcome.result}."
        said = yield {"ask": {"question": "And where are you?"}}
        yield f"In {said['answer']}, then." if said else "Never mind."

Rule: EN2, TL5.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final, final

import msgspec
from msgspec import UNSET

from webchat_nb.chat.engine import (
    ApprovalAsked,
    Engine,
    EngineEvent,
    Finish,
    HistoryMessage,
    RunRequest,
    ToolCallArgumentsDelta,
    ToolCallExecuting,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
)
from webchat_nb.chat.function_sources import AsyncValues, OneValue, Source, ThreadValues
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import Ask, ToolOutcome, ToolUse
from webchat_nb.chat.tools.functions.calling import read_answer
from webchat_nb.chat.tools.questions import check_question, question_asked
from webchat_nb.engines.function_values import read_value
from webchat_nb.engines.script import Call
from webchat_nb.engines.tool_loop import use_tools
from webchat_nb.errors import BadRequestError, ConfigError, EngineError
from webchat_nb.stream.clock import Clock, SystemClock

EngineFunction = Callable[..., Any]
"""A function, async function, generator or async generator that answers."""

_BY_NAME: Final[Mapping[str, Callable[[RunRequest], Any]]] = {
    "prompt": lambda request: request.prompt,
    "request": lambda request: request,
    "history": lambda request: _conversation(request),
    "messages": lambda request: _conversation(request),
}
"""Arguments that a function gets by their names."""


@final
class FunctionFactory:
    """Builds engines that answer with a function.

    Args:
        function: A function, async function, generator or async generator.
        version: Another one for another function of the same name (EP1).
        clock: What the time of a question is reckoned from.

    Raises:
        ConfigError: The function wants an argument that nobody has.
    """

    def __init__(self, function: EngineFunction, *, version: str = "", clock: Clock | None = None) -> None:
        if not callable(function):
            raise ConfigError(f"expected a function, got a {type(function).__name__}")
        self._function = function
        self._arguments = _arguments_of(function)
        self._version = version
        self._clock = clock or SystemClock()

    def __call__(self, plan: EnginePlan) -> Engine:
        """An engine; the function is called for each prompt."""
        return FunctionEngine(self._function, self._arguments, self._clock)

    def version(self, plan: EnginePlan) -> str:
        """Of the function."""
        return self._version

    def problem(self, plan: EnginePlan) -> str | None:
        """Never one: a function that cannot be used is refused at once."""
        return None


function_engine = FunctionFactory


@final
class FunctionEngine:
    """Answers each prompt with one call of a function.

    A plain function works in a thread of its own; an async one on the event loop, which it must not block.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Mapping[str, Callable[[RunRequest], Any]], clock: Clock
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._clock = clock

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The function raised one, yielded ``fail``, or yielded what means nothing.
            Exception: Whatever else the function raised.
        """
        call_count = ask_count = 0
        reply: Any = None
        async with aclosing(await self._begin(request)) as source:
            while True:
                try:
                    value = await source.next(reply)
                except StopAsyncIteration:
                    return
                reply = None
                said = read_value(value)
                if isinstance(said, Call):
                    call_count += 1
                    async with aclosing(_make_call(said, request, call_count)) as records:  # type: ignore[type-var]
                        async for record in records:
                            if isinstance(record, ToolCallResult):
                                reply = ToolOutcome(result=record.result, is_error=record.is_error)
                            yield record
                    continue
                if isinstance(said, Ask):
                    ask_count += 1
                    asked = await _question(said, f"{request.root_id}:ask:{ask_count}", self._clock.now_ms())
                    yield asked
                    if request.approvals is not None:
                        made = request.approvals.decision(asked.approval_id, expires_at_ms=asked.expires_at_ms)
                        reply = read_answer(await made)
                    continue
                for record in said:
                    yield record
                    if isinstance(record, Finish):
                        return  # it was the last word

    async def _begin(self, request: RunRequest) -> Source:
        call = partial(self._function, **{name: value(request) for name, value in self._arguments.items()})
        code = _code_of(self._function)
        if inspect.isasyncgenfunction(code):
            return AsyncValues(call())
        if inspect.iscoroutinefunction(code):
            value = await call()
            return AsyncValues(value) if isinstance(value, AsyncIterator) else OneValue(value)
        return ThreadValues(call)


def _arguments_of(function: Callable[..., Any]) -> dict[str, Callable[[RunRequest], Any]]:
    """What each argument of the function gets."""
    arguments: dict[str, Callable[[RunRequest], Any]] = {}
    for position, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ConfigError(f"the engine's function {_name(function)}: {name}: expected an argument that has a name")
        if name in _BY_NAME:
            arguments[name] = _BY_NAME[name]
        elif position == 0:
            arguments[name] = _conversation
        elif parameter.default is parameter.empty:
            raise ConfigError(
                f"the engine's function {_name(function)}: {name}: expected messages, history, prompt or request"
            )
    return arguments


def _code_of(function: Any) -> Any:
    """What says whether a call of it is to be awaited: of an object that can be called, its method."""
    if isinstance(function, partial):
        return _code_of(function.func)
    return function if inspect.isroutine(function) else type(function).__call__


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _conversation(request: RunRequest) -> list[HistoryMessage]:
    prompt = HistoryMessage(role="user", content=request.prompt, attachments=request.attachments)
    return [*request.history, prompt]


async def _question(ask: Ask, approval_id: str, now_ms: int) -> ApprovalAsked:
    try:
        await check_question(ask)
        return question_asked(ask, approval_id=approval_id, now_ms=now_ms)
    except BadRequestError as error:
        reason = f"the engine's function asked what cannot be asked: {error.message}"
        raise EngineError(reason, code="unreadable_answer") from None


async def _make_call(call: Call, request: RunRequest, number: int) -> AsyncIterator[EngineEvent]:
    """A call from its start to its result: the one that the function brings, else the tool's."""
    call_id = f"{request.root_id}:call:{number}"
    arguments = msgspec.json.encode(call.args).decode()
    yield ToolCallStarted(call_id, call.tool)
    yield ToolCallArgumentsDelta(call_id, arguments)
    yield ToolCallRequested(call_id, arguments)
    if call.error is not UNSET:
        yield ToolCallExecuting(call_id)
        yield ToolCallResult(call_id, call.error, is_error=True)
    elif call.result is not UNSET:
        yield ToolCallExecuting(call_id)
        result = call.result if isinstance(call.result, str) else msgspec.json.encode(call.result).decode()
        yield ToolCallResult(call_id, result)
    else:
        use = ToolUse(call_id=call_id, name=call.tool, input=arguments)
        async with aclosing(use_tools(request.tools, [use])) as news:  # type: ignore[type-var]
            async for item in news:
                yield item
