"""Blocks in a running chat, through a plugin that lives outside the package (PG1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.chat.blocks.agent_mode import TAG, AgentModePlugin
from tests.unit.chat.chats import BOUNDED_S, ME, chat, entities, event_names, idle, run_states, submit, texts, until
from webchat_nb.app import ChatApp
from webchat_nb.errors import DuplicateNameError
from webchat_nb.stream import session_id
from webchat_nb.testing.fold import Fold, rows_timeline
from webchat_nb.wire.requests import CancelRequest

SWITCH = f'<{TAG}>{{"to": "planner", "analysis": "The task has several steps."}}</{TAG}>'
BROKEN = f'<{TAG}>{{"to": "planner", "analysis": "The task has sev'

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": 3, "delay_ms": 0},
    "turns": [
        {"match": "switch", "steps": [{"think": "hm"}, {"say": f"Let me see. {SWITCH}I will plan this."}]},
        {"match": "only", "steps": [{"say": SWITCH}]},
        {"match": "open", "steps": [{"say": f"So: {BROKEN}"}]},
        {"match": "less", "steps": [{"say": "1 <"}]},
        {"match": "tool", "steps": [{"say": f"So: {BROKEN}"}, {"call": {"tool": "add", "args": {}, "result": 2}}]},
        {
            "match": "wait",
            "steps": [{"say": f"So: {BROKEN}"}, {"wait_for": "go"}, {"say": 'eral"}</demo:agent_mode:v1>'}],
        },
        {"match": "fail", "steps": [{"say": f"So: {BROKEN}"}, {"fail": {"message": "overloaded"}}]},
        {"match": "after", "steps": [{"say": f"So: <{TAG}>no json</{TAG}>"}, {"wait_for": "never"}]},
    ],
}


@asynccontextmanager
async def modes(folder: Path, *, db: str = "memory", **tag: Any) -> AsyncIterator[ChatApp]:
    """A chat with the plugin, on the script above."""
    (folder / "script.yaml").write_text(yaml.safe_dump(SCRIPT))
    async with chat(folder, db=db, plugins=[AgentModePlugin(**tag)]) as app:
        yield app


async def ask(app: ChatApp, prompt: str) -> None:
    await submit(app.service, prompt)
    await idle(app.service)


async def answers(app: ChatApp) -> list[str]:
    return [content for role, content in await texts(app) if role == "assistant"]


@pytest.mark.rule("PG1", "SB3")
async def test_a_switch_is_cut_out_of_the_answer_previewed_and_made(tmp_path: Path) -> None:
    async with modes(tmp_path) as app:
        subscription = await app.service.subscribe(ME, "c1")
        fold, shown = Fold(), []
        fold.hydrate(subscription.hydration)
        await submit(app.service, "switch")
        async with asyncio.timeout(BOUNDED_S):
            async for delivery in subscription:
                fold.apply(delivery)
                if delivery.type.startswith("agent.mode"):
                    shown.append(delivery.type)
                if delivery.type == "run.finished":
                    break
        assert await answers(app) == ["Let me see. I will plan this."]
        assert [mode["to"] for mode in await entities(app, "DemoMode")] == ["planner"]
        assert shown[0] == "agent.mode.preview" and shown[-1] == "agent.mode" and len(shown) >= 3
        snapshot = await app.hub.snapshot(session_id("c1"), window=100)
        assert fold.timeline == rows_timeline(snapshot.entities)


@pytest.mark.rule("SB3")
async def test_the_log_has_the_block_as_it_was_written(tmp_path: Path) -> None:
    async with modes(tmp_path) as app:
        await ask(app, "switch")
        payloads: list[Any] = [event.payload for event in await app.hub.events(session_id("c1"), after=0, limit=1000)]  # type: ignore[arg-type]
        blocks = [payload for payload in payloads if payload.DESCRIPTOR.name.startswith("ChatBlock")]
        assert blocks[0].tag == TAG and {payload.block_id for payload in blocks} == {blocks[0].block_id}
        content = "".join(payload.text for payload in blocks[1:])
        assert f"<{TAG}>{content}</{TAG}>" == SWITCH


@pytest.mark.rule("RN2")
async def test_an_answer_that_is_nothing_but_a_block_makes_no_bubble(tmp_path: Path) -> None:
    async with modes(tmp_path) as app:
        await ask(app, "only")
        assert await answers(app) == []
        assert len(await entities(app, "DemoMode")) == 1


@pytest.mark.rule("SB2", "RN2")
@pytest.mark.parametrize("prompt", ["open", "tool", "fail"])
@pytest.mark.parametrize(("policy", "answer"), [("show", f"So: {BROKEN}"), ("drop", "So: ")])
async def test_an_open_block_ends_with_the_text_that_it_is_in(
    tmp_path: Path, prompt: str, policy: str, answer: str
) -> None:
    async with modes(tmp_path, on_malformed=policy) as app:
        await ask(app, prompt)
        assert await answers(app) == [answer]
        names = await event_names(app)
        assert names.count("ChatBlockEnded") == names.count("DemoModePreviewCleared") == 1
        assert await entities(app, "DemoMode") == []
        assert await run_states(app) == ["failed" if prompt == "fail" else "finished"]
        assert not any(message.get("streaming") for message in await entities(app, "ChatMessage"))


@pytest.mark.rule("SB2")
@pytest.mark.parametrize("prompt", ["open", "tool", "after"])
async def test_a_malformed_block_fails_the_run_when_its_policy_says_so(tmp_path: Path, prompt: str) -> None:
    async with modes(tmp_path, on_malformed="error") as app:
        await ask(app, prompt)
        (run,) = await entities(app, "ChatRun")
        assert run["status"] == "failed" and TAG in run["error"]
        assert await answers(app) == ["So: "]
        assert "DemoModePreviewCleared" in await event_names(app) or prompt == "after"


@pytest.mark.rule("SB1")
async def test_what_was_held_back_is_said_at_the_end(tmp_path: Path) -> None:
    async with modes(tmp_path) as app:
        await ask(app, "less")
        assert await answers(app) == ["1 <"]


@pytest.mark.rule("SB5", "RN4")
@pytest.mark.parametrize(("policy", "answer"), [("show", f"So: {BROKEN}"), ("drop", "So: ")])
async def test_stopping_closes_an_open_block_by_its_policy(tmp_path: Path, policy: str, answer: str) -> None:
    async with modes(tmp_path, on_malformed=policy) as app:
        await submit(app.service, "wait")
        await until(lambda: _has_event(app, "DemoModePreviewed"))
        await until(lambda: app.signals.waiting_count("go"))
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        await idle(app.service)
        assert await answers(app) == [answer]
        assert await run_states(app) == ["stopped"]
        names = await event_names(app)
        assert names.count("ChatBlockEnded") == names.count("DemoModePreviewCleared") == 1


@pytest.mark.rule("SB5", "RN3")
@pytest.mark.parametrize("policy", ["show", "drop"])
async def test_after_a_crash_an_open_block_is_closed_from_the_log(tmp_path: Path, policy: str) -> None:
    db = str(tmp_path / "chat.db")
    async with modes(tmp_path, db=db, on_malformed=policy) as dead:
        await submit(dead.service, "wait")
        await until(lambda: _has_event(dead, "DemoModePreviewed"))
        await until(lambda: dead.signals.waiting_count("go"))
        await dead.hub.store.close()  # as after kill -9: nothing more reaches the file
        async with modes(tmp_path, db=db, on_malformed=policy) as app:
            await idle(app.service)
            assert await run_states(app) == ["interrupted"]
            (answer,) = await answers(app)
            if policy == "drop":
                assert answer == "So: "
            else:
                assert f"So: {BROKEN}".startswith(answer) and len(answer) >= len(f"So: <{TAG}>") + 32
            names = await event_names(app)
            assert names.count("ChatBlockEnded") == names.count("DemoModePreviewCleared") == 1
            assert names[-1] == "ChatInferenceInterrupted"
            assert not any(message.get("streaming") for message in await entities(app, "ChatMessage"))


async def _has_event(app: ChatApp, name: str) -> bool:
    return name in await event_names(app)


async def test_a_tag_belongs_to_one_plugin(tmp_path: Path) -> None:
    class Another(AgentModePlugin):
        def register_schemas(self, registry: Any) -> None:
            pass

    with pytest.raises(DuplicateNameError, match="block tag 'demo:agent_mode:v1'"):
        async with chat(tmp_path, plugins=[AgentModePlugin(), Another()]):
            pass
