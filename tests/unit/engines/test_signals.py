from __future__ import annotations

import asyncio

import pytest

from webchat_nb.engines.signals import Signals


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_signal_that_was_sent_before_counts_once() -> None:
    async def main() -> None:
        signals = Signals()
        signals.send("go")
        await signals.wait("go")
        late = asyncio.create_task(signals.wait("go"))
        await settle()
        assert not late.done()
        assert signals.waiting_count("go") == 1
        signals.send("go")
        await late
        assert signals.waiting_count("go") == 0

    asyncio.run(main())


def test_one_signal_lets_the_oldest_wait_pass() -> None:
    async def main() -> None:
        signals = Signals()
        waits = [asyncio.create_task(signals.wait("go")) for _ in range(3)]
        await settle()
        signals.send("other")
        signals.send("go")
        await settle()
        assert [wait.done() for wait in waits] == [True, False, False]
        signals.send("go", count=2)
        await asyncio.gather(*waits)

    asyncio.run(main())


def test_a_wait_that_is_cancelled_uses_no_signal() -> None:
    async def main() -> None:
        signals = Signals()
        first, second = (asyncio.create_task(signals.wait("go")) for _ in range(2))
        await settle()
        signals.send("go")
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        assert signals.waiting_count("go") == 0

    asyncio.run(main())


def test_a_test_may_wait_for_a_script_to_stand_at_a_signal() -> None:
    async def main() -> None:
        signals = Signals()
        reached = asyncio.create_task(signals.reached("go"))
        await settle()
        assert not reached.done()
        waiting = asyncio.create_task(signals.wait("go"))
        await reached
        await signals.reached("go")
        signals.send("go")
        await waiting
        assert signals.waiting_count("go") == 0

    asyncio.run(main())
