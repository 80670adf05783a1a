"""Edit and resend, regenerate, and which branch an engine is told of."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, chat, entities, idle, run_states, submit, until
from webchat_nb.app import ChatApp
from webchat_nb.chat.engine import RunRequest, TextDelta
from webchat_nb.chat.history import PAGE
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.errors import BadRequestError, EngineError
from webchat_nb.stream import Event, SessionId, session_id
from webchat_nb.wire.requests import CancelRequest, MessageRequest, SubmitRequest

C1 = session_id("c1")


class Recording:
    """Remembers what it was told; waits, fails or is silent where the prompt says so."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []
        self.may_go = asyncio.Event()
        self.is_mute = False

    async def run(self, request: RunRequest) -> Any:
        self.requests.append(request)
        if "silent" in request.prompt or self.is_mute:
            raise EngineError("nothing to say")
        yield TextDelta(f"A{len(self.requests)}")
        if "wait" in request.prompt:
            await self.may_go.wait()
        if "fail" in request.prompt:
            raise EngineError("broken")

    def told(self, prompt: str) -> list[str]:
        """What the newest run of a prompt was told, as texts."""
        request = next(each for each in reversed(self.requests) if each.prompt == prompt)
        return [message.content for message in request.history]


def on(engine: Recording) -> dict[str, Any]:
    return {"engines": {"scripted": lambda plan: engine}}


async def ask(app: ChatApp, prompt: str, **more: Any) -> str:
    """Submit and wait for the answer; returns the id of the turn."""
    answer = await submit(app.service, prompt, **more)
    await idle(app.service)
    return answer.turn_id


async def tree(app: ChatApp) -> dict[str, str]:
    """Message text → text of the message it follows."""
    messages = await entities(app, "ChatMessage")
    text = {message["messageId"]: message["content"] for message in messages}
    return {message["content"]: text.get(message.get("parentMessageId", ""), "") for message in messages}


@pytest.mark.rule("RN10")
async def test_an_edited_prompt_is_a_sibling_and_its_engine_is_told_of_its_branch_alone(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        one = await ask(app, "one")
        await ask(app, "two")
        await ask(app, "two, better", parent=f"{one}:text:1")
        assert engine.told("two, better") == ["one", "A1"]
        await ask(app, "three")
        assert engine.told("three") == ["one", "A1", "two, better", "A3"]
        assert [request.turn for request in engine.requests] == [1, 2, 2, 3]
        assert await tree(app) == {
            "one": "", "A1": "one", "two": "A1", "A2": "two",
            "two, better": "A1", "A3": "two, better", "three": "A3", "A4": "three",
        }  # fmt: skip


@pytest.mark.rule("RN10")
async def test_the_first_prompt_can_be_edited_too(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        await ask(app, "one")
        await ask(app, "one, better", parent="")
        assert engine.told("one, better") == []
        assert (await tree(app))["one, better"] == ""
        await ask(app, "two")
        assert engine.told("two") == ["one, better", "A2"]


@pytest.mark.rule("RN14")
async def test_an_answer_is_made_again_beside_the_first(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        one = await ask(app, "one")
        two = await ask(app, "two")
        again = await submit(app.service, "", regenerate=f"{two}:text:1")
        await idle(app.service)
        assert again.turn_id != two
        assert engine.told("two") == ["one", "A1"]
        assert engine.requests[-1].turn == 2
        messages = {message["content"]: message for message in await entities(app, "ChatMessage")}
        assert [text for text in messages if text.startswith("A")] == ["A1", "A2", "A3"]
        assert messages["A3"]["parentMessageId"] == messages["A2"]["parentMessageId"] == f"{two}-user"
        assert messages["two"]["parentMessageId"] == f"{one}:text:1"
        await ask(app, "three")
        assert engine.told("three") == ["one", "A1", "two", "A3"]
        await ask(app, "three, on the first answer", parent=f"{two}:text:1")
        assert engine.told("three, on the first answer") == ["one", "A1", "two", "A2"]
        assert (await app.hub.rebuild(C1)).is_same


@pytest.mark.rule("RN14", "RN7")
async def test_a_prompt_that_got_no_answer_can_be_answered_again(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        await ask(app, "one")
        silent = await ask(app, "silent")
        await ask(app, "three")
        assert engine.told("three") == ["one", "A1", "silent"]
        await ask(app, "", regenerate=f"{silent}-user")
        assert engine.told("silent") == ["one", "A1"]
        await ask(app, "four")
        assert engine.told("four") == ["one", "A1", "silent"]
        assert await run_states(app) == ["finished", "failed", "finished", "failed", "finished"]


@pytest.mark.rule("RN14", "RN10")
async def test_a_prompt_after_a_silent_second_answer_is_not_told_the_first(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        first = await ask(app, "fail")
        engine.is_mute = True
        await ask(app, "", regenerate=f"{first}:text:1")
        engine.is_mute = False
        await ask(app, "next")
        assert engine.told("next") == ["fail"]


@pytest.mark.rule("RN10", "RN1")
async def test_a_waiting_prompt_follows_whatever_was_begun_last_when_its_turn_comes(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        await submit(app.service, "wait")
        await submit(app.service, "two")
        dropped = await submit(app.service, "dropped")
        await submit(app.service, "four")
        last = await submit(app.service, "five")
        await app.service.cancel(ME, CancelRequest(conv_id="c1", run_id=dropped.run_id))
        await app.service.move(ME, "c1", last.run_id, 1)
        engine.may_go.set()
        await idle(app.service)
        assert engine.told("five") == ["wait", "A1"]
        assert engine.told("two") == ["wait", "A1", "five", "A2"]
        assert engine.told("four") == ["wait", "A1", "five", "A2", "two", "A3"]
        follows = await tree(app)
        assert [follows[text] for text in ("five", "two", "four")] == ["A1", "A2", "A3"]
        assert (await app.hub.rebuild(C1)).is_same


@pytest.mark.rule("RN10")
@pytest.mark.parametrize("named", ["user", "answer"])
async def test_a_prompt_that_names_a_turn_that_goes_on_follows_all_of_it(tmp_path: Path, named: str) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        running = await submit(app.service, "wait")
        await until(lambda: _said(app, "A1"))
        parent = f"{running.turn_id}-user" if named == "user" else f"{running.turn_id}:text:1"
        await submit(app.service, "two")
        await submit(app.service, "beside two", parent=parent)
        engine.may_go.set()
        await idle(app.service)
        assert engine.told("two") == ["wait", "A1"]
        assert engine.told("beside two") == ["wait", "A1"]


async def _said(app: ChatApp, text: str) -> bool:
    return any(message.get("content") == text for message in await entities(app, "ChatMessage"))


@pytest.mark.rule("RN14", "RN1")
async def test_an_answer_that_is_made_again_waits_its_turn(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        one = await ask(app, "one")
        await submit(app.service, "wait")
        again = await submit(app.service, "", regenerate=f"{one}:text:1")
        assert (again.status, again.queue_position) == ("queued", 1)
        (waiting,) = await app.service.queue(ME, "c1")
        assert (waiting.prompt, waiting.message_id) == ("one", f"{one}-user")
        engine.may_go.set()
        await idle(app.service)
        assert [request.prompt for request in engine.requests] == ["one", "wait", "one"]
        assert (await tree(app))["one"] == ""


@pytest.mark.rule("RN7", "RN10")
async def test_failed_answers_on_the_branch_are_told_marked(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        first = await ask(app, "fail")
        await ask(app, "two", parent=f"{first}:text:1")
        assert [message.status for message in engine.requests[-1].history] == ["finished", "failed"]


@pytest.mark.rule("RN14", "RN10")
@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"prompt": "x", "parent": "nowhere"}, "parent: no message 'nowhere' in this conversation"),
        ({"prompt": "x", "parent": "THOUGHT"}, "parent: expected a prompt or an answer"),
        ({"regenerate": "nowhere"}, "regenerate: no message 'nowhere' in this conversation"),
        ({"regenerate": "THOUGHT"}, "regenerate: expected a prompt or an answer"),
        ({"prompt": "x", "regenerate": "ANSWER"}, "prompt: expected none with regenerate"),
        ({"parent": "ANSWER", "regenerate": "ANSWER"}, "parent: expected none with regenerate"),
        ({"attachments": ["a"], "regenerate": "ANSWER"}, "attachments: expected none with regenerate"),
        ({}, "prompt: missing"),
        ({"prompt": " "}, "prompt: expected some text"),
    ],
)
async def test_a_place_that_is_none_is_named_and_nothing_is_started(
    tmp_path: Path, request_: dict[str, Any], message: str
) -> None:
    async with chat(tmp_path) as app:
        turn = await ask(app, "think")
        ids = {"THOUGHT": f"{turn}:thinking:1", "ANSWER": f"{turn}:text:1"}
        asked = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in request_.items()}
        before = (await app.hub.session(C1)).head
        with pytest.raises(BadRequestError, match=message):
            await app.service.submit(ME, SubmitRequest(conv_id="c1", **asked))
        assert (await app.hub.session(C1)).head == before


@pytest.mark.rule("RN10")
async def test_a_parent_in_a_conversation_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        with pytest.raises(BadRequestError):
            await submit(app.service, "hi", parent="t-1:text:1")
        assert not (await app.hub.session(C1)).exists
        assert (await submit(app.service, "hi", parent="")).status == "started"


@pytest.mark.rule("HT1")
def test_both_route_families_know_parent_and_regenerate() -> None:
    assert MessageRequest(prompt="x", parent="m").to_submit("c1").parent == "m"
    assert MessageRequest(regenerate="m").to_submit("c1").regenerate == "m"


@pytest.mark.rule("RN7", "RN10")
async def test_a_long_branch_is_told_from_its_beginning(tmp_path: Path) -> None:
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        await ask(app, "one")
        for start in range(0, 2 * PAGE, PAGE):
            events = [_card(C1, number) for number in range(start, start + PAGE)]
            await app.hub.publish(*events)
        await ask(app, "two")
        assert engine.told("two") == ["one", "A1"]


def _card(conversation: SessionId, number: int) -> Event:
    usage = ev.ChatEntityEmitted(kind="ChatToolResult", id=f"r{number}", payload_json="{}")
    return Event(session_id=conversation, name="ChatEntityEmitted", payload=usage)


@pytest.mark.rule("RN7", "RN10")
async def test_a_conversation_from_before_there_were_branches_is_told_in_full(tmp_path: Path) -> None:
    """A prompt that waited named the prompt before it then, not the answer that this got."""
    engine = Recording()
    async with chat(tmp_path, **on(engine)) as app:
        await ask(app, "one")
        for text in ("wait", "three"):
            await submit(app.service, text)
        await until(lambda: _said(app, "A2"))
        engine.may_go.set()
        await idle(app.service)
        messages = {message["content"]: message for message in await entities(app, "ChatMessage")}
        old = {**messages["three"], "parentMessageId": messages["wait"]["messageId"]}
        await app.hub.publish(_message(old))
        await ask(app, "four")
        assert engine.told("four") == ["one", "A1", "wait", "A2", "three", "A3"]


def _message(payload: dict[str, Any]) -> Event:
    put = ev.ChatEntityEmitted(kind="ChatMessage", id=payload["messageId"], payload_json=json.dumps(payload))
    return Event(session_id=C1, name="ChatEntityEmitted", payload=put)
