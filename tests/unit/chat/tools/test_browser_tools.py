"""Tools of a browser: called by runs, claimed by one page, answered once (TL7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.chat.chats import ME, entities, event_names, idle, run_states, texts, until
from tests.unit.chat.tools.pages import (
    ANN,
    BOB,
    C1,
    FORM,
    called,
    chat,
    claim,
    is_executing,
    names,
    offer,
    prompt,
    result,
    say,
    the_call,
)
from webchat_nb.chat.engine import ToolCallExecuting, ToolCallResult, ToolCallStarted
from webchat_nb.errors import (
    AlreadyAnsweredError,
    BadRequestError,
    IdempotencyConflictError,
    TooLargeError,
    UnknownSessionError,
    UnknownToolCallError,
    UsageError,
)
from webchat_nb.stream import Session
from webchat_nb.wire.requests import CancelRequest, DecisionRequest, Limits, Principal, SubmitRequest
from webchat_nb.wire.tool_requests import OfferedTool, ToolResultRequest

pytestmark = pytest.mark.rule("TL7")


async def test_a_page_makes_the_call_that_a_run_asks_for(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        assert await offer(app, "locate") == 1  # before the first prompt
        id = await called(app)
        assert await claim(app, id, "page1")
        assert await say(app, id, result={"city": "Ulm"}, client_id="page1")
        await idle(app.service)
        assert await result(app) == ("ok", '{"city":"Ulm"}')
        assert (await the_call(app))["status"] == "finished"
        assert (await texts(app))[-1] == ("assistant", "Done.")
        assert await run_states(app) == ["finished"]
        log = await event_names(app)
        assert log.index("ChatToolCallClaimed") < log.index("ChatToolCallAnswered")
        assert log.index("ChatToolCallAnswered") < log.index("ChatToolCallResultReady")
        assert (await app.hub.rebuild(C1)).is_same


@pytest.mark.rule("SC2")
async def test_who_has_the_call_is_private(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        id = await called(app)
        await claim(app, id, "page1")
        await say(app, id, result="Ulm")
        await idle(app.service)
        assert not await entities(app, "ChatBrowserCall")
        export = json.loads((await app.service.export(ME, "c1")).content)
        assert "ChatBrowserCall" not in {entity["kind"] for entity in export["entities"]}
        assert "ChatBrowserCall" not in {schema["name"] for schema in app.service.describe_schemas()}


@pytest.mark.parametrize(
    ("given", "told"), [("Ulm", "Ulm"), (None, "null"), (3.5, "3.5"), ([1, "a"], '[1,"a"]'), (msgspec.UNSET, "")]
)
async def test_a_result_is_text_or_any_json(tmp_path: Path, given: Any, told: str) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        await say(app, await called(app), result=given)
        await idle(app.service)
        assert await result(app) == ("ok", told)


async def test_a_page_may_say_that_it_failed(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        await say(app, await called(app), result="no GPS", is_error=True)
        await idle(app.service)
        assert await result(app) == ("error", "no GPS")
        assert await run_states(app) == ["finished"]


async def test_one_page_gets_the_call(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        await offer(app, "locate", client="page2")
        id = await called(app)
        claims = await asyncio.gather(*[claim(app, id, f"page{n}") for n in (1, 2, 1, 2)])
        assert claims == [True, False, True, False]
        with pytest.raises(AlreadyAnsweredError, match="another page"):
            await say(app, id, result="here", client_id="page2")
        await say(app, id, result="there", client_id="page1")
        assert not await claim(app, id, "page1"), "it was made"
        await idle(app.service)
        assert await result(app) == ("ok", "there")
        assert [await claim(app, id, f"page{n}") for n in (1, 2)] == [False, False]
        assert (await event_names(app)).count("ChatToolCallClaimed") == 1


async def test_the_first_answer_stands(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        id = await called(app)
        told = await asyncio.gather(*[say(app, id, result=text) for text in ("a", "b")], return_exceptions=True)
        assert told[0] is True and isinstance(told[1], AlreadyAnsweredError)
        await idle(app.service)
        assert await result(app) == ("ok", "a")
        with pytest.raises(AlreadyAnsweredError):
            await say(app, id, result="c")
        assert (await event_names(app)).count("ChatToolCallAnswered") == 1


@pytest.mark.rule("HT3")
async def test_an_answer_with_the_same_key_is_the_same_answer(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        id = await called(app)
        assert [await say(app, id, result="a", key="k") for _ in range(2)] == [True, True]
        with pytest.raises(IdempotencyConflictError):
            await say(app, id, result="b", key="k")
        await idle(app.service)
        assert await result(app) == ("ok", "a")


async def test_only_calls_that_wait_for_a_browser_can_be_answered(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await prompt(app, "scripted")
        await until(lambda: entities(app, "ChatToolResult"))
        of_the_server = (await the_call(app))["toolCallId"]
        for id in ("nothing", "", of_the_server):
            with pytest.raises(UnknownToolCallError):
                await say(app, id, result="x")
            with pytest.raises(UnknownToolCallError):
                await claim(app, id, "page1")
        with pytest.raises(UnknownSessionError):
            await app.service.answer_tool_call(ME, "elsewhere", ToolResultRequest(tool_call_id="x", result="x"))


async def test_a_call_that_its_engine_ended_cannot_be_answered_while_the_run_goes_on(tmp_path: Path) -> None:
    may_end = asyncio.Event()
    async with chat(tmp_path) as app:

        @app.engine
        async def impatient(messages: Any) -> AsyncIterator[Any]:
            yield ToolCallStarted("call-1", "locate")
            yield ToolCallExecuting("call-1", place="browser")
            yield ToolCallResult("call-1", "Never mind.", is_error=True)
            await may_end.wait()

        await app.service.submit(ME, SubmitRequest(prompt="go", conv_id="c1", profile="impatient"))
        await until(lambda: entities(app, "ChatToolResult"))
        with pytest.raises(UnknownToolCallError):
            await say(app, "call-1", result="Ulm")
        with pytest.raises(UnknownToolCallError):
            await claim(app, "call-1", "page1")
        may_end.set()
        await idle(app.service)


@pytest.mark.rule("RN2", "RN4")
async def test_a_call_ends_with_its_run(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate")
        id = await called(app)
        await app.service.cancel(ME, CancelRequest(conv_id="c1"))
        with pytest.raises(UnknownToolCallError):
            await say(app, id, result="late")
        with pytest.raises(UnknownToolCallError):
            await claim(app, id, "page1")
        assert (await the_call(app))["status"] == "stopped"


async def test_what_a_person_fills_in_fits_the_form(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, OfferedTool(name="fill", answer_schema=FORM))
        id = await called(app, "form")
        assert json.loads((await the_call(app))["answerSchema"]) == FORM
        for wrong, path in (({"days": "x"}, r"result\.days: "), ({}, "result: "), ("text", "result: "), ([1], "res")):
            with pytest.raises(BadRequestError, match=rf"^{path}"):
                await say(app, id, result=wrong)
        with pytest.raises(BadRequestError, match="person"):
            await claim(app, id, "page1")
        assert await is_executing(app)
        assert await say(app, id, result={"days": 3})
        await idle(app.service)
        assert await result(app) == ("ok", '{"days":3}')


async def test_a_person_may_decline(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, OfferedTool(name="fill", answer_schema=FORM))
        await say(app, await called(app, "form"), result="Not now.", is_error=True)
        await idle(app.service)
        assert await result(app) == ("error", "Not now.")


@pytest.mark.rule("TL4")
async def test_a_page_may_want_a_person_to_be_asked_first(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, OfferedTool(name="locate", approval="always"))
        await prompt(app)
        await until(lambda: entities(app, "ChatApproval"))
        (question,) = await entities(app, "ChatApproval")
        with pytest.raises(UnknownToolCallError):
            await claim(app, question["toolCallId"], "page1")
        await app.service.decide(ME, "c1", question["approvalId"], DecisionRequest(decision="approve"))
        await until(lambda: is_executing(app))
        await say(app, question["toolCallId"], result="Ulm")
        await idle(app.service)
        assert await result(app) == ("ok", "Ulm")


@pytest.mark.rule("TL8")
async def test_a_locked_profile_takes_no_tool_of_a_page(tmp_path: Path) -> None:
    async with chat(tmp_path, {"allow_overrides": False}) as app:
        await offer(app, "locate")
        await prompt(app)
        await idle(app.service)
        assert await result(app) == ("error", "no tool locate is registered")


@pytest.mark.rule("TL8")
async def test_a_tool_of_the_server_with_the_same_name_is_meant(tmp_path: Path) -> None:
    def locate(exact: bool) -> str:
        """Where the server is."""
        return "Nuremberg"

    async with chat(tmp_path, {"tools": ["locate"]}, tools=[locate]) as app:
        await offer(app, "locate")
        await prompt(app)
        await idle(app.service)
        assert await result(app) == ("ok", "Nuremberg")
        assert "place" not in await the_call(app)


class EverybodyMay:
    """A conversation that several people share."""

    def may(self, who: Principal, action: str, session: Session) -> bool:
        return True


@pytest.mark.rule("AC3", "AC8")
async def test_tools_are_their_owners_alone(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await offer(app, "locate", who=ANN)
        id = await called(app, who=ANN)
        for attempt in (offer(app, "evil", who=BOB), say(app, id, result="x", who=BOB), claim(app, id, "p", who=BOB)):
            with pytest.raises(UnknownSessionError):
                await attempt
        assert (names(app, ANN), names(app, BOB)) == (["locate"], [])


@pytest.mark.rule("AC5")
async def test_nobody_answers_for_another_user_where_all_may_prompt(tmp_path: Path) -> None:
    async with chat(tmp_path, policy=EverybodyMay()) as app:
        await offer(app, "locate", who=ANN)
        id = await called(app, who=ANN)
        await offer(app, "other", who=BOB)
        assert [names(app, who) for who in (ANN, BOB)] == [["locate"], ["other"]]
        with pytest.raises(UnknownToolCallError):
            await say(app, id, result="x", who=BOB)
        with pytest.raises(UnknownToolCallError):
            await claim(app, id, "page1", who=BOB)
        assert await claim(app, id, "page1", who=ANN)
        await say(app, id, result="Ulm", who=ANN)
        await idle(app.service)
        with pytest.raises(UnknownToolCallError):  # not even that it was answered
            await say(app, id, result="x", who=BOB)
        await prompt(app, who=BOB)
        await idle(app.service)
        assert await result(app) == ("error", "no tool locate is registered")


@pytest.mark.rule("AC6")
async def test_a_result_has_a_limit(tmp_path: Path) -> None:
    async with chat(tmp_path, limits=Limits(max_tool_result_chars=10)) as app:
        await offer(app, "locate")
        id = await called(app)
        with pytest.raises(TooLargeError, match=r"^result: 11 characters, the limit is max_tool_result_chars"):
            await say(app, id, result="x" * 11)
        for wrong in ({"result": "x"}, {"is_error": True}, {"client_id": ""}):
            with pytest.raises(UsageError):
                await say(app, id, **{"claim": True, "client_id": "page1", **wrong})
        assert await say(app, id, result="x" * 10)
