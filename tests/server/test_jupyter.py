"""The extension in a real Jupyter server: its login, its base URLs, its store."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth import Authorizer, IdentityProvider, User
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import websocket_connect

from tests.server.bundle import prove_markdown_is_served
from tests.server.paths import routes_of
from tests.server.standalone import Socket
from tests.unit.transports.chats import profiles_in, submit
from webchat_nb.transports import http
from webchat_nb_server import WebChatExtension, _jupyter_server_extension_points

Fetch = Callable[..., Any]


class NamedUsers(IdentityProvider):
    """Names its users: whoever sends `X-User`."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None


class ReadOnly(Authorizer):
    """Everybody may read our routes and do nothing else with them."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return resource != "webchat" or action == "read"


class Nobody(Authorizer):
    """Nobody may do anything with our routes."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return resource != "webchat"


@pytest.fixture
def extension_config(tmp_path: Path) -> dict[str, Any]:
    return {"db": "memory", "profiles": profiles_in(tmp_path)}


@pytest.fixture
def jp_server_config(extension_config: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
        "WebChatExtension": extension_config,
    }


@pytest.fixture
def extension(jp_serverapp: ServerApp) -> WebChatExtension:
    found: WebChatExtension = jp_serverapp.extension_manager.extension_points["webchat_nb"].app
    return found


class Knock:
    """Requests to the server as a stranger, a browser or a program would send them."""

    def __init__(self, port: int, base_url: str, token: str) -> None:
        self.origin = f"http://localhost:{port}"
        self.base_url = base_url
        self.token = {"Authorization": f"token {token}"}
        self.sockets: list[Socket] = []

    async def fetch(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> HTTPResponse:
        request = HTTPRequest(
            self.origin + (path if path.startswith("/") else self.base_url + path),
            method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=json.dumps(body) if body is not None else b"" if method in ("POST", "PUT", "PATCH") else None,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    async def join(self, query: str = "", **headers: str) -> Socket:
        url = self.origin.replace("http", "ws") + self.base_url + "webchat/v1/ws" + query
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        socket = Socket(await websocket_connect(HTTPRequest(url, headers=named)))
        self.sockets.append(socket)
        return socket

    async def browser(self) -> tuple[str, str]:
        """The cookies that a browser has after logging in with the token, and the XSRF token among them."""
        jar: dict[str, str] = {}
        for path in ("lab", "api/status", "login"):
            answer = await self.fetch(path, **self.token)
            for line in answer.headers.get_list("Set-Cookie"):
                jar.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        if "_xsrf" not in jar:
            raise AssertionError(f"no _xsrf among {list(jar)}")
        return "; ".join(f"{name}={value}" for name, value in jar.items()), jar["_xsrf"]


@pytest.fixture
def knock(jp_serverapp: ServerApp, jp_http_port: int, jp_base_url: str, http_server_client: Any) -> Any:
    found = Knock(jp_http_port, jp_base_url, str(jp_serverapp.identity_provider.token))
    yield found
    for socket in found.sockets:
        socket.connection.close()


every_base_url = pytest.mark.parametrize("jp_base_url", ["/", "/user/alice/", "/a%40b/"])


def test_the_extension_point_names_the_application() -> None:
    assert _jupyter_server_extension_points() == [{"module": "webchat_nb_server", "app": WebChatExtension}]


def test_every_setting_has_a_help_text() -> None:
    traits = WebChatExtension.class_own_traits(config=True)
    assert {"db", "profiles", "profiles_file", "default_profile", "per_user", "synchronous", "limits", "debug"} <= set(
        traits
    )
    assert all(trait.help for trait in traits.values())


@every_base_url
@pytest.mark.rule("AC1")
async def test_every_route_is_closed_to_strangers(knock: Knock, jp_serverapp: ServerApp, jp_base_url: str) -> None:
    paths = [path for path, _ in routes_of(jp_serverapp.web_app, below=f"{jp_base_url}webchat/")]
    assert len(paths) == len(http._TABLE) + 1  # the websocket
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            for headers in ({}, {"Authorization": "token wrong"}):
                answer = await knock.fetch(path, method, **headers)
                assert answer.code in (401, 403), (method, path, answer.code)
                assert b"conv" not in answer.body


@every_base_url
@pytest.mark.rule("AC1", "AC2")
async def test_the_websocket_is_closed_to_strangers_and_to_other_origins(knock: Knock) -> None:
    cookie, _ = await knock.browser()
    for query, headers in (
        ("", {}),
        ("?token=wrong", {}),
        ("", {"Cookie": cookie, "Origin": "http://evil.example"}),
    ):
        with pytest.raises(HTTPClientError) as refused:
            await knock.join(query, **headers)
        assert refused.value.code == 403
    for headers in (knock.token, {"Cookie": cookie, "Origin": knock.origin}):
        socket = await knock.join(**headers)
        assert (await socket.hear())["type"] == "ws.hello"


@every_base_url
@pytest.mark.rule("AC2")
async def test_a_browser_needs_the_xsrf_token_to_write(knock: Knock) -> None:
    cookie, xsrf = await knock.browser()
    referer = f"{knock.origin}{knock.base_url}lab"
    body = {"prompt": "hi"}
    path = "webchat/v1/chat"
    assert (await knock.fetch("webchat/v1/profiles", Cookie=cookie, Referer=referer)).code == 200
    refused = await knock.fetch(path, "POST", body, Cookie=cookie, Referer=referer)
    assert (refused.code, json.loads(refused.body)["code"]) == (403, "forbidden")
    assert (await knock.fetch(path, "POST", body, Cookie=cookie, X_XSRFToken=xsrf)).code == 200
    evil = {"Cookie": cookie, "X_XSRFToken": xsrf, "Origin": "http://evil.example"}
    assert (await knock.fetch(path, "POST", body, **evil)).code == 404
    assert (await knock.fetch(path, "POST", body, **knock.token)).code == 200


@every_base_url
@pytest.mark.rule("HT1", "FR1", "FR12")
async def test_a_conversation_over_both_ways(knock: Knock, jp_base_url: str) -> None:
    socket = await knock.join("?conv_id=c1", **knock.token)
    await socket.say(submit())
    types = [event["type"] for event in await socket.until("run.finished")]
    assert types[:3] == ["ws.hello", "ws.subscribed", "timeline.snapshot"]
    session = json.loads((await knock.fetch("webchat/v1/sessions/c1", **knock.token)).body)
    assert "You said: hi" in [entity["payload"].get("content") for entity in session["entities"]]
    chosen = await knock.fetch("webchat/v1/profile", "POST", {"slug": "other"}, **knock.token)
    cookies = chosen.headers.get_list("Set-Cookie")
    assert any(f"Path={jp_base_url}webchat/;" in line for line in cookies if line.startswith("chat_profile="))


@every_base_url
@pytest.mark.rule("MG7")
async def test_what_reads_markdown_is_served_beside_the_api(knock: Knock) -> None:
    cookie, xsrf = await knock.browser()

    async def fetch(path: str, **headers: str) -> HTTPResponse:
        return await knock.fetch(path, **(headers or knock.token))

    await prove_markdown_is_served(fetch, "webchat/static/markdown.js")
    browser = {"Cookie": cookie, "X_XSRFToken": xsrf, "Referer": f"{knock.origin}{knock.base_url}lab"}
    assert (await knock.fetch("webchat/static/markdown.js", **browser)).code == 200


async def test_errors_are_ours_also_when_jupyter_makes_them(knock: Knock) -> None:
    for path, status, code in (
        ("webchat/v1/nowhere", 404, "not_found"),
        ("webchat/v1/sessions/a%2Fb", 400, "invalid_conv_id"),
        ("webchat/v1/chat", 405, "method_not_allowed"),
        ("webchat/v1/sessions/never", 404, "unknown_session"),
    ):
        answer = await knock.fetch(path, **knock.token)
        assert answer.code == status and answer.headers["Content-Type"] == "application/json"
        assert json.loads(answer.body).keys() == {"code", "message", "retryable"}
        assert json.loads(answer.body)["code"] == code
    stranger = await knock.fetch("webchat/v1/profiles")
    assert json.loads(stranger.body)["code"] == "forbidden"


@pytest.mark.rule("AC3")
async def test_without_named_users_every_login_is_the_owner(knock: Knock) -> None:
    cookie, _ = await knock.browser()
    assert (await knock.fetch("webchat/v1/chat", "POST", {"prompt": "x", "conv_id": "c1"}, **knock.token)).code == 200
    for headers in (knock.token, knock.token, {"Cookie": cookie, "Referer": knock.origin + "/"}):
        assert (await knock.fetch("webchat/v1/sessions/c1", **headers)).code == 200


class TestNamedUsers:
    @pytest.fixture
    def jp_server_config(self, extension_config: dict[str, Any]) -> dict[str, Any]:
        return {
            "ServerApp": {
                "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                "identity_provider_class": NamedUsers,
                "disable_check_xsrf": True,
            },
            "WebChatExtension": extension_config,
        }

    @pytest.mark.rule("AC3", "AC5", "TL7")
    async def test_a_conversation_belongs_to_its_maker_and_a_stranger_gets_404(self, knock: Knock) -> None:
        body = {"prompt": "hi", "conv_id": "c1"}
        assert (await knock.fetch("webchat/v1/chat", "POST", body, X_User="alice")).code == 200
        assert (await knock.fetch("webchat/v1/sessions/c1", X_User="alice")).code == 200
        for method, path, data in (
            ("GET", "webchat/v1/sessions/c1", None),
            ("DELETE", "webchat/v1/sessions/c1", None),
            ("POST", "webchat/v1/chat", body),
            ("POST", "webchat/v1/cancel", {"conv_id": "c1"}),
            ("GET", "webchat/v1/timeline?conv_id=c1", None),
            ("POST", "webchat/v1/sessions/c1/tools/manifest", {"clientId": "page", "tools": [{"name": "mine"}]}),
            ("POST", "webchat/v1/sessions/c1/tools/results", {"toolCallId": "x", "result": "x"}),
        ):
            answer = await knock.fetch(path, method, data, X_User="mallory")
            assert (answer.code, json.loads(answer.body)["code"]) == (404, "unknown_session")
        socket = await knock.join("?conv_id=c1", X_User="mallory")
        events = await socket.until("ws.error")
        assert [e["type"] for e in events] == ["ws.hello", "ws.error"]
        assert events[1]["data"]["code"] == "unknown_session"


class TestAuthorizer:
    @pytest.fixture(params=[ReadOnly, Nobody])
    def authorizer(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.fixture
    def jp_server_config(self, extension_config: dict[str, Any], authorizer: Any) -> dict[str, Any]:
        return {
            "ServerApp": {
                "jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                "authorizer_class": authorizer,
            },
            "WebChatExtension": extension_config,
        }

    @pytest.mark.rule("AC3", "AC4")
    async def test_the_authorizer_of_the_server_decides(self, knock: Knock, authorizer: Any) -> None:
        may_read = authorizer is ReadOnly
        assert (await knock.fetch("webchat/v1/profiles", **knock.token)).code == (200 if may_read else 403)
        assert (await knock.fetch("webchat/v1/chat", "POST", {"prompt": "x"}, **knock.token)).code == 403
        assert (await knock.fetch("webchat/v1/sessions", "POST", {}, **knock.token)).code == 403
        if may_read:
            socket = await knock.join("?conv_id=c1", **knock.token)
            await socket.say(submit())
            assert (await socket.until("ws.nack"))[-1]["data"]["code"] == "forbidden"
        else:
            with pytest.raises(HTTPClientError) as refused:
                await knock.join(**knock.token)
            assert refused.value.code == 403


class TestBrokenStore:
    @pytest.fixture
    def extension_config(self, tmp_path: Path) -> dict[str, Any]:
        (tmp_path / "damaged.db").write_bytes(b"this is no database " * 500)
        return {"db": str(tmp_path / "damaged.db"), "profiles": profiles_in(tmp_path)}

    @pytest.mark.rule("ST5")
    async def test_the_server_goes_on_and_the_routes_say_what_is_wrong(
        self, knock: Knock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(3):
            answer = await knock.fetch("webchat/v1/profiles", **knock.token)
            told = json.loads(answer.body)
            assert (answer.code, told["code"]) == (503, "store_damaged") and "damaged.db" in told["message"]
        with pytest.raises(HTTPClientError) as refused:
            await knock.join(**knock.token)
        assert refused.value.code == 503
        assert (await knock.fetch("api/status", **knock.token)).code == 200
        errors = [line for line in caplog.records if line.name == "webchat_nb.server" and line.levelno == logging.ERROR]
        assert len(errors) == 1 and "damaged.db" in errors[0].getMessage()


class TestBadSettings:
    @pytest.fixture
    def extension_config(self) -> dict[str, Any]:
        return {"db": "memory", "limits": {"max_prompt_chras": 1}}

    async def test_a_setting_that_cannot_be_used_is_told_by_name(self, knock: Knock) -> None:
        answer = await knock.fetch("webchat/v1/profiles", **knock.token)
        told = json.loads(answer.body)
        assert (answer.code, told["code"]) == (503, "bad_config") and "max_prompt_chras" in told["message"]


class TestBadToolLimits:
    @pytest.fixture
    def extension_config(self) -> dict[str, Any]:
        return {"db": "memory", "tool_limits": {"timeout_s": -1}}

    @pytest.mark.rule("TL1")
    async def test_a_limit_of_tools_that_cannot_be_used_is_told_by_name(self, knock: Knock) -> None:
        answer = await knock.fetch("webchat/v1/profiles", **knock.token)
        told = json.loads(answer.body)
        assert (answer.code, told["code"]) == (503, "bad_config")
        assert "tool_limits" in told["message"] and "timeout_s" in told["message"]


class TestDefaultStore:
    @pytest.fixture
    def extension_config(self, tmp_path: Path) -> dict[str, Any]:
        return {"profiles": profiles_in(tmp_path), "default_profile": "other", "limits": {"max_prompt_chars": 5}}

    async def test_it_is_a_file_of_this_servers_folder_for_the_user_alone(
        self, knock: Knock, extension: WebChatExtension
    ) -> None:
        assert (await knock.fetch("webchat/v1/chat", "POST", {"prompt": "hi"}, **knock.token)).code == 200
        too_long = await knock.fetch("webchat/v1/chat", "POST", {"prompt": "too long"}, **knock.token)
        assert too_long.code == 413
        path = extension._default_db()
        assert path.is_file() and path.parent.name == "webchat_nb"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert json.loads((await knock.fetch("webchat/v1/profile", **knock.token)).body)["slug"] == "other"
        await extension.stop_extension()


@pytest.mark.rule("FR11")
async def test_the_end_of_the_server_closes_sockets_with_4000(knock: Knock, extension: WebChatExtension) -> None:
    socket = await knock.join(**knock.token)
    await socket.hear()
    assert extension.current_activity() == {"connections": 1}
    ending = asyncio.ensure_future(extension.stop_extension())
    assert await socket.closed() == 4000
    await ending
    answer = await knock.fetch("webchat/v1/profiles", **knock.token)
    assert (answer.code, json.loads(answer.body)["code"]) == (503, "shutting_down")
    await extension.stop_extension()
