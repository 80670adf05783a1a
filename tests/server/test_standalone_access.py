"""Nobody gets into our own server without the token; no other site gets in with our cookie."""

from __future__ import annotations

import json
import logging
import re
from http.cookies import SimpleCookie

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tests.server.bundle import prove_markdown_is_served
from tests.server.paths import routes_of
from tests.server.standalone import AUTH, TOKEN, StandaloneTests
from webchat_nb.transports import ui
from webchat_nb.transports.standalone import make_application


def cookies_of(answer: HTTPResponse) -> dict[str, str]:
    jar: dict[str, str] = {}
    for line in answer.headers.get_list("Set-Cookie"):
        jar.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
    return jar


def as_header(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}


class TestDoors(StandaloneTests):
    @pytest.mark.rule("AC1")
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def test_every_route_is_closed_to_strangers(self, method: str) -> None:
        paths = [path for path, _ in routes_of(self.application, below=self.path)]
        assert len(paths) >= 15
        for path in paths:
            if method not in ("GET", "HEAD") and (path == self.path or "static" in path):
                continue  # pages and files have no such methods
            for headers in ({}, {"Authorization": "token wrong"}, {"Cookie": "webchat-login=1"}):
                answer = await self.fetch(path, method, headers=headers)
                allowed = (401, 403) if path != self.path or method != "HEAD" else (401, 403, 405)
                assert answer.code in allowed, (method, path, answer.code)
            answer = await self.fetch(path + "?token=wrong", method, headers={})
            assert answer.code in (401, 403, 405), (method, path)

    @pytest.mark.rule("AC1")
    async def test_the_websocket_is_closed_to_strangers(self) -> None:
        for query, headers in (("", {}), ("?token=wrong", {}), ("", {"Authorization": "token wrong"})):
            with pytest.raises(HTTPClientError) as refused:
                await self.join(query, headers=headers)
            assert refused.value.code == 403

    async def test_the_token_opens_in_a_header_or_in_the_query(self) -> None:
        for query, headers in (("", AUTH), ("", {"Authorization": f"Bearer {TOKEN}"}), (f"?token={TOKEN}", {})):
            assert (await self.fetch("v1/profiles" + query, headers=headers)).code == 200
            socket = await self.join(query, headers=headers)
            assert (await socket.hear())["type"] == "ws.hello"

    @pytest.mark.rule("AC2")
    async def test_the_websocket_of_another_origin_is_refused(self) -> None:
        evil = {"Origin": "http://evil.example"}
        for query, headers in (("", {**AUTH, **evil}), (f"?token={TOKEN}", evil)):
            with pytest.raises(HTTPClientError) as refused:
                await self.join(query, headers=headers)
            assert refused.value.code == 403
        socket = await self.join(headers={**AUTH, "Origin": f"http://127.0.0.1:{self.port}"})
        assert (await socket.hear())["type"] == "ws.hello"

    @pytest.mark.rule("AC7")
    async def test_the_token_is_in_no_log_line(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await self.fetch(f"v1/nowhere?token={TOKEN}", headers={})
        await self.fetch(f"v1/timeline?token={TOKEN}&conv_id=", headers={})
        assert "v1/nowhere" in caplog.text and TOKEN not in caplog.text


class TestPage(StandaloneTests):
    base_path = "/user/alice"

    @pytest.mark.rule("AC2")
    async def test_the_cookie_of_the_page_opens_and_needs_the_xsrf_token_to_write(self) -> None:
        page = await self.fetch(f"?token={TOKEN}", headers={})
        assert page.code == 200
        jar = cookies_of(page)
        assert "_xsrf" in jar and any(name.startswith("webchat-login-") for name in jar)
        assert TOKEN not in " ".join(jar.values())
        assert all("Path=/user/alice/" in line for line in page.headers.get_list("Set-Cookie"))
        cookie = as_header(jar)
        assert (await self.fetch("v1/profiles", headers=cookie)).code == 200
        assert (await (await self.join(headers=cookie)).hear())["type"] == "ws.hello"
        body = {"prompt": "hi"}
        refused = await self.fetch("v1/chat", "POST", body, headers=cookie)
        assert (refused.code, json.loads(refused.body)["code"]) == (403, "forbidden")
        assert (await self.fetch("v1/chat", "POST", body, headers={**cookie, "X-XSRFToken": jar["_xsrf"]})).code == 200
        assert (await self.fetch("v1/chat", "POST", body)).code == 200  # the token itself needs none
        with pytest.raises(HTTPClientError):
            await self.join(headers={**cookie, "Origin": "http://evil.example"})

    async def test_the_page_holds_no_script_and_no_style_and_forbids_both(self) -> None:
        page = await self.fetch("", headers=AUTH)
        html = page.body.decode()
        assert '<meta name="webchat-base" content="/user/alice/">' in html
        assert not re.search(r"<script(?![^>]*\ssrc=)", html) and "<style" not in html and "style=" not in html
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
        for name in re.findall(r'(?:src|href)="/user/alice/([^"]+)"', html):
            assert (await self.fetch(name)).code == 200
            assert (await self.fetch(name, headers={})).code == 401

    @pytest.mark.rule("MG7")
    @pytest.mark.parametrize("ui_is_served", [True, False])
    async def test_what_reads_markdown_is_served_beside_the_api(self, ui_is_served: bool) -> None:
        if not ui_is_served:
            self.server.stop()
            application = make_application(lambda: self.app.service, token=TOKEN, base_path=self.base_path, ui=False)
            self.server = HTTPServer(application)
            socket, self.port = bind_unused_port(address="127.0.0.1")
            self.server.add_socket(socket)
        await prove_markdown_is_served(self.fetch, "static/markdown.js")

    async def test_a_stranger_is_told_where_the_token_goes(self) -> None:
        answer = await self.fetch("", headers={})
        assert answer.code == 401 and b"?token=" in answer.body

    async def test_a_missing_bundle_is_said_clearly(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        empty = tmp_path_factory.mktemp("empty")
        (rule, *_), _files = ui.ui_routes("/elsewhere/", static=empty)
        self.application.add_handlers(".*", [(rule, ui._Page, {"static": empty})])
        answer = await self.fetch("/elsewhere/")
        assert answer.code == 503 and b"static/page.js is missing" in answer.body and b"npm" in answer.body

    async def test_files_outside_the_bundle_are_not_served(self) -> None:
        for path in ("static/../errors.py", "static/%2e%2e/errors.py", "static/"):
            assert (await self.fetch(path)).code in (403, 404)
