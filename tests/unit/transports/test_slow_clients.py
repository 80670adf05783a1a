"""Clients that take less than they get: merged, hydrated again, closed (FR8)."""

from __future__ import annotations

import pytest

from tests.unit.transports.chats import submit, subscribe
from tests.unit.transports.test_connection import ConnectionTests, text_of
from webchat_nb.stream import FanoutSettings
from webchat_nb.wire.requests import Limits


class TestSlowClients(ConnectionTests):
    config = {  # noqa: RUF012
        "fanout": FanoutSettings(merge_backlog_bytes=2_000, max_backlog_bytes=20_000),
        "limits": Limits(max_frame_bytes=4096),
    }

    @pytest.mark.rule("FR8")
    async def test_a_backlog_that_is_too_large_is_replaced_by_a_snapshot(self) -> None:
        async with self.connect() as slow, self.connect() as quick:
            await slow.say(subscribe(window=7))
            await quick.say(subscribe())
            slow.sink.stall()
            await slow.connection.receive("ping")  # the writer waits in this one
            await quick.say(submit("gate", id="k0"))
            self.app.signals.send("go")
            await self.pass_time(quick, 1)
            for number in range(3):
                await quick.say(submit("long", id=f"k{number + 1}"))
                await self.pass_time(quick, 1)
            assert "run.finished" in quick.types
            slow.sink.flow()
            await slow.rest()
            reasons = [e["data"].get("reason") for e in slow.events if e["type"] == "ws.subscribed"]
            assert reasons == ["first", "gap_too_large"]
            assert text_of(slow.events) == text_of(quick.events) == "0123456789 " * 4000 + "the end"

    @pytest.mark.rule("FR8")
    async def test_a_socket_that_takes_nothing_for_30_seconds_is_closed(self) -> None:
        async with self.connect() as client:
            client.sink.stall()
            await client.connection.receive("ping")
            await client.rest()
            await self.stay(client, 30)
            assert client.sink.closed == (4001, "slow_client")

    @pytest.mark.rule("FR13")
    async def test_a_snapshot_above_the_frame_limit_comes_in_parts(self) -> None:
        async with self.connect() as client:
            for number in range(30):
                await client.say(submit(f"prompt {number} " + "x" * 300, id=f"k{number}"))
                await self.pass_time(client, 1)
            client.take()
            await client.say(subscribe())
            parts = [e["data"] for e in client.events if e["type"] == "timeline.snapshot"]
            assert len(parts) > 3 and [p["last"] for p in parts] == [False] * (len(parts) - 1) + [True]
            assert max(client.sink.sizes) <= 4096

    async def test_a_client_that_asks_faster_than_it_reads_is_not_read(self) -> None:
        async with self.connect() as client:
            client.sink.stall()
            await client.say("ping")  # the writer waits in this one
            client.connection._outbox.put_all([b"{}" * (5 << 20)])
            waiting = self.runner.get_loop().create_task(client.connection.receive("ping"))
            await client.rest()
            assert not waiting.done()
            client.connection.detach()
            await client.rest()
            assert waiting.done()
