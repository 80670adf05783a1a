"""How a call of a browser ends that nobody answers, and answers that other servers take (TL7)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, event_names, idle, run_states
from tests.unit.chat.tools.pages import (
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
from tests.unit.stream.redis_stores import BOUNDED_S, prefix, server
from tests.unit.stream.redis_stores import until as until_soon
from webchat_nb.chat.tools.browser.browser_tools import PERSON_TIMEOUT_S
from webchat_nb.errors import (
    AlreadyAnsweredError,
    UnknownToolCallError,
)
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.tool_requests import OfferedTool

__all__ = ["prefix", "server"]

pytestmark = pytest.mark.rule("TL7")


@pytest.mark.rule("RN3", "ST2")
async def test_after_a_crash_nobody_waits_for_the_answer(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    async with chat(tmp_path, db=db) as app:
        await offer(app, "locate")
        id = await called(app)
        await claim(app, id, "page1")
        copy = tmp_path / "crashed"
        copy.mkdir()
        for file in tmp_path.glob("a.db*"):
            if file.is_file():
                (copy / file.name).write_bytes(file.read_bytes())
    async with chat(tmp_path, db=str(copy / "a.db")) as again:
        assert await run_states(again) == ["interrupted"]
        assert (await the_call(again))["status"] == "interrupted"
        with pytest.raises(UnknownToolCallError):
            await say(again, id, result="Ulm", client_id="page1")
        assert names(again) == []


@pytest.mark.rule("TL1")
@pytest.mark.parametrize(
    ("tool", "seconds"),
    [
        (OfferedTool(name="locate"), 60.0),
        (OfferedTool(name="locate", timeout_s=7), 7.0),
        (OfferedTool(name="locate", answer_schema=FORM), PERSON_TIMEOUT_S),
        (OfferedTool(name="locate", answer_schema=FORM, timeout_s=30), 30.0),
    ],
)
async def test_no_answer_in_time_is_an_error_result(tmp_path: Path, tool: OfferedTool, seconds: float) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await offer(app, tool)
        id = await called(app)
        clock.jump(seconds - 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not await entities(app, "ChatToolResult")
        clock.jump(1)
        await idle(app.service)
        assert await result(app) == ("error", f"No answer came from the browser within {seconds:g} s.")
        with pytest.raises(UnknownToolCallError):
            await say(app, id, result={"days": 1})
        assert await run_states(app) == ["finished"]


@pytest.mark.parametrize("turn_count", range(-8, 9))
async def test_whoever_is_told_that_the_answer_was_taken_has_it_taken(tmp_path: Path, turn_count: int) -> None:
    """The answer and the end of the time meet; the log says which came first, and both sides heed it."""
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await offer(app, "locate")
        id = await called(app)

        async def answer() -> bool:
            for _ in range(-turn_count):
                await asyncio.sleep(0)
            return await say(app, id, result="just in time")

        answering = asyncio.ensure_future(answer())
        for _ in range(turn_count):
            await asyncio.sleep(0)
        clock.jump(60)
        await asyncio.wait([answering])
        await idle(app.service)
        is_taken = answering.exception() is None
        assert is_taken or turn_count < 0
        over = ("error", "No answer came from the browser within 60 s.")
        assert await result(app) == (("ok", "just in time") if is_taken else over)
        assert (await event_names(app)).count("ChatToolCallAnswered") == 1
        if turn_count == -8:
            assert isinstance(answering.exception(), UnknownToolCallError)


async def test_a_page_that_claims_and_says_nothing_is_too_late(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        await offer(app, "locate")
        id = await called(app)
        await claim(app, id, "page1")
        clock.jump(60)
        await idle(app.service)
        with pytest.raises(UnknownToolCallError):
            await say(app, id, result="late", client_id="page1")
        with pytest.raises(UnknownToolCallError):
            await claim(app, id, "page1")


@pytest.mark.rule("OR4")
async def test_a_call_in_the_server_itself_is_no_browsers(tmp_path: Path, server: RedisServer, prefix: str) -> None:
    may_end = asyncio.Event()

    async def locate(exact: bool) -> str:
        """Where the server is."""
        await may_end.wait()
        return "Nuremberg"

    store = RedisStore(server.url, prefix=prefix)
    async with chat(tmp_path, {"tools": ["locate"]}, tools=[locate], store=store) as app:
        await prompt(app)
        await until_soon(lambda: is_executing(app))
        id = (await the_call(app))["toolCallId"]
        for wrong in (say(app, id, result="x"), claim(app, id, "page1")):
            with pytest.raises(UnknownToolCallError):
                await wrong
        may_end.set()
        await asyncio.wait_for(app.service.wait_idle(ME, "c1"), BOUNDED_S)
        assert await result(app) == ("ok", "Nuremberg")


@pytest.mark.rule("OR4")
async def test_a_call_of_one_server_is_claimed_and_answered_on_the_other(
    tmp_path: Path, server: RedisServer, prefix: str
) -> None:
    def store() -> RedisStore:
        return RedisStore(server.url, prefix=prefix)

    async with chat(tmp_path, store=store()) as a, chat(tmp_path, store=store()) as b:
        await offer(a, "locate")
        await prompt(a)
        await until_soon(lambda: is_executing(b))
        id = (await the_call(b))["toolCallId"]
        claims = await asyncio.gather(claim(b, id, "page1"), claim(a, id, "page2"))
        assert sorted(claims) == [False, True]
        client = "page1" if claims[0] else "page2"
        with pytest.raises(AlreadyAnsweredError):
            await say(b, id, result="x", client_id="page3")
        assert await say(b, id, result="Ulm", client_id=client)
        with pytest.raises(AlreadyAnsweredError):
            await say(a, id, result="x")
        await asyncio.wait_for(a.service.wait_idle(ME, "c1"), BOUNDED_S)
        assert await result(b) == ("ok", "Ulm")
