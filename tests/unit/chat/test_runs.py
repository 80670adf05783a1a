from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, chat, entities, event_names, idle, run_states, submit, texts, until
from webchat_nb.app import ChatApp
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta, ToolCallExecuting, ToolCallStarted
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.errors import BusyError, QueueFullError, ShuttingDownError, UnknownRunError
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import CancelRequest, Limits


async def waiting_at(app: ChatApp, name: str, count: int = 1) -> None:
    await until(lambda: app.signals.waiting_count(name) >= count)


async def test_a_prompt_is_answered_and_all_of_it_is_on_the_timeline(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        answer = await submit(app.service, "hi there")
        await idle(app.service)
        assert answer.status == "started"
        assert await texts(app) == [("user", "hi there"), ("assistant", "You said: hi there")]
        assert await run_states(app) == ["finished"]
        assert [message["streaming"] for message in await entities(app, "ChatMessage") if "streaming" in message] == []


async def test_why_an_answer_ends_is_told_with_its_last_text(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.engine
        def short(messages: Any) -> Any:
            yield "To be "
            yield {"think": "Hm."}
            yield "continued"
            yield {"finish": "length"}

        await submit(app.service, "go", profile="short")
        await idle(app.service)
        reasons = [(m["role"], m.get("finishReason", "")) for m in await entities(app, "ChatMessage")]
        assert reasons == [("user", ""), ("assistant", ""), ("thinking", ""), ("assistant", "length")]


@pytest.mark.rule("PG1")
async def test_thoughts_and_tool_calls_are_entities_of_their_own(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        first = await submit(app.service, "think")
        await idle(app.service)
        await submit(app.service, "tool", conv_id="c2")
        await idle(app.service, "c2")
        assert await texts(app) == [("user", "think"), ("thinking", "Let me see."), ("assistant", "Seen.")]
        ids = [message["messageId"] for message in await entities(app, "ChatMessage")]
        assert ids == [f"{first.turn_id}-user", f"{first.turn_id}:thinking:1", f"{first.turn_id}:text:1"]
        assert [text for _, text in await texts(app, "c2")] == ["tool", "Calling.", "Two."]
        (call,), (result,) = await entities(app, "ChatToolCall", "c2"), await entities(app, "ChatToolResult", "c2")
        assert (call["toolName"], call["input"], call["status"]) == ("add", '{"a": 1}', "finished")
        assert (result["result"], result["status"]) == ("2", "ok")


@pytest.mark.rule("RN1")
async def test_prompts_wait_in_line_and_are_answered_in_order(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        second = await submit(app.service, "two")
        third = await submit(app.service, "three")
        assert (second.status, second.queue_position, third.queue_position) == ("queued", 1, 2)
        assert await run_states(app) == ["running", "queued", "queued"]
        assert (await app.hub.session("c1")).attributes["status"] == "running"  # type: ignore[arg-type]
        app.signals.send("go")
        await idle(app.service)
        answers = [text for role, text in await texts(app) if role == "assistant"]
        assert answers == ["Before after", "You said: two", "You said: three"]
        assert await run_states(app) == ["finished"] * 3
        names = await event_names(app)
        runs = [name for name in names if name in ("ChatInferenceStarted", "ChatInferenceFinished")]
        assert runs == ["ChatInferenceStarted", "ChatInferenceFinished"] * 3


@pytest.mark.rule("RN1")
async def test_who_moves_up_is_told_its_new_position(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        second = await submit(app.service, "wait")
        await submit(app.service, "three")
        await app.service.cancel(ME, CancelRequest(conv_id="c1", run_id=second.run_id))
        positions = [run.get("queuePosition") for run in await entities(app, "ChatRun")]
        assert positions == [None, None, 1]


@pytest.mark.rule("RN1")
async def test_the_line_is_bounded(tmp_path: Path) -> None:
    async with chat(tmp_path, limits=Limits(max_queue=1)) as app:
        await submit(app.service, "wait")
        await submit(app.service, "two")
        with pytest.raises(QueueFullError):
            await submit(app.service, "three")
        assert [text for role, text in await texts(app) if role == "user"] == ["wait", "two"]


@pytest.mark.rule("RN1")
async def test_reject_refuses_while_a_run_is_active(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        with pytest.raises(BusyError):
            await submit(app.service, "two", on_busy="reject")
        assert await run_states(app) == ["running"]


@pytest.mark.rule("RN1", "RN8")
async def test_replace_stops_the_old_run_and_starts_the_new_one_in_one_commit(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await waiting_at(app, "go")
        answer = await submit(app.service, "two", on_busy="replace")
        assert answer.status == "started"
        await idle(app.service)
        assert await run_states(app) == ["stopped", "finished"]
        assert [text for role, text in await texts(app) if role == "assistant"] == ["Before ", "You said: two"]


@pytest.mark.rule("RN2", "RN4")
async def test_stop_closes_what_is_open_with_what_it_has(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        answer = await submit(app.service, "wait")
        await waiting_at(app, "go")
        stopped = await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        assert (stopped.status, stopped.run_id) == ("stopping", answer.run_id)
        await idle(app.service)
        message = (await entities(app, "ChatMessage"))[-1]
        assert (message["content"], message["status"], "streaming" in message) == ("Before ", "stopped", False)
        assert await run_states(app) == ["stopped"]
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1"))).status == "idle"
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1", run_id=answer.run_id))).status == "idle"


@pytest.mark.rule("RN4")
async def test_stop_works_by_the_key_of_the_prompt(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait", idempotency_key="mine")
        await submit(app.service, "two", idempotency_key="next")
        dropped = await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="next"))
        stopped = await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="mine"))
        assert (dropped.status, stopped.status) == ("dequeued", "stopping")
        await idle(app.service)
        assert await run_states(app) == ["stopped", "stopped"]
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="unknown"))).status == "idle"
        with pytest.raises(UnknownRunError):
            await app.service.cancel(ME, CancelRequest(conv_id="c1", run_id="run-unknown"))


@pytest.mark.rule("RN1", "RN4")
async def test_after_a_stop_the_next_one_in_line_starts(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await waiting_at(app, "go")
        await submit(app.service, "two")
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        await idle(app.service)
        assert await run_states(app) == ["stopped", "finished"]


@pytest.mark.rule("RN4")
async def test_a_client_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        subscription = await app.service.subscribe(ME, "c1")
        await submit(app.service, "wait")
        await waiting_at(app, "go")
        subscription.close()
        app.signals.send("go")
        await idle(app.service)
        assert await run_states(app) == ["finished"]


@pytest.mark.rule("RN2", "RN5")
async def test_a_failing_engine_is_an_event_with_a_safe_message(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "fail")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert (run["status"], run["error"], run["retryable"]) == ("failed", "model overloaded", True)
        message = (await entities(app, "ChatMessage"))[-1]
        assert (message["content"], message["status"]) == ("Half ", "failed")


class Crashing:
    """An engine with a bug, at work on a tool."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def run(self, request: RunRequest) -> Any:
        yield TextDelta("so far")
        yield ToolCallStarted("call-1", "search")
        yield ToolCallExecuting("call-1")
        raise self._error


@pytest.mark.rule("RN2", "RN5", "AC7")
@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
async def test_a_bug_in_an_engine_is_told_without_its_detail_and_nothing_stays_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    async with chat(tmp_path, engines={"scripted": lambda plan: Crashing(kind("password=hunter2"))}) as app:
        await submit(app.service, "x")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert run["status"] == "failed"
        assert "hunter2" not in run["error"]
        (call,) = await entities(app, "ChatToolCall")
        assert (call["status"], "executing" in call) == ("failed", False)
        assert kind.__name__ in caplog.text


@pytest.mark.rule("RN2")
async def test_an_empty_answer_makes_no_bubble(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "empty")
        await idle(app.service)
        assert await texts(app) == [("user", "empty")]
        assert await run_states(app) == ["finished"]


@pytest.mark.rule("RN6")
async def test_usage_is_kept_with_the_run(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        answer = await submit(app.service, "usage")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert run["usage"] == {"inputTokens": "3", "outputTokens": "4"}
        assert (run["status"], run["profile"], run["messageId"]) == ("finished", "default", f"{answer.turn_id}-user")
        assert run["createdAtMs"] and run["startedAtMs"] and run["endedAtMs"]


class Recording:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []

    async def run(self, request: RunRequest) -> Any:
        self.requests.append(request)
        if request.prompt == "fail":
            yield TextDelta("half")
            raise RuntimeError
        yield TextDelta(f"answer {len(self.requests)}")


@pytest.mark.rule("RN7", "EP1")
async def test_the_engine_gets_the_history_with_failed_turns_marked(tmp_path: Path) -> None:
    engine, built = Recording(), []

    def factory(plan: EnginePlan) -> Recording:
        built.append(plan.signature)
        return engine

    async with chat(tmp_path, engines={"scripted": factory}) as app:
        for prompt in ("one", "fail", "three"):
            await submit(app.service, prompt)
            await idle(app.service)
        last = engine.requests[-1]
        assert [(message.role, message.content, message.status) for message in last.history] == [
            ("user", "one", "finished"),
            ("assistant", "answer 1", "finished"),
            ("user", "fail", "finished"),
            ("assistant", "half", "failed"),
        ]
        assert (last.turn, last.prompt) == (3, "three")
        assert len(built) == 1
        await submit(app.service, "four", overrides={"system_prompt": "Be brief."})
        await idle(app.service)
        assert len(built) == 2
        assert engine.requests[-1].plan.system_prompt == "Be brief."


@pytest.mark.rule("RN3", "RN2")
async def test_a_run_that_a_dead_server_left_is_settled_and_the_line_goes_on(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as dead:
        await submit(dead.service, "wait")
        await submit(dead.service, "two")
        await waiting_at(dead, "go")
        await until(lambda: _has_text(dead, "Before "))
        await dead.hub.store.close()  # as after kill -9: nothing more reaches the file
        async with chat(tmp_path, db=db) as app:
            await idle(app.service)
            assert await run_states(app) == ["interrupted", "finished"]
            assert await texts(app) == [
                ("user", "wait"),
                ("user", "two"),
                ("assistant", "Before "),
                ("assistant", "You said: two"),
            ] or await texts(app) == [
                ("user", "wait"),
                ("assistant", "Before "),
                ("user", "two"),
                ("assistant", "You said: two"),
            ]
            statuses = [m["status"] for m in await entities(app, "ChatMessage") if m["role"] == "assistant"]
            assert statuses == ["interrupted", "finished"]
            await submit(app.service, "again")
            await idle(app.service)


async def _has_text(app: ChatApp, text: str) -> bool:
    return ("assistant", text) in await texts(app)


@pytest.mark.rule("RN3")
async def test_shutting_down_settles_the_run_and_keeps_the_line(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        await submit(app.service, "wait")
        await submit(app.service, "two")
        await waiting_at(app, "go")
    async with chat(tmp_path, db=db) as app:
        await idle(app.service)
        assert await run_states(app) == ["interrupted", "finished"]


async def test_a_chat_that_is_closed_refuses_prompts(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        pass
    with pytest.raises(ShuttingDownError):
        await submit(app.service, "late")


class Stubborn:
    """An engine that takes its time to let go."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()
        self.running_count = 0
        self.max_running_count = 0

    async def run(self, request: RunRequest) -> Any:
        self.running_count += 1
        self.max_running_count = max(self.max_running_count, self.running_count)
        try:
            yield TextDelta("x")
            if request.prompt == "wait":
                await asyncio.Event().wait()
        finally:
            await self.may_go.wait()
            self.running_count -= 1


@pytest.mark.rule("RN1", "RN8")
async def test_the_next_run_waits_until_a_stopped_engine_has_let_go(tmp_path: Path) -> None:
    engine = Stubborn()
    async with chat(tmp_path, engines={"scripted": lambda plan: engine}) as app:
        await submit(app.service, "wait")
        await until(lambda: engine.running_count == 1)
        await submit(app.service, "two", on_busy="replace")
        assert await run_states(app) == ["stopped", "running"]
        assert engine.running_count == 1
        engine.may_go.set()
        await idle(app.service)
        assert engine.max_running_count == 1


def test_engine_events_are_one_union() -> None:
    assert TextDelta in EngineEvent.__args__  # type: ignore[attr-defined]


@pytest.mark.rule("EV1")
async def test_a_run_that_is_silent_for_long_is_not_forgotten(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, idle_timeout_s=10) as app:
        await submit(app.service, "wait")
        await submit(app.service, "short one", conv_id="c2")
        await app.signals.reached("go")
        await idle(app.service, "c2")
        await app.service.cancel(ME, CancelRequest(conv_id="c2"))
        clock.jump(60)
        assert app.hub.live_session_count == 1
        app.signals.send("go")
        await idle(app.service)
        assert await run_states(app) == ["finished"]
        clock.jump(60)
        assert app.hub.live_session_count == 0
        assert (await submit(app.service, "hello again")).status == "started"
