"""Branches, the line and steering: whatever is asked in whatever order, turns stay a tree and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.board_machine import QUICK
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import RunRequest, TextDelta
from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.errors import NotWaitingError
from webchat_nb.stream import Ordinal, session_id
from webchat_nb.testing.fold import rows_timeline
from webchat_nb.wire.requests import CancelRequest, Limits, Principal, SubmitRequest

TALK = session_id("talk")
ANN = Principal(user="ann")
ENDS = {"ChatInferenceFinished", "ChatInferenceStopped", "ChatInferenceFailed", "ChatInferenceInterrupted"}
WHOLE = 10_000
BOUNDED_S = 20.0

which = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("prompt"), st.sampled_from(["queue", "replace", "steer"]), st.booleans()),
    st.tuples(st.just("follow"), which, st.booleans()),
    st.tuples(st.just("again"), which, st.booleans()),
    st.tuples(st.just("move"), which, st.integers(1, 5)),
    st.tuples(st.just("drop"), which, st.just(0)),
    st.tuples(st.just("stop"), st.just(0), st.just(0)),
    st.tuples(st.just("go"), st.integers(1, 3), st.just(0)),
    st.tuples(st.just("turns"), st.integers(1, 20), st.just(0)),
)


class Talker:
    """An engine that waits where the prompt says so, takes what is steered to it, and remembers what it was told."""

    accepts_steering = True

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []
        self.gate = asyncio.Semaphore(0)

    async def run(self, request: RunRequest) -> Any:
        self.requests.append(request)
        yield TextDelta("Said.")
        if "wait" in request.prompt:
            await self.gate.acquire()
        for steered in request.steering.take():
            yield TextDelta(f"Also {steered.prompt}.")


class Talk:
    """One conversation while it is driven."""

    def __init__(self, app: ChatApp, engine: Talker) -> None:
        self.app, self.engine = app, engine
        self.prompts: list[str] = []

    async def entities(self) -> dict[tuple[str, str], dict[str, Any]]:
        snapshot = await self.app.hub.snapshot(TALK, window=WHOLE)
        return dict(rows_timeline(snapshot.entities))

    async def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [entity for (found, _), entity in (await self.entities()).items() if found == kind]

    async def do(self, step: Sequence[Any]) -> None:
        match step:
            case ("prompt", on_busy, waits):
                await self.ask(self.new_prompt(waits), on_busy=on_busy)
            case ("follow", number, waits):
                messages = [""] + [message["messageId"] for message in await self.of_kind("ChatMessage")]
                await self.ask(self.new_prompt(waits), parent=messages[number % len(messages)])
            case ("again", number, _):
                said = [m["messageId"] for m in await self.of_kind("ChatMessage") if m["role"] == "assistant"]
                if said:
                    await self.ask(None, regenerate=said[number % len(said)])
            case ("move" | "drop" as what, number, place):
                runs = await self.of_kind("ChatRun")
                with suppress(NotWaitingError):
                    if runs and what == "move":
                        await self.app.service.move(ANN, TALK, runs[number % len(runs)]["runId"], place)
                    elif runs:
                        await self.app.service.drop(ANN, TALK, runs[number % len(runs)]["runId"])
            case ("stop", _, _):
                if self.prompts:
                    await self.app.service.cancel(ANN, CancelRequest(conv_id=TALK))
            case ("go", count, _):
                for _ in range(count):
                    self.engine.gate.release()
            case ("turns", count, _):
                for _ in range(count):
                    await asyncio.sleep(0)

    def new_prompt(self, waits: bool) -> str:
        self.prompts.append(f"{'wait' if waits else 'say'} {len(self.prompts)}")
        return self.prompts[-1]

    async def ask(self, prompt: str | None, **more: Any) -> None:
        await self.app.service.submit(ANN, SubmitRequest(prompt=prompt, conv_id=TALK, **more))

    async def finish(self) -> None:
        for _ in range(100):
            self.engine.gate.release()
        await self.app.service.wait_idle(ANN, TALK)

    async def check(self) -> None:
        log = await self.app.hub.events(TALK, after=Ordinal(0), limit=WHOLE)
        running, ended, begun = None, list[str](), list[str]()
        for event in log:
            run_id = getattr(event.payload, "run_id", "")
            if event.name == "ChatInferenceStarted":
                assert running is None
                running = run_id
                begun.append(run_id)
            elif event.name in ENDS:
                ended.append(run_id)
                running = None if running == run_id else running
        runs = {run["runId"]: run for run in await self.of_kind("ChatRun")}
        assert sorted(ended) == sorted(runs) and len(set(begun)) == len(begun), "each run begins and ends once"
        assert await self.app.hub.entities(TALK, OPEN_RUN) == []
        if log:
            assert (await self.app.hub.rebuild(TALK)).is_same
        messages = {message["messageId"]: message for message in await self.of_kind("ChatMessage")}
        said = sorted(message["content"] for message in messages.values() if message["role"] == "user")
        assert said == sorted(self.prompts), "each prompt is there once"
        self.check_tree(messages, runs)

    def check_tree(self, messages: dict[str, dict[str, Any]], runs: dict[str, dict[str, Any]]) -> None:
        for message in messages.values():
            seen: set[str] = set()
            parent = message.get("parentMessageId", "")
            while parent:
                assert parent in messages and parent not in seen, "parents lead to the beginning"
                seen.add(parent)
                parent = messages[parent].get("parentMessageId", "")
        prompt_ids = {run["messageId"] for run in runs.values()}
        for request in self.engine.requests:
            path = [message.message_id for message in request.history if message.message_id in prompt_ids]
            path.append(runs[request.run_id]["messageId"])
            assert len(path) == request.turn
            assert not messages[path[0]].get("parentMessageId"), "what is told begins at the beginning"
            for before, after in pairwise(path):
                followed = messages[messages[after]["parentMessageId"]]
                is_prompt = followed["messageId"] in prompt_ids
                prompt_id = followed["messageId"] if is_prompt else runs[followed["runId"]]["messageId"]
                assert prompt_id == before, "each turn follows the one that was told before it"


async def drive(steps: Sequence[Sequence[Any]]) -> None:
    engine = Talker()
    profiles = {"default": "p", "profiles": [{"slug": "p", "engine": "talker"}]}
    config = Config(profiles=profiles, engines={"talker": lambda plan: engine}, limits=Limits(max_queue=1000))
    async with asyncio.timeout(BOUNDED_S), build(config) as app:
        talk = Talk(app, engine)
        for step in steps:
            await talk.do(step)
        await talk.finish()
        await talk.check()


@pytest.mark.rule("RN1", "RN2", "RN14", "RN10", "RN11", "RN13", "PL3")
@given(steps=st.lists(steps, max_size=25))
@settings(QUICK, max_examples=60)
def test_turns_stay_a_tree_and_nothing_is_lost(steps: list[Sequence[Any]]) -> None:
    asyncio.run(drive(steps))


@pytest.mark.nightly
@pytest.mark.timeout(3000)
@given(steps=st.lists(steps, max_size=60))
@settings(QUICK, max_examples=3000)
def test_turns_stay_a_tree_for_long(steps: list[Sequence[Any]]) -> None:
    asyncio.run(drive(steps))
