"""A run that waits for a person goes on with the next server (TL9)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.redis_server import RedisServer
from tests.unit.chat.blocks.agent_mode import TAG, AgentModePlugin
from tests.unit.chat.chats import ME, entities, event_names, idle, run_states, submit, texts, until
from tests.unit.chat.test_approvals import asked, decide
from tests.unit.stream.redis_stores import BOUNDED_S, prefix, server
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import ApprovalAsked, RunRequest, TextDelta
from webchat_nb.chat.tools import Approval, Ask, ToolContext, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.contracts.v1.commands_pb2 import ChatSettleInference
from webchat_nb.engines.past import LOST
from webchat_nb.errors import ApprovalExpiredError
from webchat_nb.stream import Command, Ordinal, session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import CancelRequest

__all__ = ["prefix", "server"]

pytestmark = pytest.mark.rule("TL9")

CALL = {"tool": "delete_file", "args": {"path": "a.txt"}, "approval": True, "result": "gone"}
EARLIER = {"tool": "look", "args": {"n": "{turn}"}, "result": {"seen": 1}}
SCRIPT: dict[str, Any] = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "soon", "steps": [{"call": {**CALL, "approval_expires_s": 60}}, {"say": "Done."}]},
        {
            "match": "long",
            "steps": [
                {"think": "Hm, let me see."},
                {"say": "First I look. "},
                {"call": EARLIER},
                {"call": {**CALL, "args": {"path": "b.txt"}}},
                {"usage": {"input_tokens": 3, "output_tokens": 4}},
                {"say": "Then I ask. "},
                {"wait_for": "go"},
                {"call": CALL},
                {"usage": {"input_tokens": 5, "output_tokens": 6}},
                {"say": "All is done."},
            ],
        },
        {"match": "tool", "steps": [{"call": {"tool": "burn", "args": {"what": "a"}}}, {"say": "Done."}]},
        {"match": "question", "steps": [{"ask": {"question": "Which?"}}, {"say": "You said {answer}."}]},
        {
            "match": "steer",
            "steps": [
                {"say": "Yes?"},
                {"wait_for_steer": True},
                {"call": CALL},
                {"say": "So {steer}."},
                {"wait_for_steer": True},
                {"say": "And {steer}."},
            ],
        },
        {"match": "hold", "steps": [{"call": {"tool": "burn"}}, {"wait_for": "go"}, {"say": "Done."}]},
        {"match": "waits", "steps": [{"say": "Before "}, {"wait_for": "go"}, {"say": "after"}]},
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}


class Burning:
    """A tool of the server that says how often it was called, and may be held up in the middle.

    Attributes:
        began: Called when it begins.
    """

    def __init__(self, *, is_held: bool = False) -> None:
        self.calls: list[str] = []
        self.began: Callable[[], Awaitable[None]] | None = None
        self.may_end = asyncio.Event()
        if not is_held:
            self.may_end.set()

    @property
    def tools(self) -> list[Any]:
        async def burn(what: str) -> str:
            """Burns something."""
            if self.began is not None:
                await self.began()
            self.calls.append(what)
            await self.may_end.wait()
            return f"{what} is ash"

        return [burn]


@asynccontextmanager
async def chat(folder: Path, *, script: dict[str, Any] = SCRIPT, **config: Any) -> AsyncIterator[ChatApp]:
    """A chat on a file in the folder, whose runs wait."""
    folder.mkdir(exist_ok=True)
    path = folder / "script.yaml"
    path.write_text(yaml.safe_dump(script))
    profile = {"slug": "default", "script": str(path), "tools": ["burn"], "approvals": {"burn": "always"}}
    settings: dict[str, Any] = {"open_approvals": "wait", "tools": Burning().tools, **config}
    settings.setdefault("profiles", {"profiles": [profile]})
    app = build(Config(**{"db": str(folder / "chat.db"), **settings}))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def killed(folder: Path) -> Path:
    """What is left when the server of a folder dies now: a folder for the next one."""
    copy = folder.with_name(f"{folder.name}-killed")
    copy.mkdir()
    for file in folder.glob("chat.db*"):
        if file.is_file():
            shutil.copy(file, copy)
    return copy


async def statuses(app: ChatApp) -> list[str]:
    return [approval["status"] for approval in await entities(app, "ChatApproval")]


def told(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what differs from one run to the next: ids and times."""
    left_out = {"created", "updated", "runId", "messageId", "toolCallId", "approvalId", "parentMessageId", "durationMs"}
    return [
        {key: value for key, value in entity.items() if key not in left_out and not key.endswith("AtMs")}
        for entity in timeline
    ]


async def whole(app: ChatApp) -> list[dict[str, Any]]:
    kinds = ("ChatMessage", "ChatToolCall", "ChatToolResult", "ChatApproval", "ChatRun")
    return told([entity for kind in kinds for entity in await entities(app, kind)])


async def ask_long(app: ChatApp) -> str:
    """The turn with two questions, up to the second."""
    await submit(app.service, "a long one")
    await decide(app, await asked(app), input='{"path": "c.txt"}')
    app.signals.send("go")
    return await asked(app, count=2)


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_the_answer_is_that_of_a_server_that_went_on_running(tmp_path: Path, how: str) -> None:
    async with chat(tmp_path / "a") as app:
        await decide(app, await ask_long(app))
        await idle(app.service)
        expected = await whole(app)
    folder = tmp_path / "b"
    async with chat(folder) as app:
        id = await ask_long(app)
        if how == "killed":
            folder = killed(folder)
    async with chat(folder) as again:
        assert await run_states(again) == ["running"]
        assert await statuses(again) == ["edited", "pending"]
        assert await decide(again, id) == "approved"
        await idle(again.service)
        assert await whole(again) == expected
        names = await event_names(again)
        assert (names.count("ChatToolApprovalRequested"), names.count("ChatInferenceContinued")) == (2, 1)
        assert (await again.hub.rebuild(session_id("c1"))).is_same


async def test_it_goes_on_after_any_number_of_servers(tmp_path: Path) -> None:
    async with chat(tmp_path / "a") as app:
        id = await ask_long(app)
    for _ in range(3):
        async with chat(tmp_path / "a") as app:
            assert await run_states(app) == ["running"]
    async with chat(tmp_path / "a") as app:
        await decide(app, id, "deny", reason="Not mine.")
        await idle(app.service)
        *_, result = await entities(app, "ChatToolResult")
        assert result["result"] == "This call was not allowed. Not mine."
        assert (await texts(app))[-1] == ("assistant", "All is done.")


@pytest.mark.rule("TL2")
async def test_a_time_that_passed_meanwhile_counts(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path / "a", clock=clock) as app:
        await submit(app.service, "soon")
        id = await asked(app)
        clock.jump(30)
    async with chat(tmp_path / "a", clock=clock) as app:
        await until(lambda: is_at_work(app))
        clock.jump(29)
        assert await statuses(app) == ["pending"]
    clock.jump(2)
    async with chat(tmp_path / "a", clock=clock) as app:
        await idle(app.service)
        assert await statuses(app) == ["expired"]
        (result,) = await entities(app, "ChatToolResult")
        assert "Nobody decided in time." in result["result"]
        assert await run_states(app) == ["finished"]
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id)


def is_at_work(app: ChatApp) -> bool:
    run = app._runs._conversations.get(session_id("c1")).active
    return run is not None and run.engine is not None


@pytest.mark.rule("RN12")
async def test_the_time_of_the_answer_begins_anew(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path / "a", clock=clock, run_timeout_s=30) as app:
        await submit(app.service, "a question")
        await asked(app)
        clock.jump(20)
    async with chat(tmp_path / "a", clock=clock, run_timeout_s=30) as app:
        await until(lambda: is_at_work(app))
        clock.jump(29)
        assert await run_states(app) == ["running"]
        clock.jump(1)
        await idle(app.service)
        assert (await run_states(app), await statuses(app)) == (["failed"], ["expired"])


async def test_a_registered_tool_that_waits_for_a_person_is_called_by_the_next_server(tmp_path: Path) -> None:
    before, after = Burning(), Burning()
    async with chat(tmp_path / "a", tools=before.tools) as app:
        await submit(app.service, "a tool")
        id = await asked(app)
    async with chat(tmp_path / "a", tools=after.tools) as app:
        assert await decide(app, id, input='{"what": "b"}') == "edited"
        await idle(app.service)
        assert (before.calls, after.calls) == ([], ["b"])
        (call,) = await entities(app, "ChatToolCall")
        assert (call["input"], call["status"]) == ('{"what": "b"}', "finished")
        assert len(await statuses(app)) == 1


async def test_who_was_to_be_asked_is_asked_although_the_profile_says_otherwise_now(tmp_path: Path) -> None:
    async with chat(tmp_path / "a") as app:
        await submit(app.service, "a tool")
        id = await asked(app)
    burning = Burning()
    trusting = {"slug": "default", "script": str(tmp_path / "a" / "script.yaml"), "tools": ["burn"]}
    async with chat(tmp_path / "a", tools=burning.tools, profiles={"profiles": [trusting]}) as app:
        await until(lambda: is_at_work(app))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not burning.calls
        await decide(app, id, "deny")
        await idle(app.service)
        assert not burning.calls


@pytest.mark.parametrize("point", ["approved", "at work"])
async def test_a_call_that_a_person_allowed_is_never_made_twice(tmp_path: Path, point: str) -> None:
    """What a server wrote before it died says whether the tool can have begun."""
    burning = Burning(is_held=True)
    async with chat(tmp_path / "a", tools=burning.tools) as app:
        await submit(app.service, "a tool")
        id = await asked(app)
        if point == "approved":
            (run,) = await entities(app, "ChatRun")
            conversation = app._runs._conversations.find(session_id("c1"))
            assert conversation is not None and conversation.active is not None and run
            conversation.active.abandon()  # the engine is dead, and the server still takes the decision
            await asyncio.gather(conversation.active.task, return_exceptions=True)  # type: ignore[arg-type]
        await decide(app, id)
        if point == "at work":
            await until(lambda: burning.calls)
        folder = killed(tmp_path / "a")
        burning.may_end.set()
    after = Burning()
    async with chat(folder, tools=after.tools) as app:
        await until(lambda: run_ended(app))
        if point == "approved":
            assert (burning.calls, after.calls) == ([], ["a"])
            assert await run_states(app) == ["finished"]
        else:
            assert (burning.calls, after.calls) == (["a"], [])
            assert await run_states(app) == ["interrupted"]


async def test_that_a_call_is_made_is_in_the_log_before_its_tool_begins(tmp_path: Path) -> None:
    """So a crash at any moment leaves either a question to act upon, or a call that may have been made."""
    burning = Burning()
    seen: list[bool] = []
    async with chat(tmp_path / "a", tools=burning.tools) as app:

        async def look() -> None:
            log = await app.hub.store.events(session_id("c1"), Ordinal(0), 1000)
            seen.append("ChatToolCallExecutionStarted" in [entry.name for entry in log])

        burning.began = look
        await submit(app.service, "a tool")
        await decide(app, await asked(app))
        await idle(app.service)
        assert seen == [True]


async def run_ended(app: ChatApp) -> bool:
    return (await run_states(app))[-1] != "running"


async def test_a_question_of_the_engine_waits_for_its_answer(tmp_path: Path) -> None:
    async with chat(tmp_path / "a") as app:
        await submit(app.service, "a question")
        id = await asked(app)
    async with chat(tmp_path / "a") as app:
        await decide(app, id, input='{"answer": "tea"}')
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", 'You said {"answer": "tea"}.')
        assert len(await statuses(app)) == 1


@pytest.mark.rule("RN13")
async def test_what_was_steered_is_known_and_what_was_not_taken_is_still_there(tmp_path: Path) -> None:
    async with chat(tmp_path / "a") as app:
        await submit(app.service, "steer me")
        await until(lambda: offered(app))
        await submit(app.service, "tea", on_busy="steer")
        id = await asked(app)
        steered = await submit(app.service, "late", on_busy="steer")
        assert steered.status == "steered"
    async with chat(tmp_path / "a") as app:
        assert (await submit(app.service, "later", on_busy="steer")).status == "steered"
        await decide(app, id)
        await idle(app.service)
        assert [text for role, text in await texts(app) if role == "assistant"] == [
            "Yes?",
            "So tea.",
            "And late\nlater.",
        ]
        assert (await event_names(app)).count("ChatSteeringOffered") == 1
        assert await run_states(app) == ["finished"]


async def offered(app: ChatApp) -> bool:
    return "ChatSteeringOffered" in await event_names(app)


@pytest.mark.rule("RN1", "RN8")
async def test_prompts_wait_behind_it_and_it_can_be_stopped(tmp_path: Path) -> None:
    async with chat(tmp_path / "a") as app:
        await submit(app.service, "soon")
        id = await asked(app)
        await submit(app.service, "next")
    async with chat(tmp_path / "a") as app:
        assert (await submit(app.service, "last")).status == "queued"
        assert await run_states(app) == ["running", "queued", "queued"]
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        await idle(app.service)
        assert await run_states(app) == ["stopped", "finished", "finished"]
        assert await statuses(app) == ["expired"]
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id)


@pytest.mark.rule("RN3")
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_run_that_waits_for_nobody_is_interrupted(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "a"
    async with chat(folder) as app:
        await submit(app.service, "it waits")
        await app.signals.reached("go")
        if how == "killed":
            folder = killed(folder)
    async with chat(folder) as app:
        assert await run_states(app) == ["interrupted"]


@pytest.mark.rule("RN3", "TL2")
@pytest.mark.parametrize("before", ["expire", "wait"])
@pytest.mark.parametrize("after", ["expire", "wait"])
async def test_what_becomes_of_it_is_a_setting(tmp_path: Path, before: str, after: str) -> None:
    async with chat(tmp_path / "a", open_approvals=before) as app:
        await submit(app.service, "soon")
        await asked(app)
    async with chat(tmp_path / "a", open_approvals=after) as app:
        waits = before == after == "wait"
        assert await run_states(app) == ["running" if waits else "interrupted"]
        assert await statuses(app) == ["pending" if waits else "expired"]


class Forgetful:
    """An engine that asks, and cannot go on."""

    async def run(self, request: RunRequest) -> AsyncIterator[Any]:
        assert request.so_far is None and request.approvals is not None
        yield TextDelta("I ask.")
        yield ApprovalAsked(approval_id=f"{request.root_id}:ask")
        await request.approvals.decision(f"{request.root_id}:ask")


@pytest.mark.rule("RN3")
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_an_engine_that_cannot_go_on_is_interrupted(tmp_path: Path, how: str) -> None:
    own: dict[str, Any] = {
        "engines": {"forgetful": lambda plan: Forgetful()},
        "profiles": {"profiles": [{"slug": "default", "engine": "forgetful"}]},
    }
    folder = tmp_path / "a"
    async with chat(folder, **own) as app:
        await submit(app.service, "hi")
        await asked(app)
        if how == "killed":
            folder = killed(folder)
    async with chat(folder, **own) as app:
        await idle(app.service)
        assert await run_states(app) == ["interrupted"]
        assert await statuses(app) == ["expired"]


@pytest.mark.parametrize("change", ["another script", "no profile", "a broken script"])
async def test_a_profile_that_is_another_one_now_interrupts_the_run(tmp_path: Path, change: str) -> None:
    async with chat(tmp_path / "a") as app:
        await submit(app.service, "soon")
        await submit(app.service, "next")
        await asked(app)
    other: dict[str, Any] = {
        "another script": {"script": {"script": 1, "turns": [{"steps": [{"say": "You said: {prompt}"}]}]}},
        "no profile": {"profiles": {"profiles": [{"slug": "other", "script": "builtin:demo"}]}},
        "a broken script": {"profiles": {"profiles": [{"slug": "default", "script": str(tmp_path / "none.yaml")}]}},
    }[change]
    async with chat(tmp_path / "a", **other) as app:
        await idle(app.service)
        first, second = await entities(app, "ChatRun")
        assert (first["status"], second["status"]) == (
            "interrupted",
            "finished" if change == "another script" else "failed",
        )
        assert first["error"].startswith("The server stopped while this was being answered")
        assert await statuses(app) == ["expired"]


@pytest.mark.rule("OR4", "RN4")
async def test_a_stop_may_be_the_first_that_finds_it(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    async with chat(tmp_path / "a", store=store()) as a, chat(tmp_path / "b", store=store()) as b:
        await submit(a.service, "a tool")
        await asked(b)
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b.service.cancel(ME, CancelRequest(conv_id="c1"))
        assert (await run_states(b), await statuses(b)) == (["stopped"], ["expired"])
        assert b._runs._conversations.get(session_id("c1")).active is None
        await submit(b.service, "hi")
        await idle(b.service)
        assert await run_states(b) == ["stopped", "finished"]


@pytest.mark.rule("OR4")
async def test_a_server_that_was_given_up_too_early_calls_no_tool(
    tmp_path: Path, server: RedisServer, prefix: str
) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    mine, others = Burning(), Burning()
    async with (
        chat(tmp_path / "a", store=store(), tools=mine.tools) as a,
        chat(tmp_path / "b", store=store(), tools=others.tools) as b,
    ):
        await submit(a.service, "a tool")
        id = await asked(b)
        assert await b._runs.recover() == 1
        assert "ChatInferenceContinued" not in await event_names(b), "it is alive"
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b._runs.recover()
        assert (await event_names(b)).count("ChatInferenceContinued") == 1
        await until(lambda: a._runs._conversations.get(session_id("c1")).active is None)
        (run,) = await entities(a, "ChatRun")
        failed = ChatSettleInference(run_id=run["runId"], status="failed", error="It was not mine any more.")
        await a.hub.submit(Command(session_id=session_id("c1"), name="ChatSettleInference", payload=failed))
        assert await run_states(a) == ["running"]
        await decide(a, id)
        await asyncio.wait_for(a.service.wait_idle(ME, "c1"), BOUNDED_S)
        assert (mine.calls, others.calls) == ([], ["a"])
        assert await run_states(a) == ["finished"]


@pytest.mark.rule("SB3")
async def test_blocks_after_a_restart_are_others_than_those_before(tmp_path: Path) -> None:
    def switch(to: str) -> str:
        return f'<{TAG}>{{"to": "{to}", "analysis": "Because."}}</{TAG}>'

    steps = [{"say": f"One {switch('planner')}"}, {"call": CALL}, {"say": f"Two {switch('writer')}"}]
    own: dict[str, Any] = {"script": {"script": 1, "turns": [{"steps": steps}]}}
    modes = []
    for folder in (tmp_path / "whole", tmp_path / "cut"):
        async with chat(folder, plugins=[AgentModePlugin()], **own) as app:
            await submit(app.service, "go")
            id = await asked(app)
            if folder.name == "whole":
                await decide(app, id)
                await idle(app.service)
                modes.append(told(await entities(app, "DemoMode")))
    async with chat(tmp_path / "cut", plugins=[AgentModePlugin()], **own) as app:
        await decide(app, id)
        await idle(app.service)
        modes.append(told(await entities(app, "DemoMode")))
        log = await app.hub.events(session_id("c1"), after=Ordinal(0), limit=1000)
        blocks = [event.payload.block_id for event in log if event.name == "ChatBlockStarted"]  # type: ignore[attr-defined]
        assert len(set(blocks)) == len(blocks) == 2
    assert modes[0] == modes[1] and len(modes[0]) == 2


class Asking:
    """A tool that asks a person while it works."""

    schema = ToolSchema(name="burn", description="Asks.", input_schema={"type": "object"})
    approval: Approval = "never"
    timeout_s: float | None = None

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        context.executing()
        decision = await context.ask(Ask(question="Sure?"))
        return ToolOutcome(result=decision.input or "no")


@pytest.mark.rule("TL5")
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_tool_that_asked_while_it_worked_is_lost_with_its_question(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "a"
    own = {"slug": "default", "script": str(folder / "script.yaml"), "tools": ["burn"]}
    settings: dict[str, Any] = {"tools": [Asking()], "profiles": {"profiles": [own]}}
    async with chat(folder, **settings) as app:
        await submit(app.service, "hold")
        id = await asked(app)
        if how == "killed":
            folder = killed(folder)
    async with chat(folder, **settings) as app:
        await app.signals.reached("go")
        assert (await run_states(app), await statuses(app)) == (["running"], ["expired"])
        app.signals.send("go")
        await idle(app.service)
        (result,) = await entities(app, "ChatToolResult")
        assert (result["status"], result["result"]) == ("error", LOST)
        assert (await texts(app))[-1] == ("assistant", "Done.")
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id, input='{"answer": "yes"}')


@pytest.mark.rule("OR4")
async def test_a_server_that_ends_itself_leaves_it_alone(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix, lease_ttl_s=60)

    async with chat(tmp_path / "a", store=store()) as a, chat(tmp_path / "b", store=store()) as b:
        await submit(a.service, "a tool")
        id = await asked(b)
        for key in server.ask("KEYS", f"{prefix}*lease*"):
            server.ask("DEL", key)
        await b._runs.shutdown()
        look = Command(session_id=session_id("c1"), name="ChatSettleInference", payload=ChatSettleInference())
        await b.hub.submit(look)
        assert (await run_states(b), await statuses(b)) == (["running"], ["pending"])
        await decide(a, id)
        await idle(a.service)
        assert await run_states(a) == ["finished"]
