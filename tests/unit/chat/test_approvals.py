"""Approvals: a person decides whether a tool call may be made (TL2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, event_names, idle, run_states, submit, texts, until
from tests.unit.stream.redis_stores import BOUNDED_S, prefix, server
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.errors import (
    AlreadyDecidedError,
    ApprovalExpiredError,
    BadRequestError,
    UnknownApprovalError,
    UnknownSessionError,
)
from webchat_nb.stream import session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import CancelRequest, DecisionRequest, Principal, SubmitRequest

__all__ = ["prefix", "server"]

pytestmark = pytest.mark.rule("TL2")

CALL = {"tool": "delete_file", "args": {"path": "a.txt"}, "approval": True, "result": "gone"}
SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "all", "delay_ms": 0},
    "turns": [
        {"match": "soon", "steps": [{"call": {**CALL, "approval_expires_s": 60}}, {"say": "Done."}]},
        {"match": "two", "steps": [{"call": CALL}, {"call": CALL}, {"say": "Done."}]},
        {"steps": [{"say": "May I?"}, {"call": CALL}, {"say": "Done."}]},
    ],
}


@asynccontextmanager
async def chat(folder: Path, **config: Any) -> AsyncIterator[ChatApp]:
    script = folder / "asking.yaml"
    script.write_text(yaml.safe_dump(SCRIPT))
    app = build(Config(profiles={"profiles": [{"slug": "default", "script": str(script)}]}, **config))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def asked(app: ChatApp, *, count: int = 1) -> str:
    """Wait for a question; its id."""

    async def questions() -> bool:
        return len(await entities(app, "ChatApproval")) >= count

    await until(questions)
    approvals = await entities(app, "ChatApproval")
    return str(approvals[-1]["approvalId"])


async def decide(app: ChatApp, id: str, decision: Any = "approve", *, who: Principal = ME, **more: Any) -> str:
    return await app.service.decide(who, "c1", id, DecisionRequest(decision=decision, **more))


async def result(app: ChatApp) -> dict[str, Any]:
    (found,) = await entities(app, "ChatToolResult")
    return found


async def test_an_approved_call_is_made(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "go")
        id = await asked(app)
        (question,) = await entities(app, "ChatApproval")
        assert (question["status"], question["toolName"], question["input"]) == (
            "pending",
            "delete_file",
            '{"path": "a.txt"}',
        )
        assert len(question["inputHash"]) == 64
        assert not await entities(app, "ChatToolResult")
        assert await decide(app, id) == "approved"
        await idle(app.service)
        assert (await result(app))["result"] == "gone"
        assert (await texts(app))[-1] == ("assistant", "Done.")
        (decided,) = await entities(app, "ChatApproval")
        assert decided["status"] == "approved"
        assert (await event_names(app)).count("ChatToolApprovalDecided") == 1
        assert (await app.hub.rebuild(session_id("c1"))).is_same


async def test_a_denied_call_is_an_error_result_with_the_reason(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "go")
        assert await decide(app, await asked(app), "deny", reason="It is mine.") == "denied"
        await idle(app.service)
        assert await result(app) == {
            **await result(app),
            "status": "error",
            "result": "This call was not allowed. It is mine.",
        }
        assert await run_states(app) == ["finished"]


async def test_edited_arguments_are_those_of_the_call(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "go")
        id = await asked(app)
        for broken in ("", "{", "[1]", '"text"'):
            if broken:
                with pytest.raises(BadRequestError, match="input"):
                    await decide(app, id, input=broken)
        with pytest.raises(BadRequestError, match="input"):
            await decide(app, id, "deny", input="{}")
        assert await decide(app, id, input='{"path": "b.txt"}') == "edited"
        await idle(app.service)
        (call,) = await entities(app, "ChatToolCall")
        assert (call["input"], call["status"]) == ('{"path": "b.txt"}', "finished")


async def test_the_first_decision_stands(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "go")
        id = await asked(app)
        outcomes = await asyncio.gather(
            decide(app, id), decide(app, id, "deny"), decide(app, id), return_exceptions=True
        )
        assert outcomes[0] == "approved"
        assert [type(outcome) for outcome in outcomes[1:]] == [AlreadyDecidedError, AlreadyDecidedError]
        await idle(app.service)
        with pytest.raises(UnknownApprovalError):
            await decide(app, "nothing")


async def test_several_questions_one_after_the_other(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "two")
        await decide(app, await asked(app), "deny")
        await decide(app, await asked(app, count=2))
        await idle(app.service)
        assert [approval["status"] for approval in await entities(app, "ChatApproval")] == ["denied", "approved"]


async def test_a_question_expires(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await submit(app.service, "soon")
        id = await asked(app)
        clock.jump(59)
        await until(lambda: True)
        assert [approval["status"] for approval in await entities(app, "ChatApproval")] == ["pending"]
        clock.jump(1)
        await idle(app.service)
        assert [approval["status"] for approval in await entities(app, "ChatApproval")] == ["expired"]
        assert "Nobody decided in time." in (await result(app))["result"]
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id)


async def test_a_decision_that_comes_too_late_is_refused_even_before_the_expiry_is_recorded(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await submit(app.service, "soon")
        id = await asked(app)
        clock.jump(60)
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id)
        await idle(app.service)
        assert [approval["status"] for approval in await entities(app, "ChatApproval")] == ["expired"]


@pytest.mark.rule("RN2", "RN4")
async def test_a_run_that_ends_takes_its_question_along(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "go")
        id = await asked(app)
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        assert [approval["status"] for approval in await entities(app, "ChatApproval")] == ["expired"]
        with pytest.raises(ApprovalExpiredError):
            await decide(app, id)


@pytest.mark.rule("RN3", "ST2")
async def test_after_a_restart_the_question_is_settled_with_its_run(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    async with chat(tmp_path, db=db) as app:
        await submit(app.service, "go")
        await asked(app)
        copy = tmp_path / "crashed"
        copy.mkdir()
        for file in tmp_path.glob("a.db*"):
            (copy / file.name).write_bytes(file.read_bytes())
    async with chat(tmp_path, db=str(copy / "a.db")) as again:
        assert await run_states(again) == ["interrupted"]
        assert [approval["status"] for approval in await entities(again, "ChatApproval")] == ["expired"]


@pytest.mark.rule("AC3", "AC5")
async def test_only_who_may_decides_and_is_named(tmp_path: Path) -> None:
    ann, bob = Principal(user="ann"), Principal(user="bob")
    async with chat(tmp_path) as app:
        await app.service.submit(ann, SubmitRequest(prompt="go", conv_id="c1"))
        id = await asked(app)
        with pytest.raises(UnknownSessionError):
            await decide(app, id, who=bob)
        await decide(app, id, who=ann)
        (approval,) = await entities(app, "ChatApproval")
        assert approval["decidedBy"] == "ann"


@pytest.mark.rule("OR4")
async def test_a_run_on_one_server_is_decided_on_the_other(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix)

    async with chat(tmp_path, store=store()) as a, chat(tmp_path, store=store()) as b:
        await submit(a.service, "go")
        id = await asked(b)
        assert await decide(b, id, input='{"path": "c.txt"}') == "edited"
        await asyncio.wait_for(a.service.wait_idle(ME, "c1"), BOUNDED_S)
        (call,) = await entities(b, "ChatToolCall")
        assert (call["input"], call["status"]) == ('{"path": "c.txt"}', "finished")
