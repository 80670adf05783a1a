"""The loop of rounds: a model answers, its tools are called, it is told the results, it goes on.

Written once for every engine that talks with a model itself. What differs between vendors is a ``Dialogue``: how a
request looks, and what its stream means.

Rule: EN8, TL1, TL9.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from webchat_nb.chat.engine import (
    EngineEvent,
    Finish,
    RunRequest,
    TextDelta,
    ThinkingDelta,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.tools import ToolBox, ToolNews, ToolOutcome, ToolUse
from webchat_nb.engines.past import PastCall, rounds_of, spent_in
from webchat_nb.errors import EngineError

MAX_ROUNDS: Final = 16
"""How often a model is asked in one run, unless the plan's options say otherwise (``max_rounds``)."""

_log = logging.getLogger(__name__)


class Dialogue(Protocol):
    """What one run and one model say to each other; it keeps the messages as the vendor wants them."""

    def ask(self) -> AsyncIterator[EngineEvent]:
        """Send the messages and yield what comes back.

        Text and thoughts as they arrive; a call from its start to ``ToolCallRequested`` once its arguments are
        complete; ``Usage`` of this request alone; at the end one ``Finish``.

        Raises:
            EngineError: The answer is not whole: it could not be had, broke off, or made no sense.
        """

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        """Take an answer from before a restart, as if ``ask`` had just yielded it (TL9).

        Args:
            said: Its texts, thoughts, and the beginnings of its calls, in order.
            calls: Its calls, in their order.
        """

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        """Take what the model is told next: the results of its calls, in their order, then what the user said meanwhile."""


async def converse(
    begin: Callable[[], Awaitable[Dialogue]], request: RunRequest, *, max_rounds: int = MAX_ROUNDS
) -> AsyncIterator[EngineEvent]:
    """Ask until the model calls no tool any more.

    Usage is told as the sum so far, and ``Finish`` once, as the last record. What the user steers to the run is taken
    between two rounds (RN13). A run that goes on after a restart has its rounds told from the log instead of asking the
    model for them again, and goes on with the open one (TL9).

    Args:
        begin: Begins the dialogue with the model.
        request: Whose tools are called; without a box every call gets an error as its result.
        max_rounds: How often the model is asked.

    Raises:
        EngineError: The model could not answer; or ``too_many_rounds``: it wants to call tools in the last round too.
            The calls of that round have got an error as their result. ``CANNOT_GO_ON``: as it says.
    """
    so_far = request.so_far or ()
    past, spent = rounds_of(so_far), spent_in(so_far)
    dialogue = await begin()
    for round in past:
        dialogue.recall(round.said, round.calls)
        settled: dict[str, ToolCallResult] = {}
        async with aclosing(_go_on(request.tools, round.calls)) as late:  # type: ignore[type-var]
            async for item in late:
                if isinstance(item, ToolCallResult):
                    settled[item.call_id] = item
                yield item
        prompts = round.prompts or [steered.prompt for steered in request.steering.take()]
        dialogue.answer([call.result or settled[call.use.call_id] for call in round.calls], prompts)
    for round_number in range(len(past) + 1, max_rounds + 1):
        names: dict[str, str] = {}
        uses: list[ToolUse] = []
        here = Usage()
        finish: Finish | None = None
        async with aclosing(dialogue.ask()) as records:  # type: ignore[type-var]
            async for record in records:
                match record:
                    case TextDelta() | ThinkingDelta():  # first, as nearly all records are one of these
                        if record.text:  # servers begin and end with empty pieces
                            yield record
                        continue
                    case Usage():
                        here = record
                        yield _sum(spent, here)
                        continue
                    case Finish():
                        finish = record
                        continue
                    case ToolCallStarted():
                        names[record.call_id] = record.tool_name
                    case ToolCallRequested():
                        name = names.get(record.call_id, "")
                        uses.append(ToolUse(call_id=record.call_id, name=name, input=record.input))
                yield record
        if not uses:
            if finish is not None:
                yield finish
            return
        spent = _sum(spent, here)
        if round_number == max_rounds:
            break
        results: dict[str, ToolCallResult] = {}
        async with aclosing(use_tools(request.tools, uses)) as news:  # type: ignore[type-var]
            async for item in news:
                if isinstance(item, ToolCallResult):
                    results[item.call_id] = item
                yield item
        dialogue.answer([results[use.call_id] for use in uses], [steered.prompt for steered in request.steering.take()])
    for use in uses:
        yield ToolCallResult(use.call_id, "not called: the limit of rounds is reached", is_error=True)
    raise EngineError(f"the model still wanted to call tools after {max_rounds} rounds", code="too_many_rounds")


async def _go_on(tools: ToolBox | None, calls: Sequence[PastCall]) -> AsyncIterator[ToolNews | ToolCallResult]:
    """Give the calls that have no result one: by making those that can never have been made."""
    for call in calls:
        if call.result is None and not call.may_be_made:
            yield call.lost
    uses = [call.use for call in calls if call.may_be_made]
    async with aclosing(use_tools(tools, uses)) as news:  # type: ignore[type-var]
        async for item in news:
            yield item


async def use_tools(tools: ToolBox | None, uses: Sequence[ToolUse]) -> AsyncIterator[ToolNews | ToolCallResult]:
    """Make calls at the same time; yield what happens, each call's result last.

    Closing it cancels the calls that are under way and waits for them to let go.
    """
    if tools is None:
        for use in uses:
            yield ToolCallResult(use.call_id, f"no tool {use.name} is registered", is_error=True)
        return
    news: asyncio.Queue[ToolNews | ToolCallResult] = asyncio.Queue()
    tasks = [asyncio.create_task(_use(tools, use, news), name=f"webchat-tool-{use.call_id}") for use in uses]
    open_count = len(tasks)
    try:
        while open_count:
            item = await news.get()
            open_count -= isinstance(item, ToolCallResult)
            yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _use(tools: ToolBox, use: ToolUse, news: asyncio.Queue[ToolNews | ToolCallResult]) -> None:
    try:
        outcome = await tools.call(use, news.put_nowait)
    except Exception:  # noqa: BLE001 - a box that breaks its promise must not leave the run waiting
        _log.exception("the tool %s failed", use.name)
        outcome = ToolOutcome(result="The tool failed; the server's log says why.", is_error=True)
    news.put_nowait(result_of(use.call_id, outcome))


def result_of(call_id: str, outcome: ToolOutcome) -> ToolCallResult:
    """The record that ends a call."""
    return ToolCallResult(
        call_id,
        outcome.result,
        outcome.is_error,
        media_type=outcome.media_type,
        content=outcome.content,
        attachment_id=outcome.attachment_id,
    )


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens)
