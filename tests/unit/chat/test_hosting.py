"""A chat in a program: ``app.chat`` and the service under its short names."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.chat.chats import BOUNDED_S, ME, entities, idle, run_states, until
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.answer import Answer
from webchat_nb.chat.answer_pieces import (
    AnswerFinished,
    AnswerPiece,
    EntityShown,
    TextPiece,
    ThoughtPiece,
    ToolCalled,
    ToolReturned,
)
from webchat_nb.chat.plugins import RunIdentity
from webchat_nb.errors import (
    EmptyPromptError,
    RunFailedError,
    UnknownApprovalError,
    UnknownRunError,
    UnknownSessionError,
)
from webchat_nb.stream import FanoutSettings, SchemaRegistry, payload
from webchat_nb.wire.requests import DecisionRequest, Principal

SCRIPT: dict[str, Any] = {
    "script": 1,
    "turns": [
        {
            "match": "everything",
            "steps": [
                {"think": "Let me see."},
                {"say": "One moment. "},
                {"call": {"tool": "add", "args": {"a": 1}, "result": {"sum": 2}}},
                {"call": {"tool": "add", "args": {}, "error": "no numbers"}},
                {"emit": {"kind": "Mood", "id": "m1", "payload": {"title": "calm"}}},
                {"say": "Two 🎈, I say."},
                {"usage": {"input_tokens": 3, "output_tokens": 4}},
            ],
        },
        {"match": "wait", "steps": [{"say": "Before "}, {"wait_for": "go"}, {"say": "after"}]},
        {"match": "fail", "steps": [{"say": "Half "}, {"fail": {"message": "model overloaded", "retryable": True}}]},
        {
            "match": "long",
            "steps": [{"say": "begin "}, {"wait_for": "go"}, {"say": {"text": "0123456789 ", "repeat": 500}}],
        },
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}


@payload
class Mood:
    """What else may be on a timeline."""

    title: str


class Moods:
    """A plugin that brings one more kind of entity."""

    name = "moods"
    events = ()

    def register_schemas(self, registry: SchemaRegistry) -> None:
        registry.entity("Mood", Mood)

    def open_run(self, run: RunIdentity) -> None:
        return None

    def project_timeline(self, *_: object) -> tuple[()]:
        return ()

    project_ui = project_timeline


@asynccontextmanager
async def program(tmp_path: Path, **config: Any) -> AsyncIterator[ChatApp]:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(SCRIPT))
    profiles = {"profiles": [{"slug": "default", "script": str(tmp_path / "s.yaml")}]}
    async with build(Config(profiles=profiles, plugins=[Moods()], **config)) as app:
        yield app


async def pieces(answer: Answer) -> list[AnswerPiece]:
    async with asyncio.timeout(BOUNDED_S):
        return [piece async for piece in answer]


def said(found: list[AnswerPiece]) -> str:
    return "".join(piece.text for piece in found if isinstance(piece, TextPiece))


@pytest.mark.rule("HO1")
async def test_an_answer_is_told_piece_by_piece(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        told = await pieces(app.chat("everything", conv_id="c1"))
    assert said(told) == "One moment. Two 🎈, I say."
    assert "".join(piece.text for piece in told if isinstance(piece, ThoughtPiece)) == "Let me see."
    first, second = [piece for piece in told if isinstance(piece, ToolCalled)]
    assert (first.tool_name, first.input) == ("add", '{"a": 1}')
    results = [piece for piece in told if isinstance(piece, ToolReturned)]
    assert [(each.call_id, each.result, each.is_error) for each in results] == [
        (first.call_id, '{"sum": 2}', False),
        (second.call_id, "no numbers", True),
    ]
    (last,) = [piece for piece in told if isinstance(piece, AnswerFinished)]
    assert (told[-1], last.input_tokens, last.output_tokens) == (last, 3, 4)
    kinds = [type(piece) for piece in told]
    order = [kinds.index(kind) for kind in (ThoughtPiece, TextPiece, ToolCalled, ToolReturned, AnswerFinished)]
    assert order == sorted(order)


@pytest.mark.rule("HO1")
async def test_a_new_conversation_is_begun_or_one_gone_on_with(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        first, second = app.chat("one"), app.chat("two")
        assert await first.text() == "You said: one"
        accepted = await first.submit()
        assert await app.chat("three", conv_id=accepted.conv_id).text() == "You said: three"
        assert await second.text() == "You said: two"
        assert (await second.submit()).conv_id != accepted.conv_id
        assert await run_states(app, accepted.conv_id) == ["finished", "finished"]


@pytest.mark.rule("HO1")
async def test_nothing_is_sent_before_it_is_asked_for(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        answer = app.chat("hi", conv_id="c1")
        assert (await answer.stop()).status == "idle"
        assert (await app.service.list(ME))[0] == []
        with pytest.raises(EmptyPromptError):
            await app.chat(" ").text()


@pytest.mark.rule("HO1", "RN1")
async def test_a_prompt_that_has_to_wait_is_told_when_its_turn_comes(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        first = app.chat("wait", conv_id="c1")
        assert (await first.submit()).status == "started"
        second = app.chat("hi", conv_id="c1")
        assert (await second.submit()).status == "queued"
        following = asyncio.create_task(second.text())
        await until(lambda: app.signals.waiting_count("go"))
        app.signals.send("go")
        assert await asyncio.wait_for(following, BOUNDED_S) == "You said: hi"
        assert await first.text() == "Before after"


@pytest.mark.rule("HO1", "RN5")
async def test_a_failed_run_raises_after_what_there_is_of_its_answer(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        told: list[AnswerPiece] = []

        async def follow() -> None:
            async for piece in app.chat("fail"):
                told.append(piece)

        with pytest.raises(RunFailedError, match=r"^model overloaded$") as caught:
            await follow()
        assert (caught.value.status, caught.value.retryable) == ("failed", True)
        assert said(told) == "Half "
        assert not any(isinstance(piece, AnswerFinished) for piece in told)


@pytest.mark.rule("HO1", "RN4")
async def test_leaving_the_loop_does_not_stop_the_run(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        answer = app.chat("wait", conv_id="c1")
        async for piece in answer:
            assert isinstance(piece, TextPiece)
            break
        await until(lambda: app.signals.waiting_count("go"))
        assert await run_states(app) == ["running"]
        app.signals.send("go")
        assert await asyncio.wait_for(answer.text(), BOUNDED_S) == "Before after"


@pytest.mark.rule("HO1", "RN4")
async def test_a_program_that_is_cancelled_leaves_no_subscription_behind_and_the_run_goes_on(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        following = asyncio.create_task(app.chat("wait", conv_id="c1").text())
        await until(lambda: app.signals.waiting_count("go"))
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert await run_states(app) == ["running"]
        app.signals.send("go")
        await idle(app.service)
        assert app.hub.evict(idle_longer_than_s=-1) == ["c1"]  # a subscriber would keep it in memory


@pytest.mark.rule("HO1", "RN4")
async def test_stopping_ends_the_answer_with_an_error_that_says_so(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        answer = app.chat("wait", conv_id="c1")
        following = asyncio.create_task(answer.text())
        await until(lambda: app.signals.waiting_count("go"))
        assert (await answer.stop()).status == "stopping"
        with pytest.raises(RunFailedError) as caught:
            await following
        assert (caught.value.status, caught.value.message) == ("stopped", "the run was stopped")
        assert (await answer.stop()).status == "idle"


@pytest.mark.rule("HO1", "HT3")
async def test_an_answer_can_be_told_again_also_after_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with program(tmp_path, db=db) as app:
        answer = app.chat("everything", idempotency_key="k")
        first = await pieces(answer)
        again = await pieces(answer)
    async with program(tmp_path, db=db) as app:
        restarted = await pieces(app.chat("everything", idempotency_key="k"))
        (session,) = (await app.service.list(ME))[0]
        assert await run_states(app, session.session_id) == ["finished"]
    for told in (again, restarted):
        assert said(told) == said(first)
        assert [each for each in told if isinstance(each, ToolCalled | ToolReturned | AnswerFinished)] == [
            each for each in first if isinstance(each, ToolCalled | ToolReturned | AnswerFinished)
        ]


@pytest.mark.rule("HO1", "RN3")
async def test_an_answer_that_a_shutdown_cut_off_is_told_as_interrupted(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with program(tmp_path, db=db) as app:
        await app.chat("wait", idempotency_key="k").submit()
        await until(lambda: app.signals.waiting_count("go"))
    async with program(tmp_path, db=db) as app:
        answer = app.chat("wait", idempotency_key="k")
        with pytest.raises(RunFailedError) as caught:
            await asyncio.wait_for(answer.text(), BOUNDED_S)
        assert (caught.value.status, caught.value.retryable) == ("interrupted", True)


@pytest.mark.rule("HO1", "FR8")
async def test_a_program_that_falls_behind_misses_and_repeats_nothing(tmp_path: Path) -> None:
    fanout = FanoutSettings(flush_interval_s=0, merge_backlog_bytes=300, max_backlog_bytes=400)
    async with program(tmp_path, fanout=fanout) as app:
        told: list[AnswerPiece] = []
        following = aiter(app.chat("long", conv_id="c1"))
        told.append(await anext(following))
        app.signals.send("go")
        await idle(app.service)  # all of the answer comes while the program looks away
        async with asyncio.timeout(BOUNDED_S):
            told += [piece async for piece in following]
    assert said(told) == "begin " + "0123456789 " * 500
    assert isinstance(told[-1], AnswerFinished)
    assert len(told) < 100


@pytest.mark.rule("HO1")
async def test_an_answer_whose_conversation_is_erased_ends_with_an_error(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        following = asyncio.create_task(app.chat("wait", conv_id="c1").text())
        await until(lambda: app.signals.waiting_count("go"))
        await app.service.erase_session(ME, "c1")
        with pytest.raises(UnknownRunError):
            await asyncio.wait_for(following, BOUNDED_S)


@pytest.mark.rule("HO2")
async def test_the_service_has_the_names_that_a_program_looks_for(tmp_path: Path) -> None:
    ann = Principal(user="ann")
    async with program(tmp_path) as app:
        service = app.service
        await service.chat(ann, "wait", conv_id="c1").submit()
        assert (await service.stop(ann, "c1")).status == "stopping"
        await service.wait_idle(ann, "c1")
        (listed,), after = await service.list(ann, query="wait")
        assert (listed.session_id, after) == ("c1", None)
        snapshot = await service.snapshot(ann, "c1", window=1)
        assert (snapshot.ordinal, len(snapshot.entities), snapshot.has_more) == (listed.head, 1, True)
        assert (await service.export(ann, "c1", format="markdown")).media_type.startswith("text/markdown")
        with pytest.raises(UnknownApprovalError):
            await service.decide(ann, "c1", "none", DecisionRequest(decision="deny"))
        with pytest.raises(UnknownSessionError):
            await service.snapshot(ME, "nothing-here")
        with pytest.raises(UnknownSessionError):
            await service.snapshot(Principal(user="bob"), "c1")
        assert len(await entities(app, "ChatRun")) == 1


@pytest.mark.rule("HO1")
async def test_what_else_is_put_on_the_timeline_is_told_too(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        shown = [piece for piece in await pieces(app.chat("everything")) if isinstance(piece, EntityShown)]
    assert [(piece.kind, piece.id, piece.payload["title"]) for piece in shown] == [("Mood", "m1", "calm")]


async def test_a_chat_that_was_stopped_leaves_the_memory(tmp_path: Path) -> None:
    async with program(tmp_path) as app:
        await app.chat("hi").text()
        hub = weakref.ref(app.hub)
    del app
    for _ in range(3):  # what was still to be called back is called
        await asyncio.sleep(0)
    gc.collect()
    assert hub() is None
