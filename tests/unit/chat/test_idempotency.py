"""Every command that changes something is carried out once per key, by one and the same means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, chat, event_names, idle, run_states, submit
from webchat_nb.app import ChatApp
from webchat_nb.errors import BadRequestError, IdempotencyConflictError
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import CancelRequest, FeedbackRequest, Principal, SubmitRequest

C1 = session_id("c1")

Act = Callable[[ChatApp, dict[str, str], str, str], Awaitable[Any]]
"""(app, ids, which of two payloads, key)."""


def rename(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    return app.service.rename_session(ME, "c1", f"Title {which}", key=key)


def feedback(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    request = FeedbackRequest(message_id=ids["answer"], value="up", comment=which)
    return app.service.give_feedback(ME, "c1", request, key=key)


def move(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    return app.service.move(ME, "c1", ids["last"], 1 if which == "a" else 2, key=key)


def drop(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    return app.service.drop(ME, "c1", ids["last" if which == "a" else "waiting"], key=key)


def cancel(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    run_id = None if which == "a" else ids["last"]
    return app.service.cancel(ME, CancelRequest(conv_id="c1", run_id=run_id), key=key)


def prompt(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    return app.service.submit(ME, SubmitRequest(prompt=which, conv_id="c1", idempotency_key=key))


def regenerate(app: ChatApp, ids: dict[str, str], which: str, key: str) -> Awaitable[Any]:
    asked = ids["answer"] if which == "a" else ids["prompt"]
    return app.service.submit(ME, SubmitRequest(regenerate=asked, conv_id="c1", idempotency_key=key))


ALL = [rename, feedback, move, drop, cancel, prompt, regenerate]


async def prepared(app: ChatApp) -> dict[str, str]:
    """An answered prompt, one that is being answered, and two that wait."""
    first = await submit(app.service, "hi")
    await idle(app.service)
    await submit(app.service, "wait")
    waiting, last = await submit(app.service, "wait"), await submit(app.service, "three")
    return {
        "answer": f"{first.turn_id}:text:1",
        "prompt": f"{first.turn_id}-user",
        "waiting": waiting.run_id,
        "last": last.run_id,
    }


@pytest.mark.rule("HT3")
@pytest.mark.parametrize("act", ALL)
async def test_a_repeated_key_changes_nothing_and_gets_the_first_answer_also_after_a_restart(
    tmp_path: Path, act: Act
) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        ids = await prepared(app)
        first = await act(app, ids, "a", "k")
        before = (await app.hub.session(C1)).head
        again = await act(app, ids, "a", "k")
        assert (await app.hub.session(C1)).head == before
        assert getattr(again, "run_id", None) == getattr(first, "run_id", None)
    async with chat(tmp_path, db=db) as app:
        names = await event_names(app)
        await act(app, ids, "a", "k")
        assert [name for name in await event_names(app) if name in _OF_COMMANDS] == [
            name for name in names if name in _OF_COMMANDS
        ]


_OF_COMMANDS = {
    "ChatConversationRenamed",
    "ChatFeedbackGiven",
    "ChatInferenceMoved",
    "ChatInferenceStopped",
    "ChatUserMessageAccepted",
    "ChatInferenceQueued",
}


@pytest.mark.rule("HT3")
@pytest.mark.parametrize("act", ALL)
async def test_the_key_of_another_request_is_a_conflict(tmp_path: Path, act: Act) -> None:
    async with chat(tmp_path) as app:
        ids = await prepared(app)
        await act(app, ids, "a", "k")
        before = (await app.hub.session(C1)).head
        for other in (act, *(each for each in ALL if each is not act)):
            with pytest.raises(IdempotencyConflictError):
                await other(app, ids, "b", "k")
        assert (await app.hub.session(C1)).head == before


@pytest.mark.rule("HT3")
@pytest.mark.parametrize("act", ALL)
async def test_a_key_that_cannot_be_kept_is_refused(tmp_path: Path, act: Act) -> None:
    async with chat(tmp_path) as app:
        ids = await prepared(app)
        for key in ("", "k" * 201):
            with pytest.raises(BadRequestError, match="idempotency_key"):
                await act(app, ids, "a", key)


@pytest.mark.rule("HT3", "RN4")
async def test_a_stop_that_is_sent_again_does_not_stop_what_began_meanwhile(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "hi")
        await idle(app.service)
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1"), key="stop")).status == "idle"
        await submit(app.service, "wait")
        assert (await app.service.cancel(ME, CancelRequest(conv_id="c1"), key="stop")).status == "idle"
        assert await run_states(app) == ["finished", "running"]


@pytest.mark.rule("HT3", "RN9")
async def test_a_conversation_is_created_once_per_key_and_user(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        first = await app.service.create_session(ME, key="k")
        again = await app.service.create_session(ME, key="k")
        other = await app.service.create_session(Principal(user="bob"), key="k")
        assert first.session_id == again.session_id != other.session_id
        assert first.head == again.head
