"""A run that waits for a person goes on with the next server (TL9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.blocks.agent_mode import TAG, AgentModePlugin
from tests.unit.chat.chats import ME, entities, event_names, idle, run_states, submit, texts, until
from tests.unit.chat.test_approvals import asked, decide
from tests.unit.chat.waiting import CALL, chat, is_at_work, killed, statuses, told
from webchat_nb.app import ChatApp
from webchat_nb.chat.engine import ApprovalAsked, RunRequest, TextDelta
from webchat_nb.errors import ApprovalExpiredError
from webchat_nb.stream import Ordinal, session_id
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import CancelRequest

pytestmark = pytest.mark.rule("TL9")


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
