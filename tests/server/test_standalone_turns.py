"""Branches, the line, feedback and keys over real HTTP, on our own server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.standalone import AUTH, StandaloneTests
from tests.unit.transports.chats import submit
from webchat_nb.wire.requests import Principal


class TurnTests(StandaloneTests):
    async def ask(self, body: dict[str, Any], status: int = 200) -> Any:
        return await self.get_json("v1/chat", status, method="POST", body={"conv_id": "c1", **body})

    async def answered(self, **body: Any) -> str:
        """Ask and wait; returns the turn's id."""
        turn_id: str = (await self.ask(body))["turn_id"]
        await self.app.service.wait_idle(Principal(), "c1")
        return turn_id

    async def parents(self) -> dict[str, str]:
        page = await self.get_json("v1/timeline?conv_id=c1")
        payloads = [entity["payload"] for entity in page["entities"] if entity["kind"] == "ChatMessage"]
        return {payload["messageId"]: payload.get("parentMessageId", "") for payload in payloads}


class TestBranches(TurnTests):
    @pytest.mark.rule("RN14", "RN10", "HT1")
    async def test_prompts_and_answers_branch_in_both_route_families(self) -> None:
        one = await self.answered(prompt="one")
        two = await self.answered(prompt="two")
        edited = await self.answered(prompt="two!", parent=f"{one}:text:1")
        path = "v1/sessions/c1/messages"
        again = await self.get_json(path, method="POST", body={"regenerate": f"{two}:text:1"})
        await self.app.service.wait_idle(Principal(), "c1")
        first = await self.get_json(path, method="POST", body={"prompt": "one!", "parent": ""})
        await self.app.service.wait_idle(Principal(), "c1")
        assert await self.parents() == {
            f"{one}-user": "",
            f"{one}:text:1": f"{one}-user",
            f"{two}-user": f"{one}:text:1",
            f"{two}:text:1": f"{two}-user",
            f"{edited}-user": f"{one}:text:1",
            f"{edited}:text:1": f"{edited}-user",
            f"{again['turnId']}:text:1": f"{two}-user",
            f"{first['turnId']}-user": "",
            f"{first['turnId']}:text:1": f"{first['turnId']}-user",
        }

    @pytest.mark.rule("RN10")
    async def test_a_parent_that_is_none_is_named(self) -> None:
        await self.answered(prompt="one")
        body = {"prompt": "x", "conv_id": "c1", "parent": "nowhere"}
        assert "nowhere" in await self.refused("v1/chat", 400, "bad_request", method="POST", body=body)
        body = {"regenerate": "nowhere", "conv_id": "c1"}
        assert "regenerate" in await self.refused("v1/chat", 400, "bad_request", method="POST", body=body)
        assert "prompt" in await self.refused("v1/chat", 400, "bad_request", method="POST", body={"conv_id": "c1"})

    @pytest.mark.rule("RN10", "FR12")
    async def test_the_command_of_a_frame_branches_too(self) -> None:
        one = await self.answered(prompt="one")
        socket = await self.join("?conv_id=c1")
        await socket.say(submit("one!", id="k2", parent=""))
        ack = (await socket.until("ws.ack"))[-1]
        await self.app.service.wait_idle(Principal(), "c1")
        assert (await self.parents())[f"{ack['data']['turn_id']}-user"] == ""
        await socket.say({**submit(id="k3"), "data": {"regenerate": f"{one}:text:1"}})
        assert (await socket.until("ws.ack"))[-1]["data"]["status"] == "started"


class TestQueue(TurnTests):
    @pytest.mark.rule("RN11")
    async def test_the_line_is_listed_moved_and_dropped(self) -> None:
        await self.ask({"prompt": "gate"})
        runs = [(await self.ask({"prompt": text}, 202))["run_id"] for text in ("a", "b", "c")]
        line = await self.get_json("v1/sessions/c1/queue")
        assert line["sessionId"] == "c1"
        assert line["queue"][0] == {
            "runId": runs[0],
            "turnId": line["queue"][0]["turnId"],
            "messageId": f"{line['queue'][0]['turnId']}-user",
            "position": 1,
            "prompt": "a",
            "profile": "fast",
            "actor": "",
        }
        moved = await self.get_json(f"v1/sessions/c1/queue/{runs[2]}", method="PATCH", body={"position": 1})
        assert moved == {"runId": runs[2], "queuePosition": 1, "queueDepth": 3}
        dropped = await self.get_json(f"v1/sessions/c1/queue/{runs[0]}", method="DELETE")
        assert dropped == {"status": "dequeued", "runId": runs[0]}
        line = await self.get_json("v1/sessions/c1/queue")
        assert [(waiting["position"], waiting["prompt"]) for waiting in line["queue"]] == [(1, "c"), (2, "b")]

    @pytest.mark.rule("RN11")
    async def test_what_cannot_be_moved_or_dropped_is_said(self) -> None:
        running = (await self.ask({"prompt": "gate"}))["run_id"]
        path = f"v1/sessions/c1/queue/{running}"
        await self.refused(path, 409, "not_waiting", method="PATCH", body={"position": 1})
        await self.refused(path, 409, "not_waiting", method="DELETE")
        await self.refused("v1/sessions/c1/queue/run-x", 404, "unknown_run", method="DELETE")
        await self.refused("v1/sessions/c2/queue", 404, "unknown_session")
        await self.refused("v1/sessions/a%2Fb/queue", 400, "invalid_conv_id")
        assert "position" in await self.refused(path, 400, "bad_request", method="PATCH", body={"position": 0})
        assert "place" in await self.refused(path, 400, "bad_request", method="PATCH", body={"place": 1})


class TestFeedback(TurnTests):
    @pytest.mark.rule("FB1")
    async def test_feedback_is_accepted_and_on_the_timeline(self) -> None:
        answer = f"{await self.answered(prompt='hi')}:text:1"
        body = {"messageId": answer, "value": "down", "comment": "Too short."}
        path = "v1/sessions/c1/feedback"
        assert await self.get_json(path, method="POST", body=body) == {"accepted": True}
        page = await self.get_json("v1/timeline?conv_id=c1")
        (feedback,) = [entity for entity in page["entities"] if entity["kind"] == "ChatFeedback"]
        assert feedback["id"] == answer
        assert {key: feedback["payload"][key] for key in body} == body
        socket = await self.join("?conv_id=c1")
        data = {"message_id": answer, "value": "up"}
        for repeated in (False, True):
            await socket.say({"type": "command", "id": "f1", "name": "chat.feedback", "conv_id": "c1", "data": data})
            ack = (await socket.until("ws.ack"))[-1]["data"]
            assert ack["accepted"] is True and ack.get("deduplicated", False) is repeated
        page = await self.get_json("v1/timeline?conv_id=c1")
        assert [e["payload"]["value"] for e in page["entities"] if e["kind"] == "ChatFeedback"] == ["up"]
        for wrong, named in (({**body, "value": "sideways"}, "value"), ({**body, "messageId": "x"}, "messageId")):
            assert named in await self.refused(path, 400, "bad_request", method="POST", body=wrong)
        await self.refused(path, 413, "too_large", method="POST", body={**body, "comment": "x" * 2001})


class TestKeys(TurnTests):
    @pytest.mark.rule("HT3")
    async def test_the_header_makes_every_change_happen_once(self) -> None:
        answer = f"{await self.answered(prompt='hi')}:text:1"
        await self.ask({"prompt": "gate"})
        runs = [(await self.ask({"prompt": text}, 202))["run_id"] for text in ("a", "b", "c")]
        changes: list[tuple[str, str, Any]] = [
            ("v1/sessions/c1/feedback", "POST", {"messageId": answer, "value": "up"}),
            (f"v1/sessions/c1/queue/{runs[2]}", "PATCH", {"position": 1}),
            (f"v1/sessions/c1/queue/{runs[1]}", "DELETE", None),
            ("v1/sessions/c1", "PATCH", {"title": "New"}),
            ("v1/cancel", "POST", {"conv_id": "c1", "run_id": runs[2]}),
        ]
        for number, (path, method, body) in enumerate(changes):
            options: dict[str, Any] = {"method": method, "headers": {**AUTH, "Idempotency-Key": f"k{number}"}}
            first = await self.get_json(path, body=body, **options)
            head = (await self.get_json("v1/sessions/c1"))["snapshotOrdinal"]
            again = await self.get_json(path, body=body, **options)
            assert {**first, "deduplicated": True} == {**again, "deduplicated": True}
            assert again.get("deduplicated") or method == "PATCH"
            assert (await self.get_json("v1/sessions/c1"))["snapshotOrdinal"] == head
        options = {"method": "POST", "headers": {**AUTH, "Idempotency-Key": "made"}}
        made = [await self.get_json("v1/sessions", 201, body={}, **options) for _ in range(2)]
        assert made[0] == made[1]
