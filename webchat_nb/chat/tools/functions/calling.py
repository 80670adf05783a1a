"""Calling a function as a tool: its arguments are checked, what it yields is told, what it returns is the result.

A plain function works in a thread, an async one on the event loop. Text that a generator yields is progress, an ``Ask``
is put to the person and ``yield`` gives the answer back: a dict, or None when there is none. The result is what the
function returns; a generator that returns nothing gives the last value that it yielded.

Nothing here needs a server: a notebook's kernel calls its functions in the same way, only in another place.

Rule: TL3, TL5.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import aclosing
from functools import partial
from types import GeneratorType
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.function_sources import AsyncValues, Source, ThreadValues
from webchat_nb.chat.tools.failures import log_failure, words_of
from webchat_nb.chat.tools.functions.signatures import Signature, code_of
from webchat_nb.chat.tools.functions.thread_context import ThreadSafeContext
from webchat_nb.chat.tools.ports import Ask, ToolContext, ToolDecision, ToolOutcome, ToolUse
from webchat_nb.chat.tools.results.outcomes import is_quick, outcome_of
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.errors import ToolError

Place = Callable[[Callable[[], Any]], Source]
"""Where plain functions work: begins a call, and has its values."""

_log: Final = logging.getLogger(__name__)


async def call_function(
    function: Callable[..., Any],
    signature: Signature,
    use: ToolUse,
    context: ToolContext,
    *,
    place: Place = ThreadValues,
) -> ToolOutcome:
    """Call a function; whatever it does wrong is an outcome with ``is_error``.

    Cancelling it cancels an async function and closes a generator; a plain function in a thread works on, unheard.

    Args:
        function: A function, async function, generator or async generator.
        signature: Of this function.
        use: What the model wants of it.
        context: Of this call; it is told ``executing`` once the arguments are found to fit.
        place: Where a plain function works, and where a result is made ready that takes time to read.

    Rule: TL3, TL5.
    """
    own = ThreadSafeContext(context)
    try:
        arguments = signature.read(use.input)
        arguments.update(dict.fromkeys(signature.context_names, own))
        context.executing()
        value = await _value_of(function, arguments, own, place)
        return outcome_of(value) if is_quick(value) else await _work(place, partial(outcome_of, value), own)
    except ToolError as error:
        return _failure(error.message or "The tool failed.")
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failure("CancelledError: the tool was cancelled from within")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model can go on from whatever a tool raises (TL1)
        log_failure(_log, f"the tool {use.name} failed", error)
        return _failure(words_of(error))
    finally:
        own.close()


def read_answer(decision: ToolDecision) -> dict[str, Any] | None:
    """What a function that asked is told: the answer, or None when the person declined or did not answer in time."""
    if not decision.is_approved:
        return None
    answer: dict[str, Any] = msgspec.json.decode(decision.input) if decision.input else {}
    return answer


def _failure(reason: str) -> ToolOutcome:
    return ToolOutcome(result=clean(reason), is_error=True)


async def _value_of(
    function: Callable[..., Any], arguments: dict[str, Any], context: ThreadSafeContext, place: Place
) -> Any:
    code = code_of(function)
    if inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
        value = function(**arguments)
    else:
        value = await _work(place, partial(function, **arguments), context)
    while True:  # a plain function may return what is to be awaited
        if isinstance(value, AsyncIterator):
            value = await _drain(AsyncValues(value), context)
        elif inspect.isawaitable(value):
            value = await value
        else:
            return value


async def _work(place: Place, call: Callable[[], Any], context: ThreadSafeContext) -> Any:
    """Make a call where plain functions work."""
    return await _drain(place(partial(_steps, call, context)), context)


@final
class _Returned:
    """What a plain function returned, as its last value."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _steps(call: Callable[[], Any], context: ThreadSafeContext) -> Generator[Any, Any, None]:
    """The questions of a call, then what it returns; in between, None for each value that it yields."""
    value = call()
    has_steps = isinstance(value, GeneratorType) and value.gi_code.co_name != "<genexpr>"  # that is only a list, later
    yield _Returned((yield from _hear(value, context)) if has_steps else value)


def _hear(values: Generator[Any, Any, Any], context: ThreadSafeContext) -> Generator[Any, Any, Any]:
    """Tell what a generator yields where it works, so that it stays in order with what its context is told."""
    last: Any = None
    reply: Any = None
    try:
        while True:
            value = values.send(reply)
            if isinstance(value, Ask):
                reply = yield value
                continue
            last = _heard(value, last, context)
            reply = yield None
    except StopIteration as end:
        return last if end.value is None else end.value
    finally:
        values.close()


def _heard(value: Any, last: Any, context: ThreadSafeContext) -> Any:
    """Tell a value that was yielded, if it is text; the last value after it."""
    if isinstance(value, str):
        context.progress(value)
    return last if value is None else value


async def _drain(source: Source, context: ThreadSafeContext) -> Any:
    """Take values to the end: what a plain function returned, else the last one."""
    last: Any = None
    reply: dict[str, Any] | None = None
    async with aclosing(source):
        while True:
            try:
                value = await source.next(reply)
            except StopAsyncIteration:
                return last
            reply = None
            if isinstance(value, Ask):
                reply = read_answer(await context.ask(value))
                continue
            if isinstance(value, _Returned):
                return value.value
            last = _heard(value, last, context)
