"""How long an answer may take."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import chat, entities, idle, run_states, submit, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import RunRequest, TextDelta
from webchat_nb.errors import ConfigError
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import Principal, SubmitRequest


@pytest.mark.rule("RN12", "RN2")
async def test_an_answer_that_takes_too_long_fails_and_the_line_goes_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, run_timeout_s=30) as app:
        await submit(app.service, "wait")
        await submit(app.service, "two")
        await app.signals.reached("go")
        clock.jump(29)
        assert await run_states(app) == ["running", "queued"]
        clock.jump(1)
        await idle(app.service)
        failed, second = await entities(app, "ChatRun")
        assert (failed["status"], failed["retryable"]) == ("failed", True)
        assert failed["error"] == "The answer took longer than 30 s."
        assert second["status"] == "finished"
        events = await app.hub.events("c1", after=0, limit=1000)  # type: ignore[arg-type]
        (end,) = [event.payload for event in events if event.name == "ChatInferenceFailed"]
        assert end.code == "timeout"  # type: ignore[attr-defined]
        message = next(m for m in await entities(app, "ChatMessage") if m["role"] == "assistant")
        assert (message["content"], message["status"], "streaming" in message) == ("Before ", "failed", False)


@pytest.mark.rule("RN12")
async def test_an_answer_in_time_is_not_troubled_later(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, run_timeout_s=30) as app:
        await submit(app.service, "hi")
        await idle(app.service)
        await submit(app.service, "wait")
        await app.signals.reached("go")
        clock.jump(29)
        app.signals.send("go")
        await idle(app.service)
        clock.jump(100)
        assert await run_states(app) == ["finished", "finished"]


@pytest.mark.rule("RN12")
async def test_without_a_limit_an_answer_may_take_for_ever(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await submit(app.service, "wait")
        await app.signals.reached("go")
        clock.jump(10**6)
        app.signals.send("go")
        await idle(app.service)
        assert await run_states(app) == ["finished"]


class Stubborn:
    """An engine that does not let go when it is told."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()

    async def run(self, request: RunRequest) -> Any:
        yield TextDelta("x")
        while not self.may_go.is_set():
            try:
                await self.may_go.wait()
            except asyncio.CancelledError:
                continue


@pytest.mark.rule("RN12")
async def test_the_limit_of_the_profile_wins_and_an_engine_that_does_not_let_go_is_not_waited_for() -> None:
    clock, engine = ManualClock(), Stubborn()
    profiles = {"default": "p", "profiles": [{"slug": "p", "engine": "stubborn", "timeout_s": 5}]}
    config = Config(profiles=profiles, engines={"stubborn": lambda plan: engine}, clock=clock, run_timeout_s=1000)
    async with build(config) as app:
        await app.service.submit(Principal(), SubmitRequest(prompt="hi", conv_id="c1"))
        await until(lambda: _is_answering(app))
        clock.jump(5)
        try:
            await idle(app.service)
            assert await run_states(app) == ["failed"]
        finally:
            engine.may_go.set()


async def _is_answering(app: ChatApp) -> bool:
    return any(message["role"] == "assistant" for message in await entities(app, "ChatMessage"))


@pytest.mark.rule("RN12")
@pytest.mark.parametrize("limit", [0, -1, float("inf")])
def test_a_limit_that_means_nothing_is_refused(limit: float) -> None:
    profiles = {"default": "p", "profiles": [{"slug": "p", "script": "builtin:demo", "timeout_s": limit}]}
    with pytest.raises(ConfigError, match="timeout_s"):
        build(Config(profiles=profiles))
