"""Prompts that a running engine takes between two of its steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, chat, entities, event_names, idle, run_states, submit, texts, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import RunRequest, TextDelta
from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.errors import QueueFullError
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import CancelRequest, Limits

C1 = session_id("c1")

SCRIPT = """
script: 1
turns:
  - match: work
    steps: [{say: "Working."}, {wait_for: ready}, {wait_for_steer: true}, {say: "You want {steer}."}, {wait_for: end}]
  - match: deaf
    steps: [{say: "Busy."}, {wait_for: end}]
  - match: broken
    steps: [{say: "Busy."}, {wait_for: end}, {fail: {message: "no"}}]
  - steps: [{say: "You said: {prompt}"}]
"""


@asynccontextmanager
async def steerable(tmp_path: Path, *, db: str = "memory", **config: Any) -> AsyncIterator[ChatApp]:
    """A chat whose engine takes prompts while it works."""
    script = tmp_path / "steer.yaml"
    script.write_text(SCRIPT, encoding="utf-8")
    profiles = {"default": "p", "profiles": [{"slug": "p", "script": str(script)}]}
    async with build(Config(db=db, profiles=profiles, **config)) as app:
        yield app


async def begun(app: ChatApp, prompt: str = "work") -> Any:
    """A run whose engine has said that it takes prompts."""
    answer = await submit(app.service, prompt)
    await app.signals.reached("ready" if prompt == "work" else "end")
    await until(lambda: _is_offered(app))
    return answer


async def _is_offered(app: ChatApp) -> bool:
    return "ChatSteeringOffered" in await event_names(app)


async def steer(app: ChatApp, prompt: str, **more: Any) -> Any:
    return await submit(app.service, prompt, on_busy="steer", **more)


@pytest.mark.rule("RN13")
async def test_a_steered_prompt_is_part_of_the_turn_and_what_the_engine_says_next_stands_below_it(
    tmp_path: Path,
) -> None:
    async with steerable(tmp_path) as app:
        running = await begun(app)
        steered = await steer(app, "tea")
        assert (steered.status, steered.run_id, steered.turn_id) == ("steered", running.run_id, running.turn_id)
        app.signals.send("ready")
        app.signals.send("end")
        await idle(app.service)
        assert await texts(app) == [
            ("user", "work"),
            ("assistant", "Working."),
            ("user", "tea"),
            ("assistant", "You want tea."),
        ]
        messages = await entities(app, "ChatMessage")
        assert {message["runId"] for message in messages} == {running.run_id}
        assert [message.get("parentMessageId") for message in messages] == [None, *[f"{running.turn_id}-user"] * 3]
        assert await run_states(app) == ["finished"]
        assert await app.hub.entities(C1, OPEN_RUN) == []
        assert (await app.hub.rebuild(C1)).is_same


class Told:
    """Remembers what it was told and takes what is steered to it."""

    accepts_steering = True

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []

    async def run(self, request: RunRequest) -> Any:
        self.requests.append(request)
        yield TextDelta("Hm. ")
        if request.prompt == "work":
            await request.steering.arrived()
            for prompt in request.steering.take():
                yield TextDelta(f"Also {prompt.prompt}.")


@pytest.mark.rule("RN13", "RN7")
async def test_the_history_holds_a_steered_prompt_where_it_was_taken(tmp_path: Path) -> None:
    engine = Told()
    async with chat(tmp_path, engines={"scripted": lambda plan: engine}) as app:
        await submit(app.service, "work")
        await until(lambda: _is_offered(app))
        await steer(app, "tea")
        await idle(app.service)
        await submit(app.service, "next")
        await idle(app.service)
        told = [(message.role, message.content) for message in engine.requests[-1].history]
        assert told == [("user", "work"), ("assistant", "Hm. "), ("user", "tea"), ("assistant", "Also tea.")]
        assert engine.requests[-1].turn == 2


@pytest.mark.rule("RN13")
async def test_an_engine_that_takes_none_gets_a_waiting_prompt_instead(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await app.signals.reached("go")
        steered = await steer(app, "two")
        assert (steered.status, steered.queue_position) == ("queued", 1)
        assert (await steer(app, "hi", conv_id="c2")).status == "started"


@pytest.mark.rule("RN13")
@pytest.mark.parametrize("first", ["deaf", "broken"])
async def test_what_the_engine_never_took_runs_next_before_all_that_waits(tmp_path: Path, first: str) -> None:
    async with steerable(tmp_path) as app:
        await begun(app, first)
        await submit(app.service, "waiting")
        for prompt in ("one", "two"):
            assert (await steer(app, prompt)).status == "steered"
        assert [waiting.prompt for waiting in await app.service.queue(ME, "c1")] == ["waiting"]
        app.signals.send("end")
        await idle(app.service)
        answers = [text for role, text in await texts(app) if role == "assistant"]
        assert answers == ["Busy.", "You said: one", "You said: two", "You said: waiting"]
        messages = {message["content"]: message for message in await entities(app, "ChatMessage")}
        assert messages["one"]["runId"] == messages["You said: one"]["runId"]
        assert messages["two"]["parentMessageId"] == messages["You said: one"]["messageId"]
        assert (await app.hub.rebuild(C1)).is_same


@pytest.mark.rule("RN13", "RN4")
async def test_stop_ends_the_run_and_what_it_did_not_take_runs_next(tmp_path: Path) -> None:
    async with steerable(tmp_path) as app:
        await begun(app)
        await steer(app, "tea")
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        await idle(app.service)
        assert await run_states(app) == ["stopped", "finished"]
        assert ("assistant", "You said: tea") in await texts(app)


@pytest.mark.rule("RN13", "RN4")
async def test_a_steered_prompt_can_be_withdrawn_by_its_key_until_it_is_taken(tmp_path: Path) -> None:
    async with steerable(tmp_path) as app:
        running = await begun(app)
        await steer(app, "tea", idempotency_key="tea")
        dropped = await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="tea"))
        assert dropped.status == "dequeued"
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="tea"))).status == "idle"
        await steer(app, "milk", idempotency_key="milk")
        app.signals.send("ready")
        await until(lambda: _has(app, "You want milk."))
        stopped = await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="milk"))
        assert (stopped.status, stopped.run_id) == ("stopping", running.run_id)
        await idle(app.service)
        assert sorted(await run_states(app)) == ["stopped", "stopped"]
        assert (await app.hub.rebuild(C1)).is_same


async def _has(app: ChatApp, text: str) -> bool:
    return ("assistant", text) in await texts(app)


@pytest.mark.rule("RN13", "HT3")
async def test_a_repeated_key_tells_what_became_of_a_steered_prompt(tmp_path: Path) -> None:
    async with steerable(tmp_path) as app:
        running = await begun(app, "deaf")
        await steer(app, "tea", idempotency_key="k")
        again = await steer(app, "tea", idempotency_key="k")
        assert (again.status, again.run_id, again.deduplicated) == ("steered", running.run_id, True)
        app.signals.send("end")
        await idle(app.service)
        again = await steer(app, "tea", idempotency_key="k")
        assert (again.status, again.deduplicated) == ("finished", True)
        assert again.run_id != running.run_id and again.turn_id != running.turn_id
        assert [text for role, text in await texts(app) if role == "user"] == ["deaf", "tea"]


@pytest.mark.rule("RN13", "RN1")
async def test_steered_prompts_count_where_the_line_ends(tmp_path: Path) -> None:
    async with steerable(tmp_path, limits=Limits(max_queue=2)) as app:
        await begun(app, "deaf")
        await steer(app, "one")
        await submit(app.service, "two")
        with pytest.raises(QueueFullError):
            await steer(app, "three")


@pytest.mark.rule("RN13", "RN10")
async def test_a_prompt_that_names_another_place_is_not_steered(tmp_path: Path) -> None:
    async with steerable(tmp_path) as app:
        running = await begun(app, "deaf")
        assert (await steer(app, "elsewhere", parent="")).status == "queued"
        assert (await steer(app, "", regenerate=f"{running.turn_id}:text:1")).status == "queued"


@pytest.mark.rule("RN13", "RN3")
async def test_a_steered_prompt_outlives_its_server(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with steerable(tmp_path, db=db) as dead:
        await begun(dead)
        await steer(dead, "tea")
        await dead.hub.store.close()  # as after kill -9: nothing more reaches the file
        async with steerable(tmp_path, db=db) as app:
            await idle(app.service)
            assert await run_states(app) == ["interrupted", "finished"]
            assert ("assistant", "You said: tea") in await texts(app)


@pytest.mark.rule("RN13", "RN3")
async def test_a_steered_prompt_waits_through_an_orderly_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with steerable(tmp_path, db=db) as app:
        await begun(app)
        await steer(app, "tea")
    async with steerable(tmp_path, db=db) as app:
        await idle(app.service)
        assert await run_states(app) == ["interrupted", "finished"]


@pytest.mark.rule("RN13", "RN1")
async def test_replacing_the_run_leaves_what_was_steered_in_the_line(tmp_path: Path) -> None:
    async with steerable(tmp_path) as app:
        await begun(app)
        await steer(app, "tea")
        await submit(app.service, "new", on_busy="replace")
        await idle(app.service)
        answers = [text for role, text in await texts(app) if role == "assistant"]
        assert answers == ["Working.", "You said: new", "You said: tea"]
