"""An export comes in again: the same timeline, or nothing and a reason."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.chat.chats import ME, idle, submit, texts
from tests.unit.chat.everything import NOTE, PNG, everything, everything_app
from webchat_nb.app import ChatApp
from webchat_nb.contracts.encode import json_dict
from webchat_nb.contracts.v1.entities_pb2 import (
    ChatAttachment,
    ChatMessage,
    ChatRun,
    ChatToolCall,
    ChatToolResult,
    ChatUsage,
)
from webchat_nb.errors import (
    BadRequestError,
    IdempotencyConflictError,
    InvalidIdError,
    StoreError,
    TooLargeError,
    UsageError,
)
from webchat_nb.stream import Ordinal, SessionId
from webchat_nb.wire.requests import Limits, Principal

ANN, BOB = Principal(user="ann"), Principal(user="bob")

TIMES = ("exportedAtMs", "createdAtMs", "updatedAtMs")


async def exported(app: ChatApp, conv_id: str = "c1", who: Principal = ME) -> dict[str, Any]:
    content = (await app.service.export_session(who, conv_id, format="json")).content
    said: dict[str, Any] = json.loads(content)
    return said


async def imported(app: ChatApp, said: Any, who: Principal = ME) -> SessionId:
    return await app.service.import_session(who, json.dumps(said).encode())


def told(said: dict[str, Any]) -> dict[str, Any]:
    """An export without what is another conversation's own: its id and its times."""
    return {name: value for name, value in said.items() if name not in (*TIMES, "sessionId")}


@pytest.mark.rule("EX2")
async def test_an_import_has_the_same_timeline_title_and_files(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    async with everything_app(tmp_path) as app:
        assert await imported(app, before) == "c1"
        after = await exported(app)
        assert told(after) == told(before) and after["sessionId"] == "c1"
        picture, note = before["attachments"]
        assert (await app.service.read_attachment(ME, "c1", picture["attachmentId"]))[1] == PNG
        assert (await app.service.read_attachment(ME, "c1", note["attachmentId"]))[1] == NOTE
        copy = await imported(app, before)
        assert copy != "c1" and told(await exported(app, copy)) == told(before)
        assert (await app.service.read_attachment(ME, copy, picture["attachmentId"]))[1] == PNG


@pytest.mark.rule("EX2", "PL3")
async def test_a_rebuild_of_an_import_changes_nothing_and_it_survives_a_restart(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    db = str(tmp_path / "chat.db")
    async with everything_app(tmp_path, db=db) as app:
        await imported(app, before)
        epoch = (await app.hub.session(SessionId("c1"))).epoch
        await app.hub.rebuild(SessionId("c1"))
        assert (await app.hub.session(SessionId("c1"))).epoch == epoch
    async with everything_app(tmp_path, db=db) as app:
        assert told(await exported(app)) == told(before)


@pytest.mark.rule("EX2")
async def test_the_conversation_goes_on_where_it_was(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    async with everything_app(tmp_path) as app:
        await imported(app, before)
        await submit(app.service, "And now?")
        await idle(app.service)
        assert (await texts(app))[-2:] == [("user", "And now?"), ("assistant", "I see. 日本語 עברית")]
        prompts = [one["payload"] for one in (await exported(app))["entities"] if one["payload"].get("role") == "user"]
        assert (
            prompts[-1]["parentMessageId"]
            == [one["id"] for one in before["entities"] if one["payload"].get("role") == "assistant"][-1]
        )


@pytest.mark.rule("EX2", "RN2")
async def test_what_was_open_is_interrupted(tmp_path: Path) -> None:
    async with everything(tmp_path, is_open=True) as app:
        before = await exported(app)
    statuses = {one["payload"].get("status") for one in before["entities"]}
    assert {"running", "queued", "streaming"} <= statuses
    async with everything_app(tmp_path) as app:
        await imported(app, before)
        after = (await exported(app))["entities"]
        runs = [one["payload"] for one in after if one["kind"] == "ChatRun"]
        assert [run["status"] for run in runs][-2:] == ["interrupted"] * 2 and runs[-1]["retryable"]
        assert not [one for one in after if one["payload"].get("streaming") or one["payload"].get("executing")]
        assert not {"running", "queued", "streaming"} & {one["payload"].get("status") for one in after}
        assert not await app.hub.entities(SessionId("c1"), "ChatOpenRun")
        await asyncio.wait_for(app.service.wait_idle(ME, "c1"), 5)
        assert told({**before, "entities": after}) == told(await exported(app))


@pytest.mark.rule("EX2", "AC3", "AC5")
async def test_an_import_belongs_to_whoever_made_it_and_takes_nobodys_id(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    async with everything_app(tmp_path) as app:
        assert await imported(app, before, ANN) == "c1"
        theirs = await imported(app, before, BOB)
        assert theirs != "c1"
        assert (await app.hub.session(theirs)).attributes["owner"] == "bob"
        assert [session.session_id for session in (await app.service.list_sessions(BOB))[0]] == [theirs]
        assert told(await exported(app, theirs, BOB)) == told(before)


@pytest.mark.rule("EX2")
async def test_a_profile_that_is_not_here_becomes_the_default(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    async with everything_app(tmp_path) as app:
        await imported(app, {**before, "profile": "gone"})
        assert (await app.hub.session(SessionId("c1"))).attributes["profile"] == "default"


@pytest.mark.rule("EX2", "HT3")
async def test_the_same_key_again_is_the_same_conversation(tmp_path: Path) -> None:
    async with everything_app(tmp_path, db=str(tmp_path / "chat.db")) as app:
        service, body, other = app.service, json.dumps(file(message())).encode(), json.dumps(file()).encode()
        await submit(service, "in the way")
        first = await service.import_session(ME, body, key="k")
        assert first != "c1" and await service.import_session(ME, body, key="k") == first
        elsewhere = json.dumps(file(message(), sessionId="c2")).encode()
        assert await service.import_session(ME, elsewhere, key="k2") == "c2"
    async with everything_app(tmp_path, db=str(tmp_path / "chat.db")) as app:
        service = app.service
        assert await service.import_session(ME, body, key="k") == first
        assert await service.import_session(ME, elsewhere, key="k2") == "c2"
        with pytest.raises(IdempotencyConflictError):
            await service.import_session(ME, other, key="k")
        with pytest.raises(BadRequestError, match="idempotency_key"):
            await service.import_session(ME, other, key="")
        assert len((await service.list_sessions(ME))[0]) == 3


def message(id: str = "m1", **payload: Any) -> dict[str, Any]:
    return {"kind": "ChatMessage", "id": id, "payload": {"messageId": id, "role": "user", "content": "x", **payload}}


def file(*entities: Any, **more: Any) -> dict[str, Any]:
    return {"format": "webchat_nb.conversation", "version": 1, "sessionId": "c1", "entities": entities, **more}


ATTACHED = message(attachments=[{"attachmentId": "a1", "mediaType": "image/png"}])


def attachment(**more: Any) -> dict[str, Any]:
    data = base64.b64encode(PNG).decode()
    return {"attachmentId": "a1", "mediaType": "image/png", "filename": "x", "data": data, **more}


@pytest.mark.rule("EX2", "AC6")
@pytest.mark.parametrize(
    ("said", "error", "start"),
    [
        ("nothing", BadRequestError, "Expected `object`"),
        ({}, BadRequestError, "Object missing required field `format`"),
        (file() | {"version": 2}, BadRequestError, "version: "),
        (file() | {"format": "x"}, BadRequestError, "format: "),
        (file(colour="red"), BadRequestError, "Object contains unknown field `colour`"),
        (file(sessionId="a/b"), InvalidIdError, "conv_id: "),
        (file({"kind": 1, "id": "a", "payload": {}}), BadRequestError, "entities[0].kind: Expected `str`"),
        (file(message(), {"kind": "ChatMessage", "id": "m2"}), BadRequestError, "entities[1]: Object missing"),
        (file(message(), message()), BadRequestError, "entities[1]: ChatMessage 'm1' is there twice"),
        (
            file({"kind": "Plan", "id": "p", "payload": {}}),
            BadRequestError,
            "entities[0].kind: 'Plan' is not registered",
        ),
        (file({"kind": "ChatOpenRun", "id": "p", "payload": {}}), BadRequestError, "entities[0].kind: 'ChatOpenRun'"),
        (file({"kind": "ChatRun", "id": "r", "payload": {}}), BadRequestError, "entities[0].payload: run_id is ''"),
        (file(message(colour="red")), BadRequestError, "entities[0].payload: "),
        (file(message(content=5)), BadRequestError, "entities[0].payload: "),
        (file(message(id="")), BadRequestError, "entities[0].id: expected 1-300 characters"),
        (file(message(), message("m2"), message("m3")), TooLargeError, "entities: 3 of them"),
        (file(title="x" * 201), TooLargeError, "title: 201 characters, the limit is 200"),
        (file(attachments=[attachment()]), BadRequestError, "attachments[0].attachmentId: no message"),
        (file(ATTACHED, attachments=[attachment(), attachment()]), BadRequestError, "attachments[1].attachmentId: "),
        (file(ATTACHED, attachments=[attachment(mediaType="image/gif")]), BadRequestError, "attachments[0]: "),
        (file(ATTACHED, attachments=[attachment(mediaType="text/x\ny")]), BadRequestError, "attachments[0]: "),
        (file(ATTACHED, attachments=[attachment(data="?")]), BadRequestError, "attachments[0].data: "),
        (file(ATTACHED, attachments=[attachment(mediaType="application/x-sh")]), BadRequestError, "attachments[0]: "),
        (file(message(content="x" * 300_000)), TooLargeError, "the body has "),
    ],
)
async def test_a_broken_export_is_refused_whole_with_the_path(
    tmp_path: Path, said: Any, error: type[UsageError], start: str
) -> None:
    async with everything_app(tmp_path, limits=Limits(max_import_bytes=300_000, max_import_entities=2)) as app:
        with pytest.raises(UsageError) as refused:
            await imported(app, said)
        assert type(refused.value) is error and str(refused.value).startswith(start), refused.value
        assert (await app.service.list_sessions(ME))[0] == []


@pytest.mark.rule("EX2")
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"format": "\xff"}', b"[" * 100_000])
async def test_what_is_no_json_is_refused(tmp_path: Path, body: bytes) -> None:
    async with everything_app(tmp_path) as app:
        with pytest.raises(BadRequestError):
            await app.service.import_session(ME, body)


@pytest.mark.rule("EX2")
async def test_an_import_that_the_store_refuses_leaves_no_conversation(tmp_path: Path) -> None:
    async with everything(tmp_path) as app:
        before = await exported(app)
    async with everything_app(tmp_path, db=str(tmp_path / "chat.db")) as app:
        first = await imported(app, file(message()))
        events = len(await app.hub.events(first, after=Ordinal(0), limit=1000))
        assert events == 2
        (tmp_path / "chat.db-files").write_text("not a folder")
        with pytest.raises(StoreError):
            await imported(app, {**before, "sessionId": "c2"})
        assert not (await app.hub.session(SessionId("c2"))).exists


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ID = st.text("abcXYZ0-_:.é ", min_size=1, max_size=8)
COUNT = st.integers(0, 2**32 - 1)
ENDED = st.sampled_from(["finished", "stopped", "failed", "interrupted"])

ENTITIES = st.one_of(
    st.builds(
        lambda id, **more: ("ChatMessage", id, ChatMessage(message_id=id, **more)),
        ID,
        role=st.sampled_from(["user", "assistant", "thinking", "warning", "error", ""]),
        content=TEXT,
        status=ENDED,
        run_id=ID,
        parent_message_id=TEXT,
        error=TEXT,
        attachments=st.lists(
            st.builds(ChatAttachment, attachment_id=ID, media_type=TEXT, filename=TEXT, size_bytes=COUNT), max_size=2
        ),
    ),
    st.builds(
        lambda id, **more: ("ChatRun", id, ChatRun(run_id=id, **more)),
        ID,
        status=ENDED,
        profile=TEXT,
        error=TEXT,
        retryable=st.booleans(),
        usage=st.builds(ChatUsage, input_tokens=COUNT, output_tokens=COUNT),
        ended_at_ms=st.integers(0, 2**64 - 1),
    ),
    st.builds(
        lambda id, **more: ("ChatToolCall", id, ChatToolCall(tool_call_id=id, **more)),
        ID,
        tool_name=TEXT,
        input=TEXT,
        status=ENDED,
        run_id=ID,
        duration_ms=COUNT,
    ),
    st.builds(
        lambda id, **more: ("ChatToolResult", f"{id}:result", ChatToolResult(tool_call_id=id, **more)),
        ID,
        result=TEXT,
    ),
)


@pytest.mark.rule("EX2")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entities=st.lists(ENTITIES, max_size=12, unique_by=lambda one: one[:2]), title=TEXT)
def test_whatever_is_imported_is_exported_the_same(entities: list[tuple[str, str, Any]], title: str) -> None:
    said = file(
        *({"kind": kind, "id": id, "payload": json_dict(payload)} for kind, id, payload in entities), title=title
    )

    async def round_trip() -> tuple[dict[str, Any], dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            async with everything_app(Path(folder)) as app:
                await imported(app, said)
                once = await exported(app)
                again = await exported(app, await imported(app, once))
                for format in ("yaml", "markdown", "html", "ipynb", "fixture"):
                    assert (await app.service.export_session(ME, "c1", format=format)).content
                return once, again

    once, again = asyncio.run(round_trip())
    assert once["entities"] == list(said["entities"]) and once["title"] == title
    assert told(again) == told(once)
