"""Questions that tools, scripts and functions ask a person, through the whole chat (TL5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.unit.chat.chats import entities, idle, submit, texts, until
from tests.unit.chat.tools.tool_runs import asked, chat, decide, result
from tests.unit.stream.redis_stores import prefix, server
from webchat_nb.chat.tools import Ask, ToolContext
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.errors import AlreadyDecidedError, BadRequestError
from webchat_nb.stream import session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock

__all__ = ["prefix", "server"]  # fixtures


@pytest.mark.rule("TL5")
async def test_a_tool_asks_the_person_and_the_answer_is_kept(tmp_path: Path) -> None:
    @tool
    async def own(a: int, context: ToolContext) -> str:
        decision = await context.ask(
            Ask(question="How many?", schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}})
        )
        return decision.input or "nothing"

    async with chat(tmp_path, {"tools": ["own"]}, tools=[own]) as app:
        await submit(app.service, "own")
        question = await asked(app)
        assert (question["question"], question["status"], question["toolName"]) == ("How many?", "pending", "own")
        with pytest.raises(BadRequestError, match=r"^input\.n: 0 is less than the minimum of 1"):
            await decide(app, input='{"n": 0}')
        assert await decide(app, input='{"n": 3}') == "approved"
        with pytest.raises(AlreadyDecidedError):
            await decide(app, input='{"n": 4}')
        await idle(app.service)
        assert (await result(app))["result"] == '{"n": 3}'
        (answered,) = await entities(app, "ChatApproval")
        assert (answered["status"], answered["input"]) == ("approved", '{"n": 3}')
        assert (await app.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("TL5", "ST2")
async def test_an_answer_is_there_after_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        await submit(app.service, "where")
        await decide(app, input='{"answer": "here"}')
        await idle(app.service)
    async with chat(tmp_path, db=db) as again:
        (answered,) = await entities(again, "ChatApproval")
        assert (answered["question"], answered["input"]) == ("Where is where?", '{"answer": "here"}')
        with pytest.raises(AlreadyDecidedError):
            await decide(again, input='{"answer": "there"}')


@pytest.mark.rule("TL5")
async def test_a_script_asks_and_says_the_answer(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "where")
        question = await asked(app)
        assert (question["question"], "toolCallId" in question) == ("Where is where?", False)
        with pytest.raises(BadRequestError, match=r"^input: 'answer' is a required property"):
            await decide(app)
        assert await decide(app, input='{"answer": "here"}') == "approved"
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", 'Answer: {"answer": "here"}.')


@pytest.mark.rule("TL5")
async def test_a_question_that_may_be_answered_with_nothing_may_be_approved(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.engine
        def answer(messages: Any) -> Any:
            said = yield {"ask": {"question": "Go on?", "schema": {"type": "object"}}}
            yield f"Said {said}."

        await submit(app.service, "hi", profile="answer")
        assert await decide(app) == "approved"
        await idle(app.service)
        assert (await texts(app))[-1] == ("assistant", "Said {}.")


@pytest.mark.rule("TL5", "EN2")
@pytest.mark.parametrize("kind", ["generator", "async generator"])
@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_function_that_answers_may_ask(tmp_path: Path, kind: str, decision: str) -> None:
    ask = Ask(question="Your name?", expires_s=60)
    async with chat(tmp_path) as app:
        if kind == "generator":

            @app.engine(name="own")
            def answer(messages: Any) -> Any:
                said = yield ask
                yield f"Hello, {said['answer']}." if said else "Never mind."
        else:

            @app.engine(name="own")
            async def answer_async(messages: Any) -> Any:
                said = yield ask
                yield f"Hello, {said['answer']}." if said else "Never mind."

        await submit(app.service, "hi", profile="own")
        await decide(app, decision, input='{"answer": "Ann"}' if decision == "approve" else None)
        await idle(app.service)
        assert (await texts(app))[-1][1] == ("Hello, Ann." if decision == "approve" else "Never mind.")


@pytest.mark.rule("TL5")
async def test_a_question_expires_and_the_engine_goes_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:

        @app.engine(name="own")
        def answer(messages: Any) -> Any:
            yield str((yield Ask(question="Your name?", expires_s=60)))

        for profile, told in (("own", "None"), ("default", "Answer: .")):
            await submit(app.service, "where", conv_id=profile, profile=profile)
            await until(lambda profile=profile: entities(app, "ChatApproval", profile))
            clock.jump(60)
            await idle(app.service, profile)
            (approval,) = await entities(app, "ChatApproval", profile)
            assert approval["status"] == "expired"
            assert (await texts(app, profile))[-1] == ("assistant", told)


@pytest.mark.rule("TL5")
async def test_a_function_that_asks_what_cannot_be_asked_fails_and_says_so(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:

        @app.engine(name="own")
        def answer(messages: Any) -> Any:
            yield {"ask": {"question": "?", "schema": {"type": "array"}}}

        await submit(app.service, "hi", profile="own")
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert run["error"].startswith("the engine's function asked what cannot be asked: schema.type")


@pytest.mark.rule("TL5", "OR4")
async def test_a_question_of_a_run_on_one_server_is_answered_on_the_other(
    tmp_path: Path, server: RedisServer, prefix: str
) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix)

    async with chat(tmp_path, store=store()) as a, chat(tmp_path, store=store()) as b:
        await submit(a.service, "where")
        await asked(b)
        with pytest.raises(BadRequestError, match=r"^input: 'answer' is a required property"):
            await decide(b, input="{}")
        assert await decide(b, input='{"answer": "here"}') == "approved"
        await idle(a.service)
        assert (await texts(b))[-1] == ("assistant", 'Answer: {"answer": "here"}.')
        (answered,) = await entities(a, "ChatApproval")
        assert answered["input"] == '{"answer": "here"}'
