"""A call that waits for a person is made by the next server, and never twice (TL9)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import entities, idle, run_states, submit, texts, until
from tests.unit.chat.test_approvals import asked, decide
from tests.unit.chat.waiting import Burning, chat, is_at_work, killed, statuses
from webchat_nb.app import ChatApp
from webchat_nb.chat.tools import Approval, Ask, ToolContext, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.engines.past import LOST
from webchat_nb.errors import ApprovalExpiredError
from webchat_nb.stream import Ordinal, session_id

pytestmark = pytest.mark.rule("TL9")


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
