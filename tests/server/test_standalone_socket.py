"""The websocket over a real socket, on our own server."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.standalone import StandaloneTests
from tests.unit.transports.chats import submit, subscribe
from webchat_nb.wire.requests import Limits, Principal


class TestSocket(StandaloneTests):
    config = {"limits": Limits(max_frame_bytes=4096)}  # noqa: RUF012

    @pytest.mark.rule("FR1", "FR2", "FR3", "FR12")
    async def test_a_conversation_from_hello_to_the_end_of_the_answer(self) -> None:
        socket = await self.join("?conv_id=c1")
        types = [event["type"] for event in await socket.until("timeline.snapshot")]
        assert types == ["ws.hello", "ws.subscribed", "timeline.snapshot"]
        await socket.say(submit())
        events = await socket.until("run.finished")
        ordinal = 0
        for event in (event for event in events if "seq" in event):
            assert int(event["prev"]) in (ordinal, int(event["seq"]))
            ordinal = int(event["seq"])
        text = "".join(op["text"] for event in events for op in event.get("ops", []) if op["op"] == "append")
        assert text == "You said: hi"

    @pytest.mark.rule("FR4")
    async def test_a_new_socket_resumes_from_the_query(self) -> None:
        first = await self.join("?conv_id=c1")
        await first.say(submit())
        events = await first.until("run.finished")
        epoch = next(e["data"]["epoch"] for e in events if e["type"] == "ws.subscribed")
        first.connection.close()
        second = await self.join(f"?conv_id=c1&epoch={epoch}&since=2")
        subscribed = (await second.until("ws.subscribed"))[-1]["data"]
        assert (subscribed["mode"], subscribed["from"]) == ("resumed", "2")
        assert (await second.hear())["prev"] == "2"

    @pytest.mark.rule("FR10", "FR11")
    async def test_faulty_frames_are_told_and_the_tenth_closes(self) -> None:
        socket = await self.join()
        for _ in range(10):
            await socket.say('{"type":"subscribe"}')
        assert "`conv_id`" in (await socket.until("ws.error"))[-1]["data"]["message"]
        assert await socket.closed() == 4500

    @pytest.mark.rule("AC6")
    async def test_a_message_that_is_far_too_large_is_not_read_to_its_end(self) -> None:
        socket = await self.join()
        await socket.say("x" * 5000)
        assert (await socket.until("ws.error"))[-1]["data"]["code"] == "too_large"
        await socket.say("x" * 9000)
        assert await socket.closed() == 1009

    async def test_many_frames_of_all_sizes_arrive_whole_and_in_order(self) -> None:
        socket = await self.join()
        await socket.say(subscribe())
        await socket.say(submit("long"))
        events = await socket.until("run.finished")
        text = "".join(op["text"] for event in events for op in event.get("ops", []) if op["op"] == "append")
        assert text == "0123456789 " * 4000 + "the end"
        await socket.say({"type": "ws.ping", "nonce": "x" * 120})
        assert (await socket.hear())["data"]["nonce"] == "x" * 120

    @pytest.mark.rule("RN4")
    async def test_a_closed_socket_is_forgotten_and_stops_no_run(self) -> None:
        socket = await self.join("?conv_id=c1")
        await socket.say(submit("gate"))
        await socket.until("ws.ack")
        socket.connection.close()
        await asyncio.wait_for(self.connections.wait_until_gone(), 5)
        assert self.connections.count == 0
        self.app.signals.send("go")
        await self.app.service.wait_idle(Principal(), "c1")
        entities = (await self.get_json("v1/sessions/c1"))["entities"]
        assert "before after" in [entity["payload"].get("content") for entity in entities]

    @pytest.mark.rule("FR11")
    async def test_the_end_of_the_server_closes_with_4000(self) -> None:
        socket = await self.join()
        await socket.hear()
        ending = asyncio.ensure_future(self.connections.close_all())
        assert await socket.closed() == 4000
        await ending

    @pytest.mark.rule("FR11")
    async def test_one_connection_too_many_is_refused(self) -> None:
        self.connections._max_count = 1
        first = await self.join()
        await first.hear()
        assert await (await self.join()).closed() == 4504

    async def test_no_compression_and_no_delay(self) -> None:
        socket = await self.join()
        await socket.hear()
        assert "Sec-WebSocket-Extensions" not in socket.connection.headers
