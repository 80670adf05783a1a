"""Both route families over real HTTP, on our own server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.standalone import AUTH, TOKEN, StandaloneTests
from webchat_nb.stream import payload
from webchat_nb.wire.requests import Limits, Principal


@payload
class ClapHeard:
    how_loud: int = 0
    rooms: list[str]


class TestPrompts(StandaloneTests):
    async def test_a_prompt_starts_and_the_second_waits(self) -> None:
        first = await self.get_json("v1/chat", 200, method="POST", body={"prompt": "gate", "conv_id": "c1"})
        assert first["status"] == "started" and first["conv_id"] == "c1" and first["profile"] == "fast"
        assert first.keys() >= {"run_id", "turn_id", "idempotency_key", "epoch", "seq"}
        assert isinstance(first["seq"], str)
        second = await self.get_json("v1/chat", 202, method="POST", body={"prompt": "b", "conv_id": "c1"})
        assert (second["status"], second["queue_position"], second["queue_depth"]) == ("queued", 1, 1)

    @pytest.mark.rule("HT1")
    async def test_the_session_routes_speak_camel_case_and_show_the_same(self) -> None:
        made = await self.get_json("v1/sessions", 201, method="POST", body={"profile": "other"})
        assert made.keys() == {"sessionId", "profile"} and made["profile"] == "other"
        path = f"v1/sessions/{made['sessionId']}"
        answer = await self.get_json(f"{path}/messages", method="POST", body={"prompt": "hi", "idempotencyKey": "k"})
        assert answer["sessionId"] == made["sessionId"] and answer["idempotencyKey"] == "k" and "runId" in answer
        page = await self.get_json(f"v1/timeline?conv_id={made['sessionId']}")
        session = await self.get_json(path)
        assert {e["id"] for e in session["entities"]} == {e["id"] for e in page["entities"]} != set()
        assert session["epoch"] == page["epoch"] and session["snapshotOrdinal"] == page["version"]

    async def test_the_header_wins_over_the_body(self) -> None:
        options: dict[str, Any] = {"method": "POST", "headers": {**AUTH, "Idempotency-Key": "from-header"}}
        body = {"prompt": "hi", "conv_id": "c1", "idempotency_key": "from-body"}
        first = await self.get_json("v1/chat", body=body, **options)
        assert first["idempotency_key"] == "from-header"
        camel = await self.get_json("v1/sessions/c1/messages", body={"prompt": "hi", "idempotencyKey": "x"}, **options)
        assert camel["deduplicated"] is True and camel["runId"] == first["run_id"]
        message = await self.refused("v1/chat", 409, "idempotency_conflict", body={**body, "prompt": "ho"}, **options)
        assert "idempotency key" in message

    async def test_cancelling_is_repeatable(self) -> None:
        started = await self.get_json("v1/chat", method="POST", body={"prompt": "gate", "conv_id": "c1"})
        stopped = await self.get_json("v1/cancel", method="POST", body={"conv_id": "c1", "run_id": started["run_id"]})
        assert stopped["status"] == "stopping"
        await self.app.service.wait_idle(Principal(), "c1")
        assert (await self.get_json("v1/cancel", method="POST", body={"conv_id": "c1"}))["status"] == "idle"


class TestReading(StandaloneTests):
    async def _talk(self, count: int = 1) -> None:
        for _ in range(count):
            await self.get_json("v1/chat", method="POST", body={"prompt": "hi", "conv_id": "c1"})
            await self.app.service.wait_idle(Principal(), "c1")

    async def test_profiles(self) -> None:
        profiles = (await self.get_json("v1/profiles"))["profiles"]
        assert {"slug", "title", "description", "is_default", "allow_overrides", "engine", "tools", "middlewares"} <= (
            profiles[0].keys()
        )

    @pytest.mark.rule("HT2")
    async def test_a_chosen_profile_is_kept_in_a_cookie_and_used_for_new_conversations(self) -> None:
        assert (await self.get_json("v1/profile"))["slug"] == "fast"
        answer = await self.fetch("v1/profile", "POST", {"slug": "other"})
        cookie = answer.headers["Set-Cookie"]
        assert json.loads(answer.body)["slug"] == "other"
        assert cookie.startswith("chat_profile=other;") and "Path=/;" in cookie and "SameSite=Lax" in cookie
        headers = {**AUTH, "Cookie": "chat_profile=other"}
        assert (await self.get_json("v1/profile", headers=headers))["slug"] == "other"
        body = {"prompt": "hi", "conv_id": "n"}
        assert (await self.get_json("v1/chat", method="POST", body=body, headers=headers))["profile"] == "other"
        assert (await self.get_json("v1/sessions", 201, method="POST", body={}, headers=headers))["profile"] == "other"
        stale = {**AUTH, "Cookie": "chat_profile=gone"}
        assert (await self.get_json("v1/profile", headers=stale))["slug"] == "fast"
        await self.refused("v1/profile", 404, "unknown_profile", method="POST", body={"slug": "gone"})

    @pytest.mark.rule("HT5")
    async def test_pages_of_a_timeline_lose_and_repeat_nothing(self) -> None:
        await self._talk(4)
        everything = (await self.get_json("v1/timeline?conv_id=c1"))["entities"]
        assert all(e.keys() == {"kind", "id", "created", "updated", "payload"} for e in everything)
        for name in ("since_version=0&", ""):
            seen: list[str] = []
            query = f"v1/timeline?conv_id=c1&limit=2&{name}"
            page = await self.get_json(query)
            while True:
                seen += [entity["id"] for entity in page["entities"]]
                if "next" not in page:
                    break
                argument = "since_version" if name else "before"
                page = await self.get_json(f"v1/timeline?conv_id=c1&limit=2&{argument}={page['next']}")
            assert sorted(seen) == sorted(entity["id"] for entity in everything)

    async def test_the_log_comes_page_by_page(self) -> None:
        await self._talk()
        whole = await self.get_json("v1/sessions/c1/events")
        assert "next" not in whole and [int(e["ordinal"]) for e in whole["events"]] == list(
            range(1, len(whole["events"]) + 1)
        )
        page = await self.get_json("v1/sessions/c1/events?limit=2")
        rest = await self.get_json(f"v1/sessions/c1/events?after={page['next']}")
        assert page["events"] + rest["events"] == whole["events"]
        assert whole["events"][0].keys() == {"ordinal", "name", "atMs", "payload"}

    async def test_conversations_are_listed_renamed_and_erased(self) -> None:
        await self._talk()
        (listed,) = (await self.get_json("v1/sessions"))["sessions"]
        assert listed.keys() == {
            "sessionId", "title", "profile", "status", "createdAtMs", "updatedAtMs", "lastOrdinal",
        }  # fmt: skip
        assert (listed["sessionId"], listed["status"]) == ("c1", "idle")
        renamed = await self.get_json("v1/sessions/c1", method="PATCH", body={"title": "Lunch"})
        assert renamed["title"] == "Lunch"
        assert len((await self.get_json("v1/sessions?q=lun&limit=1"))["sessions"]) == 1
        assert not (await self.get_json("v1/sessions?q=dinner"))["sessions"]
        epoch = (await self.get_json("v1/sessions/c1"))["epoch"]
        assert (await self.get_json("v1/sessions/c1", method="DELETE"))["erased"] is True
        await self.refused("v1/sessions/c1", 404, "unknown_session")
        await self._talk()
        assert (await self.get_json("v1/sessions/c1"))["epoch"] != epoch

    @pytest.mark.rule("SC4", "SC2")
    async def test_schemas_are_told_with_their_fields_and_private_kinds_are_not(self) -> None:
        registry = self.app.hub.registry
        registry.event("ClapHeard", ClapHeard)
        schemas = (await self.get_json("v1/schemas"))["schemas"]
        found = {(schema["category"], schema["name"]): schema for schema in schemas}
        message = found["entity", "ChatMessage"]
        assert message["message"] == "webchat_nb.contracts.v1.ChatMessage"
        assert {"name": "messageId", "type": "string"} in message["fields"]
        assert found["event", "ClapHeard"] == {
            "category": "event",
            "name": "ClapHeard",
            "message": ClapHeard.DESCRIPTOR.full_name,
            "fields": [{"name": "howLoud", "type": "int64"}, {"name": "rooms", "type": "string", "repeated": True}],
        }
        assert registry.private_kinds
        assert {name for category, name in found if category == "entity"}.isdisjoint(registry.private_kinds)


class TestRefusals(StandaloneTests):
    config = {"limits": Limits(max_body_bytes=2000, max_prompt_chars=100, max_queue=1, max_title_chars=10)}  # noqa: RUF012

    @pytest.mark.parametrize("id", ["a%2Fb", "a%20b", "%C3%A9", "a" * 129, "%2e%2e%2f", "%00"])
    @pytest.mark.parametrize("route", ["v1/sessions/{}", "v1/sessions/{}/messages", "v1/sessions/{}/events"])
    async def test_a_bad_id_in_the_path_is_named(self, id: str, route: str) -> None:
        method, body = ("POST", {"prompt": "x"}) if "messages" in route else ("GET", None)
        assert "conv_id" in await self.refused(route.format(id), 400, "invalid_conv_id", method=method, body=body)

    async def test_an_id_with_a_plain_slash_is_named_too(self) -> None:
        await self.refused("v1/sessions/a/b/events", 400, "invalid_conv_id")
        await self.refused("v1/sessions//events", 400, "invalid_conv_id")

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("v1/timeline", "conv_id"),
            ("v1/timeline?conv_id=c1&since_version=x", "since_version"),
            ("v1/timeline?conv_id=c1&since_version=-1", "since_version"),
            ("v1/timeline?conv_id=c1&before=9007199254740992", "before"),
            ("v1/timeline?conv_id=c1&limit=0", "limit"),
            ("v1/timeline?conv_id=c1&limit=many", "limit"),
            ("v1/sessions?limit=1.5", "limit"),
            ("v1/sessions/c1/events?after=one", "after"),
        ],
    )
    async def test_a_bad_number_in_the_query_is_named(self, path: str, field: str) -> None:
        assert (await self.refused(path, 400, "bad_request")).startswith(f"{field}:")

    @pytest.mark.parametrize(
        ("body", "status", "code", "said"),
        [
            ("{", 400, "bad_request", "JSON"),
            ("\xff", 400, "bad_request", "JSON"),
            ({}, 400, "bad_request", "prompt"),
            ({"prompt": "x", "promt": 1}, 400, "bad_request", "promt"),
            ({"prompt": 7}, 400, "bad_request", "prompt"),
            ({"prompt": "x", "on_busy": "wait"}, 400, "bad_request", "on_busy"),
            ({"prompt": " "}, 400, "empty_prompt", "prompt"),
            ({"prompt": "x", "conv_id": "a/b"}, 400, "invalid_conv_id", "conv_id"),
            ({"prompt": "x", "profile": "nope"}, 404, "unknown_profile", "nope"),
            ({"prompt": "x", "overrides": {"colour": "red"}}, 400, "invalid_override", "colour"),
            ({"prompt": "x", "profile": "locked", "overrides": {"model": "m"}}, 400, "overrides_not_allowed", "locked"),
            ({"prompt": "x" * 101}, 413, "too_large", "prompt"),
            ({"prompt": "x" * 2000}, 413, "too_large", "max_body_bytes"),
        ],
    )
    async def test_a_bad_prompt_starts_nothing(self, body: Any, status: int, code: str, said: str) -> None:
        data = body.encode("latin-1") if isinstance(body, str) else body
        assert said in await self.refused("v1/chat", status, code, method="POST", body=data)
        assert not (await self.get_json("v1/sessions"))["sessions"]

    @pytest.mark.rule("AC6")
    async def test_a_body_above_the_limit_is_refused_before_it_is_parsed(self) -> None:
        message = await self.refused("v1/sessions", 413, "too_large", method="POST", body=b"[" * 2001)
        assert "max_body_bytes (2000)" in message

    async def test_a_full_queue_says_when_to_come_back(self) -> None:
        for _ in range(2):
            await self.fetch("v1/chat", "POST", {"prompt": "gate", "conv_id": "c1"})
        full = await self.fetch("v1/chat", "POST", {"prompt": "gate", "conv_id": "c1"})
        answer = json.loads(full.body)
        assert (full.code, answer["code"], answer["retryable"]) == (429, "queue_full", True)
        assert int(full.headers["Retry-After"]) >= 1
        body = {"prompt": "x", "conv_id": "c1", "on_busy": "reject"}
        await self.refused("v1/chat", 409, "conversation_busy", method="POST", body=body)

    async def test_what_does_not_exist(self) -> None:
        await self.refused("v1/sessions/never", 404, "unknown_session")
        await self.refused("v1/cancel", 404, "unknown_session", method="POST", body={"conv_id": "never"})
        await self.fetch("v1/chat", "POST", {"prompt": "gate", "conv_id": "c1"})
        await self.refused("v1/cancel", 404, "unknown_run", method="POST", body={"conv_id": "c1", "run_id": "r"})
        for path in ("v1", "v1/", "v1/nowhere", "v1/sessions/c1/nowhere", "v1/debug/log", "v1/sessions/"):
            await self.refused(path, 404, "not_found")

    async def test_wrong_methods_are_refused_in_json(self) -> None:
        for method, path in (
            ("POST", "v1/profiles"),
            ("DELETE", "v1/chat"),
            ("PUT", "v1/sessions/c1"),
            ("GET", "v1/chat"),
        ):
            await self.refused(path, 405, "method_not_allowed", method=method)

    async def test_the_end_of_the_service_is_told(self) -> None:
        await self.app.stop()
        answer = await self.fetch("v1/chat", "POST", {"prompt": "x"})
        assert (answer.code, json.loads(answer.body)["code"]) == (503, "shutting_down")
        assert int(answer.headers["Retry-After"]) >= 1

    async def test_a_fault_of_ours_is_told_without_its_detail_and_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> Any:
            raise ZeroDivisionError("the secret detail")

        self.app.service.describe_schemas = broken  # type: ignore[method-assign]
        message = await self.refused(f"v1/schemas?token={TOKEN}", 500, "internal", headers={})
        assert "secret" not in message and "the secret detail" in caplog.text and "Traceback" in caplog.text
        assert TOKEN not in caplog.text
