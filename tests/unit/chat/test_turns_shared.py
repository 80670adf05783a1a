"""Branches, the line and steering where two servers share a Redis."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.chat.chats import ME, entities, idle, run_states, submit, texts, until
from tests.unit.chat.test_steering import begun, steer, steerable
from webchat_nb.app import ChatApp
from webchat_nb.errors import NotWaitingError
from webchat_nb.stream import session_id
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.wire.requests import CancelRequest, FeedbackRequest


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def two(server: RedisServer, tmp_path: Path) -> AsyncIterator[tuple[ChatApp, ChatApp]]:
    prefix = f"test-{secrets.token_hex(6)}"
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(steerable(tmp_path, store=RedisStore(server.url, prefix=prefix)))
            for _ in range(2)
        ]
        yield apps[0], apps[1]


@pytest.mark.rule("RN13", "OR4")
async def test_a_prompt_that_one_server_gets_is_taken_by_the_engine_of_another(two: tuple[ChatApp, ChatApp]) -> None:
    one, other = two
    running = await begun(one)
    steered = await steer(other, "tea")
    assert (steered.status, steered.run_id) == ("steered", running.run_id)
    one.signals.send("ready")
    one.signals.send("end")
    await idle(other.service)
    assert await texts(other) == [
        ("user", "work"),
        ("assistant", "Working."),
        ("user", "tea"),
        ("assistant", "You want tea."),
    ]
    assert (await one.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("RN13", "RN4", "OR4")
async def test_what_another_server_withdraws_is_not_taken(two: tuple[ChatApp, ChatApp]) -> None:
    one, other = two
    await begun(one)
    await steer(other, "tea", idempotency_key="tea")
    assert (await other.service.cancel(ME, CancelRequest(conv_id="c1", idempotency_key="tea"))).status == "dequeued"
    await steer(other, "milk")
    one.signals.send("ready")
    one.signals.send("end")
    await idle(one.service)
    assert ("assistant", "You want milk.") in await texts(one)
    assert sorted(await run_states(one)) == ["finished", "stopped"]


@pytest.mark.rule("RN13", "RN4", "OR4")
async def test_a_run_that_another_server_stops_leaves_what_was_steered_to_that_server(
    two: tuple[ChatApp, ChatApp],
) -> None:
    one, other = two
    await begun(one)
    await steer(one, "tea")
    await until(lambda: _sees(other, "tea"))
    await other.service.cancel(ME, CancelRequest(conv_id="c1"))
    await idle(other.service)
    await idle(one.service)
    assert await run_states(one) == ["stopped", "finished"]
    assert ("assistant", "You said: tea") in await texts(one)


async def _sees(app: ChatApp, text: str) -> bool:
    return ("user", text) in await texts(app)


@pytest.mark.rule("RN11", "OR4")
async def test_the_line_is_one_for_all_servers(two: tuple[ChatApp, ChatApp]) -> None:
    one, other = two
    running = await begun(one, "deaf")
    runs = [await submit(app.service, text) for app, text in ((one, "a"), (other, "b"), (one, "c"))]
    await other.service.move(ME, "c1", runs[2].run_id, 1)
    await one.service.drop(ME, "c1", runs[0].run_id)
    for app in two:
        assert [waiting.prompt for waiting in await app.service.queue(ME, "c1")] == ["c", "b"]
    with pytest.raises(NotWaitingError):
        await other.service.drop(ME, "c1", running.run_id)
    one.signals.send("end")
    await idle(other.service)
    answers = [text for role, text in await texts(other) if role == "assistant"]
    assert answers == ["Busy.", "You said: c", "You said: b"]


@pytest.mark.rule("RN14", "RN10", "FB1", "OR4")
async def test_branches_and_feedback_go_on_at_another_server(two: tuple[ChatApp, ChatApp]) -> None:
    one, other = two
    first = await submit(one.service, "hi")
    await idle(one.service)
    again = await submit(other.service, "", regenerate=f"{first.turn_id}:text:1")
    await idle(other.service)
    await submit(one.service, "next")
    await idle(one.service)
    prompt = next(message for message in await entities(other, "ChatMessage") if message["content"] == "next")
    assert prompt["parentMessageId"] == f"{again.turn_id}:text:1"
    await other.service.give_feedback(ME, "c1", FeedbackRequest(message_id=f"{again.turn_id}:text:1", value="up"))
    assert [feedback["value"] for feedback in await entities(one, "ChatFeedback")] == ["up"]
