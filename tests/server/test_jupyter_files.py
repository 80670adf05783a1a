"""Exports and attachments in a real Jupyter server: whose they are, and that nothing makes JSON of a download."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from tests.server.test_jupyter import (  # noqa: F401
    Knock,
    NamedUsers,
    ReadOnly,
    extension_config,
    jp_server_config,
    knock,
)
from tests.unit.chat.everything import PNG

ATTACHMENTS = "webchat/v1/sessions/c1/attachments"


async def upload(knock: Knock, content: bytes = PNG, **headers: str) -> HTTPResponse:  # noqa: F811
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = HTTPRequest(
        f"{knock.origin}{knock.base_url}{ATTACHMENTS}?filename=p.png",
        method="POST",
        headers={"Content-Type": "image/png", **named},
        body=content,
    )
    return await AsyncHTTPClient().fetch(request, raise_error=False)


@pytest.mark.rule("AT1", "AT4", "EX1")
async def test_files_go_in_and_out(knock: Knock) -> None:  # noqa: F811
    id = json.loads((await upload(knock, **knock.token)).body)["attachmentId"]
    body = {"prompt": "x", "conv_id": "c1", "attachments": [id]}
    assert (await knock.fetch("webchat/v1/chat", "POST", body, **knock.token)).code == 200
    found = await knock.fetch(f"{ATTACHMENTS}/{id}", **knock.token)
    assert (found.code, found.body, found.headers["Content-Type"]) == (200, PNG, "image/png")
    assert found.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert found.headers["Content-Disposition"].startswith("attachment;")
    page = await knock.fetch("webchat/v1/sessions/c1/export?format=html", **knock.token)
    assert page.code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<!doctype html>" in page.body and page.headers["Content-Disposition"].startswith("attachment;")
    export = json.loads((await knock.fetch("webchat/v1/sessions/c1/export", **knock.token)).body)
    made = await knock.fetch("webchat/v1/sessions/import", "POST", export, **knock.token)
    assert made.code == 201 and json.loads(made.body)["sessionId"] != "c1"


@pytest.mark.rule("AC1", "AC2")
async def test_an_upload_needs_a_login_and_a_browser_its_xsrf_token(knock: Knock) -> None:  # noqa: F811
    cookie, xsrf = await knock.browser()
    assert (await upload(knock)).code == 403
    assert (await upload(knock, b"x" * 1_000_000)).code in (400, 403, 599)
    assert (await upload(knock, Cookie=cookie)).code == 403
    assert (await upload(knock, Cookie=cookie, X_XSRFToken=xsrf)).code == 201


class TestNamedUsers:
    @pytest.fixture
    def jp_server_config(self, extension_config: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
        return {
            "ServerApp": {
                "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                "identity_provider_class": NamedUsers,
                "disable_check_xsrf": True,
            },
            "WebChatExtension": extension_config,
        }

    @pytest.mark.rule("AC3", "AT1", "EX1")
    async def test_a_stranger_gets_404(self, knock: Knock) -> None:  # noqa: F811
        id = json.loads((await upload(knock, X_User="alice")).body)["attachmentId"]
        body = {"prompt": "x", "conv_id": "c1", "attachments": [id]}
        assert (await knock.fetch("webchat/v1/chat", "POST", body, X_User="alice")).code == 200
        for path in ("webchat/v1/sessions/c1/export", f"{ATTACHMENTS}/{id}"):
            assert (await knock.fetch(path, X_User="alice")).code == 200
            answer = await knock.fetch(path, X_User="mallory")
            assert (answer.code, json.loads(answer.body)["code"]) == (404, "unknown_session")
        answer = await upload(knock, X_User="mallory")
        assert (answer.code, json.loads(answer.body)["code"]) == (404, "unknown_session")
        export = json.loads((await knock.fetch("webchat/v1/sessions/c1/export", X_User="alice")).body)
        made = await knock.fetch("webchat/v1/sessions/import", "POST", export, X_User="mallory")
        theirs = json.loads(made.body)["sessionId"]
        assert theirs != "c1"
        assert (await knock.fetch(f"webchat/v1/sessions/{theirs}", X_User="mallory")).code == 200
        assert (await knock.fetch(f"webchat/v1/sessions/{theirs}", X_User="alice")).code == 404


class TestReadOnly:
    @pytest.fixture
    def jp_server_config(self, extension_config: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
        return {
            "ServerApp": {
                "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                "authorizer_class": ReadOnly,
            },
            "WebChatExtension": extension_config,
        }

    @pytest.mark.rule("AC3")
    async def test_who_may_only_read_brings_nothing_in(self, knock: Knock) -> None:  # noqa: F811
        assert (await upload(knock, **knock.token)).code == 403
        assert (await knock.fetch("webchat/v1/sessions/import", "POST", {}, **knock.token)).code == 403
        assert (await knock.fetch("webchat/v1/sessions/c1/export", **knock.token)).code == 404
