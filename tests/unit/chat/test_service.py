from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.chat.chats import ME, chat, entities, idle, run_states, submit, texts, until
from webchat_nb.errors import (
    BadRequestError,
    EmptyPromptError,
    IdempotencyConflictError,
    InvalidIdError,
    InvalidOverrideError,
    OverridesLockedError,
    TooLargeError,
    UnknownProfileError,
    UnknownSessionError,
)
from webchat_nb.wire.requests import CancelRequest, Limits, Principal, SubmitRequest

ANN, BOB = Principal(user="ann"), Principal(user="bob")


@pytest.mark.rule("HT6")
async def test_an_accepted_prompt_is_committed_when_it_is_answered(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        answer = await submit(app.service, "wait")
        snapshot = await app.hub.snapshot("c1")  # type: ignore[arg-type]
        assert (answer.epoch, answer.conv_id, answer.profile) == (snapshot.epoch, "c1", "default")
        assert snapshot.ordinal >= int(answer.seq) >= 3
        assert await texts(app) == [("user", "wait")] or (await texts(app))[0] == ("user", "wait")


@pytest.mark.rule("HT3")
async def test_the_same_key_again_gets_the_first_answer_with_the_present_status(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        first = await submit(app.service, "hi", idempotency_key="k1")
        await idle(app.service)
        again = await submit(app.service, "hi", idempotency_key="k1")
        assert (again.run_id, again.seq, again.status, again.deduplicated) == (
            first.run_id,
            first.seq,
            "finished",
            True,
        )
        with pytest.raises(IdempotencyConflictError):
            await submit(app.service, "something else", idempotency_key="k1")
    async with chat(tmp_path, db=db) as app:
        restarted = await submit(app.service, "hi", idempotency_key="k1")
        assert (restarted.run_id, restarted.deduplicated) == (first.run_id, True)
        assert await run_states(app) == ["finished"]


@pytest.mark.rule("HT3", "RN9")
async def test_a_key_finds_its_conversation_when_the_request_names_none(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        request = SubmitRequest(prompt="hi", idempotency_key="k1")
        first, again = await app.service.submit(ME, request), await app.service.submit(ME, request)
        assert (again.conv_id, again.run_id, again.deduplicated) == (first.conv_id, first.run_id, True)


@pytest.mark.rule("HT3")
async def test_without_a_key_the_server_makes_one(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        first, second = await submit(app.service, "hi"), await submit(app.service, "hi")
        assert first.idempotency_key != second.idempotency_key
        again = await submit(app.service, "hi", idempotency_key=first.idempotency_key)
        assert again.run_id == first.run_id


@pytest.mark.parametrize(
    ("change", "error", "names"),
    [
        ({"prompt": " \n "}, EmptyPromptError, "prompt"),
        ({"prompt": "x" * 101}, TooLargeError, "the limit is 100"),
        ({"conv_id": "a/b"}, InvalidIdError, "conv_id"),
        ({"conv_id": ""}, InvalidIdError, "conv_id"),
        ({"conv_id": "x" * 129}, InvalidIdError, "conv_id"),
        ({"profile": "ghost"}, UnknownProfileError, "ghost"),
        ({"idempotency_key": ""}, BadRequestError, "idempotency_key"),
        ({"attachments": ["a"]}, BadRequestError, "attachments"),
        ({"overrides": {"sytem_prompt": "x"}}, InvalidOverrideError, "sytem_prompt"),
        ({"overrides": {"system_prompt": " "}}, InvalidOverrideError, "system_prompt"),
        ({"overrides": {"system_prompt": None}}, InvalidOverrideError, "system_prompt"),
        ({"overrides": {"tools": "search"}}, InvalidOverrideError, "tools"),
        ({"overrides": {"tools": ["ghost"]}}, InvalidOverrideError, "ghost"),
        ({"overrides": {"middlewares": [{"name": "ghost"}]}}, InvalidOverrideError, "ghost"),
        ({"overrides": {"middlewares": [{"config": {}}]}}, InvalidOverrideError, "name"),
        ({"overrides": ["x"]}, InvalidOverrideError, "object"),
        ({"profile": "locked", "overrides": {"model": "m"}}, OverridesLockedError, "locked"),
    ],
)
@pytest.mark.rule("HT4", "EP1")
async def test_a_bad_request_names_what_is_wrong_and_starts_nothing(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], names: str
) -> None:
    async with chat(tmp_path, limits=Limits(max_prompt_chars=100)) as app:
        request = msgspec.structs.replace(SubmitRequest(prompt="hi", conv_id="c1"), **change)
        with pytest.raises(error, match=names):
            await app.service.submit(ME, request)
        assert not (await app.hub.session("c1")).exists  # type: ignore[arg-type]


@pytest.mark.rule("HT2")
async def test_the_profile_comes_from_the_body_then_the_conversation_then_the_cookie_then_the_default(
    tmp_path: Path,
) -> None:
    async with chat(tmp_path) as app:
        service = app.service

        async def used(conv_id: str, *, body: str | None = None, cookie: str | None = None) -> str:
            request = SubmitRequest(prompt="hi", conv_id=conv_id, profile=body)
            return (await service.submit(ME, request, cookie_profile=cookie)).profile

        assert await used("a") == "default"
        assert await used("b", cookie="other") == "other"
        assert await used("b", cookie="locked") == "other"
        assert await used("b", body="locked", cookie="other") == "locked"
        assert await used("b") == "locked"
        assert await used("c", cookie="a profile of last year") == "default"
        assert await service.join(ME, "b", profile=None, cookie_profile="other") == ("b", "locked")
        assert await service.join(ME, "b", profile="other", cookie_profile=None) == ("b", "other")
        assert await service.join(ME, "new", profile="", cookie_profile="other") == ("new", "other")
        assert await service.join(ME, None, profile=None, cookie_profile=None) == (None, "default")
        assert (await app.hub.session("b")).attributes["profile"] == "locked"  # type: ignore[arg-type]


@pytest.mark.rule("HT5")
async def test_pages_of_changes_lose_and_repeat_nothing_while_the_conversation_goes_on(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        for n in range(6):
            await submit(app.service, f"prompt {n}")
            await idle(app.service)
        await submit(app.service, "wait")
        await until(lambda: app.signals.waiting_count("go"))
        seen: dict[str, int] = {}
        version, pages = 0, 0
        while True:
            page = await app.service.timeline(ME, "c1", since_version=version, limit=4)
            pages += 1
            for row in page.entities:
                assert row.updated > seen.get(row.id, 0)
                seen[row.id] = row.updated
            if pages == 2:
                app.signals.send("go")
                await idle(app.service)
            if page.next is None:
                break
            version = int(page.next)
        snapshot = await app.hub.snapshot("c1", window=1000)  # type: ignore[arg-type]
        assert {row.id: row.updated for row in snapshot.entities} == seen
        assert pages > 3


@pytest.mark.rule("FR13", "HT5")
async def test_older_pages_reach_back_to_the_beginning(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        for n in range(5):
            await submit(app.service, f"prompt {n}")
            await idle(app.service)
        ids: list[str] = []
        before: int | None = None
        while True:
            page = await app.service.timeline(ME, "c1", limit=4, before=before)
            ids = [row.id for row in page.entities] + ids
            if page.next is None:
                break
            before = int(page.next)
        snapshot = await app.hub.snapshot("c1", window=1000)  # type: ignore[arg-type]
        assert ids == [row.id for row in snapshot.entities]
        with pytest.raises(BadRequestError, match="expected one of them"):
            await app.service.timeline(ME, "c1", since_version=1, before=2)


@pytest.mark.rule("SC2")
async def test_private_entities_are_never_shown(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        subscription = await app.service.subscribe(ME, "c1")
        await submit(app.service, "wait")
        page = await app.service.timeline(ME, "c1")
        _, rows = await app.service.get_session(ME, "c1")
        ops = [op for delivery in subscription.take() for op in delivery.ops]
        assert {row.kind for row in [*page.entities, *rows]} == {"ChatMessage", "ChatRun"}
        assert "ChatOpenRun" not in {op.kind for op in ops}


@pytest.mark.rule("AC7")
async def test_the_log_is_told_without_overrides(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await submit(app.service, "hi", overrides={"system_prompt": "a secret of the house"})
        app.signals.send("go")
        await idle(app.service)
        events = await app.service.list_events(ME, "c1", limit=1000)
        assert len(events) > 8
        assert "secret" not in str([event.payload for event in events])


@pytest.mark.rule("HT1")
async def test_conversations_are_created_listed_renamed_and_erased(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        service = app.service
        created = await service.create_session(ME, profile="other")
        assert (created.exists, created.attributes["profile"]) == (True, "other")
        await submit(service, "What is a very long first line, longer than sixty characters, about?\nMore")
        await idle(service)
        listed, _ = await service.list_sessions(ME)
        assert [session.session_id for session in listed] == ["c1", created.session_id]
        assert listed[0].attributes["title"] == "What is a very long first line, longer than sixty…"
        found, _ = await service.list_sessions(ME, query="very LONG")
        assert [session.session_id for session in found] == ["c1"]
        renamed = await service.rename_session(ME, "c1", "  Short ")
        assert renamed.attributes["title"] == "Short"
        with pytest.raises(BadRequestError, match="title"):
            await service.rename_session(ME, "c1", " ")
        epoch = renamed.epoch
        await service.erase_session(ME, "c1")
        with pytest.raises(UnknownSessionError):
            await service.get_session(ME, "c1")
        await submit(service, "hi")
        assert (await app.hub.session("c1")).epoch != epoch  # type: ignore[arg-type]
        await idle(service)
        assert await texts(app) == [("user", "hi"), ("assistant", "You said: hi")]


@pytest.mark.rule("RN2")
async def test_erasing_a_conversation_ends_its_run(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await until(lambda: app.signals.waiting_count("go"))
        await app.service.erase_session(ME, "c1")
        assert app.signals.waiting_count("go") == 0
        await submit(app.service, "hi")
        await idle(app.service)
        assert await run_states(app) == ["finished"]


@pytest.mark.rule("AC3", "AC5")
async def test_a_conversation_belongs_to_its_maker_and_does_not_exist_for_others(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        service = app.service
        await service.submit(ANN, SubmitRequest(prompt="hi", conv_id="c1"))
        await idle_as(service, ANN)
        for attempt in (
            service.submit(BOB, SubmitRequest(prompt="hi", conv_id="c1")),
            service.cancel(BOB, CancelRequest(conv_id="c1")),
            service.timeline(BOB, "c1"),
            service.get_session(BOB, "c1"),
            service.rename_session(BOB, "c1", "mine"),
            service.erase_session(BOB, "c1"),
            service.list_events(BOB, "c1"),
            service.subscribe(BOB, "c1"),
            service.authorize(BOB, "read", "c1"),
        ):
            with pytest.raises(UnknownSessionError):
                await attempt
        assert (await service.list_sessions(BOB))[0] == []
        assert len((await service.list_sessions(ANN))[0]) == 1


async def idle_as(service: Any, who: Principal) -> None:
    await service.wait_idle(who, "c1")


@pytest.mark.rule("AC3", "AC8")
async def test_an_id_that_somebody_waits_at_cannot_be_watched_by_a_stranger(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await app.service.subscribe(ANN, "c1")
        with pytest.raises(UnknownSessionError):
            await app.service.subscribe(BOB, "c1")
        await app.service.submit(ANN, SubmitRequest(prompt="hi", conv_id="c1"))


async def test_the_next_prompt_follows_the_newest_message(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        first = await submit(app.service, "one")
        await idle(app.service)
        await submit(app.service, "two")
        await idle(app.service)
        parents = [message.get("parentMessageId") for message in await entities(app, "ChatMessage")]
        users = [message["messageId"] for message in await entities(app, "ChatMessage") if message["role"] == "user"]
        assert parents == [None, users[0], f"{first.turn_id}:text:1", users[1]]
