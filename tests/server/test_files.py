"""Exports, imports and attachments over real HTTP, on our own server."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPResponse

from tests.server.standalone import AUTH, TOKEN, StandaloneTests
from tests.unit.chat.everything import NOTE, PNG
from webchat_nb.wire.requests import Limits, Principal

HTML = b"<script>alert(1)</script>"


class FileTests(StandaloneTests):
    async def upload(
        self, content: bytes = PNG, media_type: str = "image/png", filename: str = "p.png", *, conv_id: str = "c1"
    ) -> HTTPResponse:
        path = f"v1/sessions/{conv_id}/attachments?filename={quote(filename)}"
        return await self.fetch(path, "POST", content, headers={**AUTH, "Content-Type": media_type})

    async def uploaded(self, *args: Any, **named: Any) -> str:
        answer = await self.upload(*args, **named)
        assert answer.code == 201, answer.body
        id: str = json.loads(answer.body)["attachmentId"]
        return id

    async def said(self, prompt: str, **more: Any) -> None:
        """A prompt that was answered."""
        await self.get_json("v1/chat", method="POST", body={"prompt": prompt, "conv_id": "c1", **more})
        await asyncio.wait_for(self.app.service.wait_idle(Principal(), "c1"), 5)


class TestAttachments(FileTests):
    base_path = "/user/alice"

    @pytest.mark.rule("AT1", "HT1")
    async def test_a_file_is_uploaded_attached_and_downloaded(self) -> None:
        answer = await self.upload(filename='Gärten/../my "p".png')
        told = json.loads(answer.body)
        assert answer.code == 201 and told.keys() == {"attachmentId", "mediaType", "filename", "sizeBytes"}
        assert (told["mediaType"], told["sizeBytes"], told["filename"]) == ("image/png", len(PNG), 'my "p".png')
        note = await self.uploaded(NOTE, "text/csv", "n.csv")
        path = f"v1/sessions/c1/attachments/{told['attachmentId']}"
        await self.refused(path, 404, "unknown_session")
        body = {"prompt": "What is it?", "attachments": [told["attachmentId"], note]}
        sent = await self.get_json("v1/sessions/c1/messages", method="POST", body=body)
        assert sent["status"] == "started"
        page = await self.get_json("v1/timeline?conv_id=c1")
        (prompt,) = [one["payload"] for one in page["entities"] if one["payload"].get("role") == "user"]
        assert [one["attachmentId"] for one in prompt["attachments"]] == [told["attachmentId"], note]
        found = await self.fetch(path)
        assert (found.code, found.body) == (200, PNG)
        assert found.headers["Content-Type"] == "image/png" and found.headers["Content-Length"] == str(len(PNG))

    @pytest.mark.rule("AT4")
    async def test_what_is_served_is_never_run(self) -> None:
        id = await self.uploaded(HTML, "text/html; charset=utf-8", 'a"b\\c%.html\u202e')
        await self.said("x", attachments=[id])
        found = await self.fetch(f"v1/sessions/c1/attachments/{id}")
        assert found.body == HTML and found.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert found.headers["Content-Disposition"].startswith('attachment; filename="c_.html"; filename*=UTF-8')
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert found.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "no-store" in found.headers["Cache-Control"]

    @pytest.mark.rule("AT1")
    @pytest.mark.parametrize("id", ["a-none", "%2e%2e%2findex.db", "..", "%00", "https:%2f%2fevil.example"])
    async def test_no_text_leads_anywhere_else(self, id: str) -> None:
        await self.said("x", attachments=[await self.uploaded()])
        await self.refused(f"v1/sessions/c1/attachments/{id}", 404, "not_found")
        await self.refused(
            "v1/chat", 400, "bad_request", method="POST", body={"prompt": "x", "conv_id": "c1", "attachments": [id]}
        )

    @pytest.mark.rule("AT1", "FR12")
    async def test_a_prompt_over_the_socket_has_attachments_too(self) -> None:
        id = await self.uploaded()
        socket = await self.join("?conv_id=c1")
        data = {"prompt": "x", "attachments": [id]}
        await socket.say({"type": "command", "id": "k", "name": "chat.submit", "conv_id": "c1", "data": data})
        events = await socket.until("run.finished")
        assert any(event["type"] == "ws.ack" for event in events)
        (shown,) = [event for event in events if event["type"] == "chat.message"]
        assert shown["ops"][0]["entity"]["payload"]["attachments"][0]["attachmentId"] == id

    @pytest.mark.rule("AC6")
    async def test_the_limits_are_told(self) -> None:
        limits = (await (await self.join()).hear())["data"]["limits"]
        assert limits["max_attachment_bytes"] == 10 << 20 and limits["max_message_attachments"] == 10
        assert "image/png" in limits["attachment_types"] and limits["max_import_bytes"] > 0


class TestLimits(FileTests):
    config = {"limits": Limits(max_attachment_bytes=100_000, max_import_bytes=100_000)}  # noqa: RUF012

    @pytest.mark.rule("AT2", "AC6")
    @pytest.mark.parametrize("size", [100_001, 499_999])
    async def test_what_is_too_large_is_refused_with_the_limit(self, size: int) -> None:
        for path, name in (
            ("v1/sessions/c1/attachments", "max_attachment_bytes"),
            ("v1/sessions/import", "max_import_bytes"),
        ):
            answer = await self.raw(path, [b"x" * size])
            assert b" 413 " in answer.split(b"\r\n")[0] and name.encode() in answer, answer[:200]

    @pytest.mark.rule("AC6")
    async def test_a_body_that_does_not_say_its_size_ends_at_the_limit(self) -> None:
        pieces = [b"x" * 40_000] * 3
        answer = await self.raw("v1/sessions/c1/attachments", pieces, chunked=True)
        assert b" 413 " in answer.split(b"\r\n")[0] and b"max_attachment_bytes" in answer
        answer = await self.raw("v1/sessions/c1/attachments", [b"x" * 40_000] * 100, chunked=True)
        assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0]  # cut off

    @pytest.mark.rule("AC6")
    async def test_a_body_is_not_waited_for_when_it_is_far_too_large(self) -> None:
        answer = await self.raw("v1/sessions/c1/attachments", [], announced=10**12)
        assert b" 413 " in answer.split(b"\r\n")[0] and b"max_attachment_bytes" in answer

    @pytest.mark.rule("AC1", "AC6")
    async def test_a_stranger_is_refused_without_a_body(self) -> None:
        for path in ("v1/sessions/c1/attachments", "v1/sessions/import"):
            answer = await self.raw(path, [], announced=10**12, token="wrong")
            assert answer == b"" or b" 40" in answer.split(b"\r\n")[0]
            answer = await self.raw(path, [b"x" * 1000], token="wrong")
            assert b" 401 " in answer.split(b"\r\n")[0]

    @pytest.mark.rule("AT2")
    async def test_just_as_large_as_the_limit_is_good(self) -> None:
        assert (await self.upload(b"x" * 100_000, "text/plain", "x.txt")).code == 201

    async def raw(
        self, path: str, pieces: list[bytes], *, chunked: bool = False, announced: int | None = None, token: str = TOKEN
    ) -> bytes:
        """A POST as its bytes; what the server answers until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        size = sum(map(len, pieces)) if announced is None else announced
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        head = (
            f"POST {self.path}{path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: token {token}\r\n"
            f"Content-Type: text/plain\r\nConnection: close\r\n{length}\r\n\r\n"
        )
        writer.write(head.encode())
        try:
            for piece in pieces:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
            if chunked:
                writer.write(b"0\r\n\r\n")
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()


class TestExports(FileTests):
    @pytest.mark.rule("EX1")
    @pytest.mark.parametrize(
        ("format", "media_type", "ending"),
        [
            ("json", "application/json", "json"),
            ("yaml", "application/yaml", "yaml"),
            ("markdown", "text/markdown; charset=utf-8", "md"),
            ("html", "text/html; charset=utf-8", "html"),
            ("ipynb", "application/x-ipynb+json", "ipynb"),
            ("fixture", "application/json", "fixture.json"),
        ],
    )
    async def test_each_format_is_a_download_named_after_the_title(
        self, format: str, media_type: str, ending: str
    ) -> None:
        await self.said('Früchte: "a/b" \u2192 x')
        found = await self.fetch(f"v1/sessions/c1/export?format={format}")
        assert found.code == 200 and "Früchte" in found.body.decode()
        assert found.headers["Content-Type"] == media_type
        name = quote(f"Früchte a b \u2192 x.{ending}")
        assert found.headers["Content-Disposition"] == (
            f"attachment; filename=\"Fr_chte a b _ x.{ending}\"; filename*=UTF-8''{name}"
        )
        assert found.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"

    @pytest.mark.rule("EX1", "EX2")
    async def test_an_export_comes_in_again(self) -> None:
        await self.said("x", attachments=[await self.uploaded()])
        content = (await self.fetch("v1/sessions/c1/export")).body
        made = await self.get_json("v1/sessions/import", 201, method="POST", body=content)
        assert made.keys() == {"sessionId"} and made["sessionId"] != "c1"
        old, new = [
            [
                (one["kind"], one["id"], one["payload"])
                for one in (await self.get_json(f"v1/timeline?conv_id={id}"))["entities"]
            ]
            for id in ("c1", made["sessionId"])
        ]
        assert old == new
        id = json.loads(content)["attachments"][0]["attachmentId"]
        assert (await self.fetch(f"v1/sessions/{made['sessionId']}/attachments/{id}")).body == PNG

    @pytest.mark.rule("EX1", "EX2")
    async def test_what_cannot_be_done_is_said(self) -> None:
        await self.said("x")
        assert "pdf" in await self.refused("v1/sessions/c1/export?format=pdf", 400, "bad_request")
        await self.refused("v1/sessions/never/export", 404, "unknown_session")
        await self.refused("v1/sessions/a%2Fb/export", 400, "invalid_conv_id")
        await self.refused("v1/sessions/import", 405, "method_not_allowed")
        broken = {"format": "webchat_nb.conversation", "version": 1, "sessionId": "c9", "entities": [{"kind": 1}]}
        said = await self.refused("v1/sessions/import", 400, "bad_request", method="POST", body=broken)
        assert said.startswith("entities[0].kind: ")
        await self.refused("v1/sessions/c9", 404, "unknown_session")
