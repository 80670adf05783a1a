"""A connection over the loopback, against the real chat in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.transports.chats import chat_in, submit, subscribe
from webchat_nb.app import ChatApp
from webchat_nb.errors import StoreFullError
from webchat_nb.stream import Session
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.clock import ManualClock
from webchat_nb.transports.greeting import Join
from webchat_nb.transports.loopback import Loopback
from webchat_nb.transports.sink import Access
from webchat_nb.transports.subscriber import SHUTDOWN
from webchat_nb.wire.requests import Limits, Principal


class SwitchablePolicy:
    """Everything is allowed, until it is not."""

    def __init__(self) -> None:
        self.allowed = {"read", "submit", "cancel", "decide", "administer"}

    def may(self, who: Principal, action: str, session: Session) -> bool:
        return action in self.allowed


def seqs(events: list[dict[str, Any]], conv_id: str = "c1") -> list[tuple[int, int]]:
    return [(int(e["prev"]), int(e["seq"])) for e in events if "seq" in e and e["conv_id"] == conv_id]


def text_of(events: list[dict[str, Any]], id_part: str = ":text:") -> str:
    """The answer's text, folded from ops and snapshots as a browser would."""
    text = ""
    for event in events:
        entities = event["data"].get("entities", []) if event["type"] == "timeline.snapshot" else []
        for op in [*({"op": "upsert", "entity": e} for e in entities), *event.get("ops", [])]:
            if op["op"] == "upsert" and id_part in op["entity"]["id"]:
                text = op["entity"]["payload"].get("content", "")
            elif op["op"] == "append" and id_part in op["id"]:
                assert op["at"] == len(text)
                text += op["text"]
    return text


class ConnectionTests(AsyncTests):
    """Gives each test a started chat (``self.app``) with a clock that stands still (``self.clock``)."""

    config: dict[str, Any] = {}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _chat(self, tmp_path: Path, _loop: None) -> Iterator[None]:
        self.clock = ManualClock()
        self.policy = SwitchablePolicy()
        self.app: ChatApp = chat_in(tmp_path, clock=self.clock, policy=self.policy, **self.config)
        self.runner.run(self.app.start())
        yield
        self.runner.run(self.app.stop())

    def connect(self, **options: Any) -> Loopback:
        options.setdefault("clock", self.clock)
        return Loopback(self.app.service, **options)

    async def pass_time(self, client: Loopback, seconds: float) -> None:
        self.clock.jump(seconds)
        await client.rest()

    async def stay(self, client: Loopback, seconds: int) -> None:
        """Let time pass with a client that answers every ping."""
        for _ in range(seconds // 5):
            await self.pass_time(client, 5)
            client.connection.hear()


class TestBeginning(ConnectionTests):
    @pytest.mark.rule("FR1", "AC6")
    async def test_hello_comes_first_and_tells_the_limits(self) -> None:
        async with self.connect() as client:
            assert client.types == ["ws.hello"]
            hello = client.events[0]["data"]
            assert hello["protocol_version"] == 1 and hello["heartbeat_ms"] == 25_000
            assert hello["profile"] == "fast" and "conv_id" not in hello
            assert hello["limits"]["max_prompt_chars"] == 100_000
            assert hello["capabilities"]["commands"] == [
                *("chat.cancel", "chat.feedback", "chat.submit", "kernel.bind"),
                *("tool.decide", "tool.manifest", "tool.result"),
            ]

    @pytest.mark.rule("FR1")
    async def test_a_conversation_in_the_url_is_subscribed_to_as_if_asked(self) -> None:
        async with self.connect(join=Join(conv_id="c1", profile="other")) as client:
            assert client.types == ["ws.hello", "ws.subscribed", "timeline.snapshot"]
            assert client.events[0]["data"]["profile"] == "other"
            assert client.events[1]["data"]["reason"] == "first"

    @pytest.mark.rule("HT2")
    async def test_a_profile_that_does_not_exist_is_told_after_hello(self) -> None:
        async with self.connect(join=Join(profile="nope")) as client:
            assert client.types == ["ws.hello", "ws.error"]
            assert client.events[0]["data"]["profile"] == "fast"
            assert client.events[1]["data"]["code"] == "unknown_profile"

    async def test_a_bad_query_is_told_and_the_connection_stays(self) -> None:
        async with self.connect(join=Join(conv_id="c1", since="x", epoch="e")) as client:
            assert client.types == ["ws.hello", "ws.error"]
            await client.say("ping")
            assert client.types[-1] == "ws.pong"


class TestFollowing(ConnectionTests):
    @pytest.mark.rule("FR2", "FR3")
    async def test_nothing_comes_before_subscribed_and_live_frames_follow_without_a_gap(self) -> None:
        async with self.connect() as client:
            await client.say(submit())
            assert [t for t in client.types if t != "ws.ack"] == ["ws.hello"]
            await client.say(submit("gate", id="k2"))
            client.take()
            await client.say(subscribe())
            self.app.signals.send("go")
            await self.pass_time(client, 1)
            events = client.take()
            assert [e["type"] for e in events[:2]] == ["ws.subscribed", "timeline.snapshot"]
            ordinal = int(events[0]["data"]["to"])
            for prev, seq in seqs(events):
                assert prev in (ordinal, seq) and seq >= ordinal
                ordinal = seq
            assert [e["type"] for e in events].count("ws.subscribed") == 1
            assert text_of(events) == "before after"

    @pytest.mark.rule("FR4")
    async def test_with_a_cursor_it_resumes(self) -> None:
        async with self.connect() as client:
            await client.say(subscribe())
            await client.say(submit())
            await self.pass_time(client, 1)
            events = client.take()
            epoch, head = events[1]["data"]["epoch"], events[-1]["seq"]
            await client.say(subscribe(since={"epoch": epoch, "seq": "2"}))
            subscribed, missed = client.take()
            assert subscribed["data"] == {
                "conv_id": "c1", "epoch": epoch, "mode": "resumed", "from": "2", "to": head,
            }  # fmt: skip
            assert (missed["prev"], missed["seq"]) == ("2", head)

    @pytest.mark.rule("FR4")
    async def test_the_reason_for_a_snapshot_is_told(self) -> None:
        async with self.connect() as client:
            await client.say(submit())
            for since, reason in (
                (None, "first"),
                (None, "client_asked"),
                ({"epoch": "of old", "seq": "1"}, "epoch_changed"),
            ):
                client.take()
                await client.say(subscribe(**({} if since is None else {"since": since})))
                assert client.events[0]["data"]["reason"] == reason
            epoch = client.events[0]["data"]["epoch"]
            client.take()
            await client.say(subscribe(since={"epoch": epoch, "seq": "9999"}))
            assert client.events[0]["data"]["reason"] == "ahead_of_head"

    @pytest.mark.rule("FR14")
    async def test_conversations_of_one_connection_are_independent(self) -> None:
        async with self.connect() as client:
            await client.say(subscribe("a"))
            await client.say(subscribe("b"))
            await client.say({"type": "unsubscribe", "conv_id": "a"})
            client.take()
            await client.say(submit(conv_id="a", id="k1"))
            await client.say(submit(conv_id="b", id="k2"))
            await self.pass_time(client, 1)
            assert not seqs(client.events, "a") and seqs(client.events, "b")

    @pytest.mark.rule("FR14")
    async def test_one_conversation_in_two_connections(self) -> None:
        async with self.connect() as one, self.connect() as two:
            await one.say(subscribe())
            await two.say(subscribe())
            await one.say({"type": "unsubscribe", "conv_id": "c1"})
            await two.say(submit())
            await self.pass_time(two, 1)
            assert not seqs(one.events) and text_of(two.events) == "You said: hi"

    async def test_an_unsubscribe_right_behind_a_subscribe_wins(self) -> None:
        async with self.connect() as client:
            await client.connection.receive('{"type":"subscribe","conv_id":"c1"}')
            await client.connection.receive('{"type":"unsubscribe","conv_id":"c1"}')
            await client.rest()
            assert client.types == ["ws.hello", "ws.subscribed", "timeline.snapshot", "ws.unsubscribed"]
            await client.say(submit())
            await self.pass_time(client, 1)
            assert not seqs(client.events)

    async def test_the_end_of_a_connection_lets_go_of_its_subscriptions(self) -> None:
        async with self.connect() as client:
            await client.say(subscribe())
            assert self.app.hub.evict(idle_longer_than_s=0) == []
        assert self.app.hub.evict(idle_longer_than_s=0) == ["c1"]

    @pytest.mark.rule("RN4")
    async def test_a_disconnect_stops_no_run(self) -> None:
        async with self.connect() as client:
            await client.say(subscribe())
            await client.say(submit("gate"))
        async with self.connect() as again:
            await again.say(subscribe())
            self.app.signals.send("go")
            await self.pass_time(again, 1)
            assert text_of(again.events) == "before after" and "run.finished" in again.types


class TestCommands(ConnectionTests):
    @pytest.mark.rule("FR12")
    async def test_the_id_of_a_command_is_its_idempotency_key(self) -> None:
        async with self.connect() as client:
            await client.say(submit(id="k1"))
            await client.say(submit(id="k1"))
            first, second = (e["data"] for e in client.events if e["type"] == "ws.ack")
            assert (first["id"], first["idempotency_key"], first["status"]) == ("k1", "k1", "started")
            assert second["deduplicated"] is True and second["run_id"] == first["run_id"]
            await client.say(submit(id="k1", idempotency_key="mine"))
            assert client.events[-1]["data"]["idempotency_key"] == "mine"

    @pytest.mark.rule("FR12", "HT6")
    async def test_an_acknowledged_command_is_in_the_log(self) -> None:
        async with self.connect() as client:
            await client.say(submit(id="k1"))
            ack = client.events[-1]["data"]
            events = await self.app.service.list_events(Principal(), "c1", after=0, limit=100)
            assert events[int(ack["seq"]) - 1].ordinal == int(ack["seq"])

    async def test_a_refused_command_is_answered_with_nack(self) -> None:
        async with self.connect() as client:
            for frame, code, said in (
                (submit(" ", id="a"), "empty_prompt", "prompt"),
                (submit(id="b", colour="red"), "bad_request", "colour"),
                (submit(id="c", conv_id="c1", profile="nope"), "unknown_profile", "nope"),
                ({**submit(id="d"), "name": "chat.dance"}, "bad_request", "chat.dance"),
                ({**submit(id="e"), "data": {"prompt": "x", "conv_id": "other"}}, "bad_request", "conv_id"),
                ({**submit(id="f"), "name": "chat.cancel", "data": {}}, "unknown_session", "c1"),
            ):
                await client.say(frame)
                nack = client.take()[-1]
                assert (nack["type"], nack["data"]["id"], nack["data"]["code"]) == ("ws.nack", frame["id"], code)
                assert said in nack["data"]["message"] and nack["data"]["retryable"] is False

    async def test_a_run_is_cancelled(self) -> None:
        async with self.connect() as client:
            await client.say(subscribe())
            await client.say(submit("gate", id="k1"))
            cancel = {"type": "command", "id": "k2", "name": "chat.cancel", "conv_id": "c1"}
            await client.say({**cancel, "data": {"idempotency_key": "k1"}})
            await self.pass_time(client, 1)
            acks = [e["data"] for e in client.events if e["type"] == "ws.ack"]
            assert acks[-1]["status"] == "stopping" and "run.stopped" in client.types

    async def test_a_fault_of_ours_is_told_without_its_detail(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken:
            limits = Limits()

            def __getattr__(self, name: str) -> Any:
                raise ZeroDivisionError("the secret detail")

        async with self.connect() as client:
            client.connection._backend = Broken()  # type: ignore[assignment]
            await client.say(submit())
            nack = client.events[-1]["data"]
            assert nack["code"] == "internal" and "secret" not in nack["message"]
            assert "the secret detail" in caplog.text

    async def test_commands_that_came_before_the_end_are_carried_out(self) -> None:
        async with self.connect() as client:
            await client.connection.receive(
                '{"type":"command","id":"k","name":"chat.submit","conv_id":"c1","data":{"prompt":"hi"}}'
            )
            client.connection.detach()
            await client.rest()
        session, _ = await self.app.service.get_session(Principal(), "c1")
        assert session.head > 0


class TestErrors(ConnectionTests):
    @pytest.mark.rule("FR10")
    async def test_ten_faulty_frames_in_a_minute_end_the_connection(self) -> None:
        async with self.connect() as client:
            for _ in range(9):
                await client.say('{"type":"subscribe"}')
            assert client.sink.closed is None and "`conv_id`" in client.events[-1]["data"]["message"]
            await client.say("{")
            assert client.sink.closed == (4500, "protocol")
            assert client.types.count("ws.error") == 10

    @pytest.mark.rule("FR9")
    async def test_silence_after_a_ping_ends_the_connection(self) -> None:
        async with self.connect() as client:
            await self.pass_time(client, 25)
            assert client.sink.pings == 1
            client.connection.hear()
            await self.pass_time(client, 25)
            assert client.sink.pings == 2 and client.sink.closed is None
            await self.pass_time(client, 10)
            assert client.sink.closed == (4002, "no_pong")

    @pytest.mark.rule("FR11")
    async def test_the_end_of_the_server_is_told(self) -> None:
        async with self.connect() as client:
            client.connection.close(SHUTDOWN)
            await client.rest()
            assert client.sink.closed == (4000, "shutdown")

    async def test_a_store_that_is_full_is_told_as_retryable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def full(*_: Any, **__: Any) -> None:
            raise StoreFullError("no space left")

        async with self.connect() as client:
            client.connection._following._backend = type("Full", (), {"subscribe": full})()  # type: ignore[assignment]
            await client.say(subscribe())
            assert client.events[-1]["data"] == {
                "code": "store_full", "message": "no space left", "retryable": True, "conv_id": "c1",
            }  # fmt: skip


class TestRights(ConnectionTests):
    @pytest.mark.rule("AC4")
    async def test_a_lost_right_to_read_ends_the_subscription_on_the_timer(self) -> None:
        async with self.connect() as client:
            await client.say(submit())
            await client.say(subscribe())
            client.take()
            self.policy.allowed.discard("read")
            await self.stay(client, 60)
            assert [e["type"] for e in client.events if "seq" not in e][-2:] == ["ws.error", "ws.unsubscribed"]
            error = next(e["data"] for e in client.events if e["type"] == "ws.error")
            assert (error["code"], error["conv_id"]) == ("unknown_session", "c1")

    @pytest.mark.rule("AC4")
    async def test_a_lost_right_to_submit_is_noticed_at_the_next_command(self) -> None:
        async with self.connect() as client:
            await client.say(submit(id="k1"))
            self.policy.allowed.discard("submit")
            await client.say(submit(id="k2"))
            assert client.events[-1]["data"]["code"] == "forbidden"

    @pytest.mark.rule("AC4")
    async def test_the_hosts_authorizer_is_asked_before_each_command_and_on_the_timer(self) -> None:
        allowed: set[Access] = {"read", "execute"}

        async def check(access: Access) -> bool:
            return access in allowed

        async with self.connect(host_check=check) as client:
            allowed.discard("execute")
            await client.say(submit())
            assert client.events[-1]["data"]["code"] == "forbidden"
            allowed.discard("read")
            await self.stay(client, 60)
            assert client.sink.closed == (4004, "auth_expired")

    @pytest.mark.rule("AC3")
    async def test_a_stranger_learns_nothing_from_hello(self) -> None:
        async with self.connect() as client:
            await client.say(submit(profile="other"))
        self.policy.allowed.clear()
        async with self.connect(join=Join(conv_id="c1")) as stranger:
            assert stranger.events[0]["data"]["profile"] == "fast"
            assert stranger.types == ["ws.hello", "ws.error"]
