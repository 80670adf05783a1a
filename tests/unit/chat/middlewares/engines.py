"""Small engines to stand inside a middleware, and requests to ask them with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from webchat_nb.chat.engine import Engine, EngineEvent, HistoryMessage, RunRequest, TextDelta
from webchat_nb.chat.middlewares import Surroundings
from webchat_nb.chat.middlewares.registry import MiddlewareRegistry
from webchat_nb.chat.plan import EnginePlan, MiddlewareUse
from webchat_nb.testing.clock import ManualClock

Act = EngineEvent | BaseException | Callable[[], Any]


class PlayedEngine:
    """Plays one list of acts for each time it is asked: records are yielded, exceptions raised, calls awaited."""

    def __init__(self, *attempts: Sequence[Act]) -> None:
        self.requests: list[RunRequest] = []
        self.closed_count = 0
        self._attempts = attempts

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        acts = self._attempts[min(len(self.requests), len(self._attempts) - 1)]
        self.requests.append(request)
        try:
            for act in acts:
                if isinstance(act, BaseException):
                    raise act
                if callable(act):
                    await act()
                else:
                    yield act
        finally:
            self.closed_count += 1


def history(*contents: str) -> list[HistoryMessage]:
    """Prompts and answers in turn."""
    return [
        HistoryMessage(role="user" if index % 2 == 0 else "assistant", content=content)
        for index, content in enumerate(contents)
    ]


def request(prompt: str = "hello", *, system_prompt: str | None = None, **more: Any) -> RunRequest:
    """A request for the run ``run-1``."""
    return RunRequest(
        session_id="c1",
        run_id="run-1",
        root_id="t-1",
        prompt=prompt,
        turn=1,
        history=more.pop("history", ()),
        plan=EnginePlan(profile="default", engine="played", system_prompt=system_prompt),
        **more,
    )


def wrapped(
    engine: Engine,
    name: str,
    config: dict[str, Any] | None = None,
    *,
    clock: ManualClock | None = None,
    random: Callable[[], float] = lambda: 0.5,
) -> Engine:
    """An engine inside one middleware."""
    registry = MiddlewareRegistry(clock=clock or ManualClock(), random=random)
    return registry.wrap(engine, [MiddlewareUse(name, config or {})])


def surroundings(clock: ManualClock | None = None) -> Surroundings:
    """A clock that stands still, and no chance."""
    return Surroundings(clock=clock or ManualClock(), random=lambda: 0.5)


async def heard(engine: Engine, asked: RunRequest | None = None) -> list[EngineEvent]:
    """All records of one run."""
    return [record async for record in engine.run(asked or request())]


async def text_of(engine: Engine, asked: RunRequest | None = None) -> str:
    """The answer's text."""
    return "".join([record.text for record in await heard(engine, asked) if isinstance(record, TextDelta)])
