"""Files from their upload to the engine, and to their end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, entities, idle, submit, until
from tests.unit.chat.everything import NOTE, PNG
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.attachments import FolderAttachments
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta
from webchat_nb.errors import (
    BadRequestError,
    ForbiddenError,
    IdempotencyConflictError,
    NotFoundError,
    StoreDamagedError,
    UnknownSessionError,
)
from webchat_nb.stream import Session, SessionId
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import Principal, SubmitRequest

ANN, BOB = Principal(user="ann"), Principal(user="bob")
DAY_S = 24 * 3600.0
REPO = Path(__file__).resolve().parents[3]


class Reader:
    """An engine that reads all that is attached, in the prompt and before it."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []

    def __call__(self, plan: Any) -> Reader:
        return self

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        self.requests.append(request)
        for name, files in [
            *((message.message_id, message.attachments) for message in request.history),
            ("now", request.attachments),
        ]:
            for file in files:
                content = await file.read()
                assert len(content) == file.size_bytes
                yield TextDelta(f"{name if name == 'now' else 'before'} {file.filename} {file.media_type}; ")


@asynccontextmanager
async def reading(tmp_path: Path, *, db: str = "memory", **config: Any) -> AsyncIterator[ChatApp]:
    profiles = {"default": "reader", "profiles": [{"slug": "reader", "engine": "reader"}]}
    app = build(Config(db=db, profiles=profiles, engines={"reader": Reader()}, **config))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def upload(app: ChatApp, content: bytes = NOTE, *, conv_id: str = "c1", who: Principal = ME, **more: Any) -> str:
    named = {"content_type": "text/csv", "filename": "früchte.csv", **more}
    return (await app.service.upload_attachment(who, conv_id, content=content, **named)).attachment_id


def files_in(tmp_path: Path) -> list[Path]:
    """The contents that are on the disk."""
    folder = tmp_path / "chat.db-files"
    return sorted(path for path in folder.glob("??/*") if path.is_file())


@pytest.mark.rule("AT1")
async def test_the_engine_reads_what_is_attached_to_this_prompt_and_to_earlier_ones(tmp_path: Path) -> None:
    async with reading(tmp_path) as app:
        picture = await upload(app, PNG, content_type="image/png", filename="p.png")
        note = await upload(app)
        await submit(app.service, "What is this?", attachments=[picture, note])
        await idle(app.service)
        await submit(app.service, "And this?", attachments=[await upload(app, b"x", filename="x.csv")])
        await idle(app.service)
        prompts = await entities(app, "ChatMessage")
        assert prompts[0]["attachments"] == [
            {"attachmentId": picture, "mediaType": "image/png", "filename": "p.png", "sizeBytes": str(len(PNG))},
            {"attachmentId": note, "mediaType": "text/csv", "filename": "früchte.csv", "sizeBytes": str(len(NOTE))},
        ]
        assert [message["content"] for message in prompts if message["role"] == "assistant"] == [
            "now p.png image/png; now früchte.csv text/csv; ",
            "before p.png image/png; before früchte.csv text/csv; now x.csv text/csv; ",
        ]
        assert (await app.service.read_attachment(ME, "c1", note))[1] == NOTE


@pytest.mark.rule("AT1", "AC3", "AC5")
async def test_only_ones_own_uploads_to_this_conversation_are_attached(tmp_path: Path) -> None:
    class Shared:
        """Everybody may do everything with what exists."""

        def may(self, who: Principal, action: Any, session: Session) -> bool:
            return True

    async with reading(tmp_path, policy=Shared()) as app:

        async def sent(ids: Sequence[str], conv_id: str = "c1", who: Principal = ANN) -> None:
            await app.service.submit(who, SubmitRequest(prompt="x", conv_id=conv_id, attachments=list(ids)))
            await asyncio.wait_for(app.service.wait_idle(who, conv_id), 5)

        mine = await upload(app, who=ANN)
        await sent([mine])
        elsewhere = await upload(app, conv_id="c2", who=ANN)
        theirs = await upload(app, who=BOB)
        for ids in (["a-none"], [elsewhere], [theirs], [mine, mine], ["../c2/" + elsewhere], [""]):
            with pytest.raises(BadRequestError, match=r"attachments\[\d\]: "):
                await sent(ids)
        with pytest.raises(BadRequestError):
            await sent([mine], who=BOB)
        assert len([one for one in await entities(app, "ChatMessage") if one["role"] == "user"]) == 1
        assert (await app.service.read_attachment(BOB, "c1", mine))[1] == NOTE
        with pytest.raises(NotFoundError):
            await app.service.read_attachment(ANN, "c1", elsewhere)


@pytest.mark.rule("AT1", "AC3", "AC8")
async def test_a_stranger_neither_uploads_nor_reads(tmp_path: Path) -> None:
    async with reading(tmp_path) as app:
        id = await upload(app, who=ANN)
        with pytest.raises(UnknownSessionError):
            await upload(app, who=BOB)  # the id is Ann's since she named it
        with pytest.raises(UnknownSessionError):
            await app.service.read_attachment(BOB, "c1", id)
        await app.service.submit(ANN, SubmitRequest(prompt="x", conv_id="c1", attachments=[id]))
        for attempt in (upload(app, who=BOB), app.service.read_attachment(BOB, "c1", id)):
            with pytest.raises(UnknownSessionError):
                await attempt
        assert (await app.service.read_attachment(ANN, "c1", id))[1] == NOTE


@pytest.mark.rule("AT1", "AC3")
async def test_who_may_only_read_does_not_upload(tmp_path: Path) -> None:
    class ReadOnly:
        """Bob reads."""

        def may(self, who: Principal, action: Any, session: Session) -> bool:
            return who == ANN or action == "read"

    async with reading(tmp_path, policy=ReadOnly()) as app:
        await app.service.submit(ANN, SubmitRequest(prompt="x", conv_id="c1"))
        with pytest.raises(ForbiddenError):
            await upload(app, who=BOB)


@pytest.mark.rule("HT3")
async def test_a_repetition_with_other_attachments_is_another_prompt(tmp_path: Path) -> None:
    async with reading(tmp_path) as app:
        ids = [await upload(app) for _ in range(2)]
        first = await submit(app.service, "x", attachments=ids[:1], idempotency_key="k")
        again = await submit(app.service, "x", attachments=ids[:1], idempotency_key="k")
        assert (again.run_id, again.deduplicated) == (first.run_id, True)
        with pytest.raises(IdempotencyConflictError):
            await submit(app.service, "x", attachments=ids, idempotency_key="k")


@pytest.mark.rule("AT3")
async def test_bytes_go_with_the_last_conversation_that_refers_to_them(tmp_path: Path) -> None:
    async with reading(tmp_path, db=str(tmp_path / "chat.db")) as app:
        for conv_id in ("c1", "c2"):
            await submit(app.service, "x", conv_id, attachments=[await upload(app, conv_id=conv_id)])
            await idle(app.service, conv_id)
        digest = hashlib.sha256(NOTE).hexdigest()
        assert files_in(tmp_path) == [tmp_path / "chat.db-files" / digest[:2] / digest[2:]]
        await app.service.erase_session(ME, "c1")
        assert len(files_in(tmp_path)) == 1
        await app.service.erase_session(ME, "c2")
        assert files_in(tmp_path) == []


@pytest.mark.rule("AT3")
async def test_an_upload_that_no_prompt_names_goes_after_its_time_of_grace(tmp_path: Path) -> None:
    clock = ManualClock()
    async with reading(tmp_path, db=str(tmp_path / "chat.db"), clock=clock) as app:
        used, unused = await upload(app), await upload(app, b"unused")
        nowhere = await upload(app, b"nowhere", conv_id="never")
        await submit(app.service, "x", attachments=[used])
        await idle(app.service)
        assert len(files_in(tmp_path)) == 3
        clock.jump(DAY_S - 120)
        assert (await app.service.read_attachment(ME, "c1", unused))[1] == b"unused"

        async def is_alone() -> bool:
            clock.jump(60)
            return len(files_in(tmp_path)) == 1

        await until(is_alone)
        assert (await app.service.read_attachment(ME, "c1", used))[1] == NOTE
        for _ in range(3):
            clock.jump(DAY_S)
            await asyncio.sleep(0)
        assert (await app.service.read_attachment(ME, "c1", used))[1] == NOTE
        with pytest.raises(NotFoundError):
            await app.service.read_attachment(ME, "c1", unused)
        with pytest.raises(BadRequestError):
            await submit(app.service, "x", "never", attachments=[nowhere])


@pytest.mark.rule("AT3")
async def test_a_prompt_that_names_an_old_upload_keeps_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with reading(tmp_path, clock=clock) as app:
        attachments = app.service.attachments
        id = await upload(app)
        await submit(app.service, "first")
        await idle(app.service)
        clock.jump(DAY_S - 1)
        await submit(app.service, "x", attachments=[id])
        await idle(app.service)
        clock.jump(2)
        await attachments.sweep()
        clock.jump(3 * DAY_S)
        await attachments.sweep()
        assert (await app.service.read_attachment(ME, "c1", id))[1] == NOTE


@pytest.mark.rule("AT3")
async def test_an_upload_does_not_go_between_its_prompt_and_the_commit_of_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with reading(tmp_path, clock=clock) as app:
        attachments = app.service.attachments
        id = await upload(app)
        clock.jump(DAY_S - 1)
        assert [one.attachment_id for one in await attachments.bind(SessionId("c1"), "", [id])] == [id]
        clock.jump(2)  # its prompt is under way and in no log yet
        await attachments.sweep()
        assert (await attachments.read(SessionId("c1"), id))[1] == NOTE
        clock.jump(DAY_S)
        await attachments.sweep()
        with pytest.raises(NotFoundError):
            await attachments.read(SessionId("c1"), id)


@pytest.mark.rule("AT3")
async def test_an_erasure_that_a_crash_cut_short_is_finished_at_the_next_start(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with reading(tmp_path, db=db) as app:
        await submit(app.service, "x", attachments=[await upload(app)])
        await idle(app.service)
        await app.hub.erase(SessionId("c1"))  # and here the server dies, before the attachments are forgotten
    assert len(files_in(tmp_path)) == 1
    async with reading(tmp_path, db=db):
        assert files_in(tmp_path) == []


@pytest.mark.rule("AT3")
async def test_an_upload_survives_a_restart_while_its_prompt_is_written(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with reading(tmp_path, db=db) as app:
        await submit(app.service, "first")
        await idle(app.service)
        id = await upload(app)
    async with reading(tmp_path, db=db) as app:
        await submit(app.service, "x", attachments=[id])
        await idle(app.service)
        assert (await app.service.read_attachment(ME, "c1", id))[1] == NOTE


@pytest.mark.rule("ST5")
async def test_a_place_that_cannot_be_opened_keeps_the_chat_from_starting_and_lets_the_database_go(
    tmp_path: Path,
) -> None:
    index = tmp_path / "chat.db-files" / "index.db"
    index.parent.mkdir()
    index.write_bytes(b"no database " * 500)
    with pytest.raises(StoreDamagedError, match=r"index\.db"):
        async with reading(tmp_path, db=str(tmp_path / "chat.db")):
            pytest.fail("it started")
    index.unlink()
    async with reading(tmp_path, db=str(tmp_path / "chat.db")) as app:
        assert await upload(app)


async def test_bytes_that_are_lost_fail_the_run_with_a_reason(tmp_path: Path) -> None:
    async with reading(tmp_path, db=str(tmp_path / "chat.db")) as app:
        id = await upload(app)
        for path in files_in(tmp_path):
            path.unlink()
        await submit(app.service, "x", attachments=[id])
        await idle(app.service)
        (run,) = await entities(app, "ChatRun")
        assert (run["status"], run["error"]) == ("failed", "an attachment of this conversation is not there any more")


@pytest.mark.rule("AT1", "AT3", "ST2")
@pytest.mark.timeout(120)
async def test_a_killed_server_loses_no_acknowledged_upload_and_leaves_no_litter(tmp_path: Path) -> None:
    folder = tmp_path / "chat.db-files"
    done = 0
    for _ in range(4):
        command = [sys.executable, "-m", "tests.unit.chat.attachment_killed", str(folder), str(done + 1)]
        process = await asyncio.create_subprocess_exec(*command, cwd=REPO, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            said = [int(await process.stdout.readline()) for _ in range(7)]
        process.kill()
        said += [int(line) for line in (await process.stdout.read()).splitlines() if line]
        await process.wait()
        done = said[-1] + 1  # the one after the last may have been finished, too
        store = FolderAttachments(folder)
        await store.open()
        page = await store.page(after=None, limit=10_000)
        known = {int(one.attachment_id[1:]): one for one in page}
        assert set(said) & known.keys() == {number for number in said if number % 2 == 0}
        for one in page:
            content = await store.read(one.digest)
            assert content is not None and hashlib.sha256(content).hexdigest() == one.digest
        assert {path.parent.name + path.name for path in files_in(tmp_path)} == {one.digest for one in page}
        await store.close()


@pytest.mark.rule("AC7")
async def test_names_and_bytes_of_files_are_in_no_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with reading(tmp_path) as app:
        await submit(app.service, "x", attachments=[await upload(app)])
        await idle(app.service)
    assert "früchte" not in caplog.text and "Äpfel" not in caplog.text
