"""What a tool gives beside text: images are attachments of the conversation, tables stand in the result (TL3, AT1, AT3)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, submit
from tests.unit.chat.everything import PNG
from tests.unit.chat.tools.boxes import Given
from tests.unit.chat.tools.tool_runs import chat, made
from webchat_nb.app import ChatApp
from webchat_nb.chat.answer_pieces import ToolReturned
from webchat_nb.chat.tools import TABLE, ToolContent, ToolContext, ToolOutcome, ToolUse
from webchat_nb.chat.tools.functions.declared import tool
from webchat_nb.errors import NotFoundError
from webchat_nb.stream import session_id
from webchat_nb.testing.clock import ManualClock
from webchat_nb.wire.requests import Limits

pytestmark = pytest.mark.rule("TL3")

DAY_S = 24 * 3600.0
TABLE_JSON = '{"schema":{"fields":[{"name":"n","type":"integer"}]},"data":[{"n":1}]}'


def giving(value: Any) -> dict[str, Any]:
    """A chat's settings with a tool that gives a value."""

    async def work(use: ToolUse, context: ToolContext) -> ToolOutcome:
        return value if isinstance(value, ToolOutcome) else ToolOutcome(result="Shown.", shown=value)

    return {"profile": {"tools": ["own"]}, "tools": [Given(name="own", work=work)]}


async def read(app: ChatApp, attachment_id: str, conv_id: str = "c1") -> bytes:
    return (await app.service.read_attachment(ME, conv_id, attachment_id))[1]


@pytest.mark.rule("AT1")
async def test_an_image_is_an_attachment_of_the_conversation(tmp_path: Path) -> None:
    async with chat(tmp_path, **giving(ToolContent("image/png", PNG))) as app:
        told = await made(app, "own")
        assert (told["result"], told["status"], told["mediaType"]) == ("Shown.", "ok", "image/png")
        assert "content" not in told
        assert await read(app, told["attachmentId"]) == PNG
        await submit(app.service, "hi", conv_id="c2")
        with pytest.raises(NotFoundError):
            await read(app, told["attachmentId"], "c2")
        assert (await app.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("HO1")
async def test_a_program_is_told_where_the_image_is(tmp_path: Path) -> None:
    async with chat(tmp_path, **giving(ToolContent("image/png", PNG))) as app:
        pieces = [piece async for piece in app.chat("own", conv_id="c1")]
        (returned,) = [piece for piece in pieces if isinstance(piece, ToolReturned)]
        assert (returned.result, returned.media_type, returned.content) == ("Shown.", "image/png", "")
        assert await read(app, returned.attachment_id) == PNG


async def test_a_function_that_returns_a_picture_shows_it(tmp_path: Path) -> None:
    @tool
    def own(a: int) -> bytes:
        return PNG

    async with chat(tmp_path, {"tools": ["own"]}, tools=[own]) as app:
        told = await made(app, "own")
        assert await read(app, told["attachmentId"]) == PNG
        assert "image/png" in told["result"]


async def test_a_table_stands_in_the_result(tmp_path: Path) -> None:
    async with chat(tmp_path, **giving(ToolContent(TABLE, TABLE_JSON))) as app:
        told = await made(app, "own")
        assert (told["mediaType"], told["content"], told["result"]) == (TABLE, TABLE_JSON, "Shown.")


@pytest.mark.rule("AT2")
@pytest.mark.parametrize(
    ("shown", "note"),
    [
        (ToolContent("image/png", b"no picture"), "is not image/png"),
        (ToolContent("image/png", b""), "empty"),
        (ToolContent("image/png", PNG + b"\0" * 2000), "max_attachment_bytes"),
    ],
)
async def test_an_image_that_cannot_be_kept_is_told_to_the_model(tmp_path: Path, shown: ToolContent, note: str) -> None:
    async with chat(tmp_path, **giving(shown), limits=Limits(max_attachment_bytes=len(PNG) + 1000)) as app:
        told = await made(app, "own")
        assert (
            told["result"].startswith("Shown.\n(The image could not be shown to the user: ") and note in told["result"]
        )
        assert "attachmentId" not in told and "mediaType" not in told


@pytest.mark.parametrize(
    "shown",
    [ToolContent("image/svg+xml", b"<svg/>"), ToolContent("text/html", "<b>"), ToolContent("image/png", "text")],
)
async def test_nothing_else_is_shown(tmp_path: Path, shown: ToolContent) -> None:
    async with chat(tmp_path, **giving(shown)) as app:
        told = await made(app, "own")
        assert told["result"] == "Shown." and "mediaType" not in told


async def test_text_that_no_message_can_hold_is_made_fit(tmp_path: Path) -> None:
    table = ToolContent(TABLE, TABLE_JSON.replace('"integer"', '"\udfff"'))
    async with chat(tmp_path, **giving(ToolOutcome(result="half \ud83d a pair", shown=table))) as app:
        told = await made(app, "own")
        assert told["status"] == "ok"
        assert told["result"].startswith("half ") and told["result"].endswith(" a pair")
        assert json.loads(told["content"])["data"] == [{"n": 1}]


@pytest.mark.rule("AT1")
async def test_a_tool_cannot_name_an_attachment_by_itself(tmp_path: Path) -> None:
    claim = ToolOutcome(result="Shown.", media_type="image/png", attachment_id="a-other", content="x")
    async with chat(tmp_path, **giving(claim)) as app:
        told = await made(app, "own")
        assert not {"attachmentId", "mediaType", "content"} & told.keys()


@pytest.mark.rule("AT3")
async def test_an_image_that_a_result_names_stays_and_goes_with_its_conversation(tmp_path: Path) -> None:
    clock = ManualClock()
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, **giving(ToolContent("image/png", PNG)), db=db, clock=clock) as app:
        id = (await made(app, "own"))["attachmentId"]
        clock.jump(DAY_S + 120)
        await app._attachments.sweep()
        assert await read(app, id) == PNG
        kept = await app._attachments.find(session_id("c1"), id)
        assert kept is not None and kept.is_kept
        await app.service.erase_session(ME, "c1")
        assert not [path for path in (tmp_path / "chat.db-files").glob("??/*") if path.is_file()]


@pytest.mark.rule("EX1", "EX2")
async def test_an_export_takes_the_image_along_and_an_import_brings_it_back(tmp_path: Path) -> None:
    async with chat(tmp_path, **giving(ToolContent("image/png", PNG))) as app:
        id = (await made(app, "own"))["attachmentId"]
        exported = await app.service.export_session(ME, "c1")
        (attached,) = json.loads(exported.content)["attachments"]
        assert (attached["attachmentId"], attached["filename"], attached["sizeBytes"]) == (id, "own.png", len(PNG))
        assert base64.b64decode(attached["data"]) == PNG
        text_only = Limits(attachment_types=("text/*",))
    (tmp_path / "other").mkdir()
    async with chat(tmp_path / "other", limits=text_only) as other:
        conv_id = await other.service.import_session(ME, exported.content)
        assert await read(other, id, conv_id) == PNG
        again = await other.service.export_session(ME, conv_id)
        for key in ("entities", "attachments"):
            assert json.loads(again.content)[key] == json.loads(exported.content)[key]


@pytest.mark.rule("EX3")
@pytest.mark.parametrize("format", ["markdown", "html", "ipynb"])
async def test_an_export_for_people_shows_the_image_with_its_call(tmp_path: Path, format: str) -> None:
    async with chat(tmp_path, **giving(ToolContent("image/png", PNG))) as app:
        await made(app, "own")
        page = (await app.service.export_session(ME, "c1", format=format)).content.decode()
        shown = "own.png" if format == "markdown" else base64.b64encode(PNG).decode()
        assert shown in page
