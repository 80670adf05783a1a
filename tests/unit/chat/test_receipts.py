"""How long a key is remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.unit.chat.chats import ME, chat, idle, submit, until
from webchat_nb.app import ChatApp
from webchat_nb.chat.receipts import LOOKED_AT
from webchat_nb.stream import session_id
from webchat_nb.testing.clock import ManualClock

DAY_S = 24 * 3600.0


async def is_forgotten(app: ChatApp, conv_id: str, key: str) -> bool:
    return await app.hub.store.receipt(session_id(conv_id), "", key) is None


@pytest.mark.rule("HT3")
async def test_a_key_is_remembered_for_thirty_days(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock) as app:
        first = await submit(app.service, "hi", idempotency_key="k")
        await idle(app.service)
        clock.jump(29 * DAY_S)
        again = await submit(app.service, "hi", idempotency_key="k")
        assert (again.deduplicated, again.run_id) == (True, first.run_id)
        clock.jump(2 * DAY_S)
        await until(lambda: is_forgotten(app, "c1", "k"))
        assert not (await submit(app.service, "hi", idempotency_key="k")).deduplicated


@pytest.mark.rule("HT3")
async def test_how_long_is_a_setting_and_every_conversation_is_reached(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, receipts_max_age_s=100) as app:
        made = [await app.service.create_session(ME, key=f"k{number}") for number in range(LOOKED_AT + 1)]
        clock.jump(60)

        async def remembered() -> int:
            kept = [await app.hub.store.receipt(each.session_id, "", f"k{n}") for n, each in enumerate(made)]
            return sum(receipt is not None for receipt in kept)

        assert await remembered() == LOOKED_AT + 1
        for left in (1, 0):  # a page in each round
            clock.jump(60)
            await until(lambda left=left: _equals(remembered, left))


async def _equals(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() == wanted


@pytest.mark.rule("HT3")
async def test_keys_can_be_kept_for_ever(tmp_path: Path) -> None:
    clock = ManualClock()
    async with chat(tmp_path, clock=clock, receipts_max_age_s=None) as app:
        await submit(app.service, "hi", idempotency_key="k")
        await idle(app.service)
        for _ in range(50):
            clock.jump(DAY_S)
        assert (await submit(app.service, "hi", idempotency_key="k")).deduplicated
