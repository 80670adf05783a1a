"""What may be attached, and how much of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.chat.chats import ME, submit
from tests.unit.chat.everything import NOTE, PNG
from tests.unit.chat.test_attachments import reading, upload
from webchat_nb.chat.attachments.checking import MAX_FILENAME_CHARS, safe_filename
from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.wire.requests import Limits


@pytest.mark.rule("AT2", "AC6")
@pytest.mark.parametrize(
    ("content", "named", "error", "said"),
    [
        (NOTE, {"content_type": None}, BadRequestError, "Content-Type: expected a media type"),
        (NOTE, {"content_type": "text"}, BadRequestError, "Content-Type: expected a media type"),
        (NOTE, {"content_type": "text/x\r\nSet-Cookie: a"}, BadRequestError, "Content-Type: expected a media type"),
        (NOTE, {"content_type": "application/x-sh"}, BadRequestError, "attachment_types allows text/*, image/png"),
        (NOTE, {"content_type": "image/svg+xml"}, BadRequestError, "attachment_types"),
        (NOTE, {"content_type": "image/png"}, BadRequestError, "the file is not image/png"),
        (PNG, {"content_type": "image/jpeg"}, BadRequestError, "the file is not image/jpeg"),
        (PNG, {"content_type": "application/pdf"}, BadRequestError, "the file is not application/pdf"),
        (b"RIFF1234WAVE", {"content_type": "image/webp"}, BadRequestError, "the file is not image/webp"),
        (b"", {}, BadRequestError, "empty"),
        (b"x" * 60_001, {}, TooLargeError, "max_attachment_bytes (60000)"),
    ],
)
async def test_what_may_not_be_attached_is_refused_with_the_limit(
    tmp_path: Path, content: bytes, named: dict[str, Any], error: type[Exception], said: str
) -> None:
    async with reading(tmp_path, limits=Limits(max_attachment_bytes=60_000)) as app:
        with pytest.raises(error) as refused:
            await upload(app, content, **named)
        assert said in str(refused.value)


@pytest.mark.rule("AT2")
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "IMAGE/PNG"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\n\0\0\0WEBP", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"{}", "application/json; charset=utf-8"),
        (b"# x", "text/markdown"),
    ],
)
async def test_what_may_be_attached_is_kept_with_its_plain_type(
    tmp_path: Path, content: bytes, content_type: str
) -> None:
    async with reading(tmp_path) as app:
        kept = await app.service.upload_attachment(ME, "c1", content_type=content_type, filename=None, content=content)
        assert kept.media_type == content_type.lower().partition(";")[0] and kept.filename == "attachment"


@pytest.mark.rule("AT2", "AC6")
async def test_a_prompt_has_no_more_than_its_number(tmp_path: Path) -> None:
    async with reading(tmp_path, limits=Limits(max_message_attachments=2)) as app:
        ids = [await upload(app) for _ in range(3)]
        with pytest.raises(TooLargeError, match=r"attachments: 3 of them, the limit is max_message_attachments \(2\)"):
            await submit(app.service, "x", attachments=ids)
        await submit(app.service, "x", attachments=ids[:2])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\r\nb\0c\u202egpj.exe", "abcgpj.exe"),
        ("  .hidden.  ", "hidden"),
        ("", "x"),
        (None, "x"),
        ("..", "x"),
        ("日本語.pdf", "日本語.pdf"),
        ("a" * 300 + ".pdf", "a" * (MAX_FILENAME_CHARS - 4) + ".pdf"),
        ("a." + "b" * 300, "a." + "b" * (MAX_FILENAME_CHARS - 2)),
    ],
)
def test_a_file_name_is_for_people_only(name: str | None, safe: str) -> None:
    assert safe_filename(name, default="x") == safe
