"""What an engine that waits for a person's decision is told, and when."""

from __future__ import annotations

import asyncio

import pytest

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.errors import StoreError
from webchat_nb.testing.clock import ManualClock

YES = ToolDecision(is_approved=True)
NO = ToolDecision(is_approved=False, reason="Not today.")
EDITED = ToolDecision(is_approved=True, input='{"path": "b.txt"}')
EXPIRED = ToolDecision(is_approved=False, reason="Nobody decided in time.")


class Table:
    """A desk whose questions expire as ``recorded`` says, with a clock to jump."""

    def __init__(self, recorded: ToolDecision | Exception | None = EXPIRED) -> None:
        self.clock = ManualClock()
        self.recorded = recorded
        self.expired: list[str] = []
        self.desk = ApprovalDesk(clock=self.clock, expire=self.expire)

    async def expire(self, approval_id: str) -> None:
        self.expired.append(approval_id)
        if isinstance(self.recorded, Exception):
            raise self.recorded
        if self.recorded is not None:
            self.desk.put(approval_id, self.recorded)

    async def waiting(self, approval_id: str, *, for_s: float | None = None) -> asyncio.Task[ToolDecision]:
        """An engine that has begun to wait."""
        at_ms = None if for_s is None else self.clock.now_ms() + int(for_s * 1000)
        task = asyncio.create_task(self.desk.decision(approval_id, expires_at_ms=at_ms))
        await asyncio.sleep(0)
        assert not task.done()
        return task


@pytest.mark.parametrize("decision", [YES, NO, EDITED], ids=["approved", "denied", "edited"])
async def test_an_engine_that_waits_gets_the_decision(decision: ToolDecision) -> None:
    table = Table()
    engine = await table.waiting("a1", for_s=10)
    table.desk.put("a1", decision)
    assert await engine == decision
    table.clock.jump(60)
    await asyncio.sleep(0)
    assert table.expired == []


async def test_a_decision_that_comes_before_the_engine_waits_is_kept() -> None:
    table = Table()
    table.desk.put("a1", YES)
    assert await table.desk.decision("a1", expires_at_ms=0) == YES
    assert table.expired == []


async def test_the_first_decision_stands() -> None:
    table = Table()
    engine = await table.waiting("a1")
    table.desk.put("a1", NO)
    table.desk.put("a1", YES)
    assert await engine == NO
    assert await table.desk.decision("a1") == NO


async def test_several_questions_are_decided_each_for_itself() -> None:
    table = Table()
    one, other = await table.waiting("a1"), await table.waiting("a2", for_s=10)
    table.desk.put("a2", NO)
    assert await other == NO
    assert not one.done()
    table.desk.put("a1", EDITED)
    assert await one == EDITED


async def test_a_question_whose_time_is_over_is_asked_to_expire_and_not_before() -> None:
    table = Table()
    engine = await table.waiting("a1", for_s=10)
    table.clock.jump(9)
    await asyncio.sleep(0)
    assert (table.expired, engine.done()) == ([], False)
    table.clock.jump(1)
    assert await engine == EXPIRED
    assert table.expired == ["a1"]


async def test_somebody_on_another_server_may_be_faster_than_the_expiry() -> None:
    table = Table(recorded=None)
    engine = await table.waiting("a1", for_s=10)
    table.clock.jump(10)
    while not table.expired:
        await asyncio.sleep(0)
    assert not engine.done()
    table.desk.put("a1", YES)
    assert await engine == YES


async def test_an_expiry_that_cannot_be_recorded_leaves_the_question_open() -> None:
    table = Table(recorded=StoreError("no space left"))
    engine = await table.waiting("a1", for_s=10)
    table.clock.jump(10)
    with pytest.raises(StoreError):
        await engine
    again = await table.waiting("a1")
    table.desk.put("a1", YES)
    assert await again == YES


@pytest.mark.parametrize("for_s", [None, 10.0])
async def test_an_engine_that_is_stopped_takes_the_question_from_nobody_else(for_s: float | None) -> None:
    table = Table()
    stopped, other = await table.waiting("a1", for_s=for_s), await table.waiting("a1")
    stopped.cancel()
    await asyncio.wait([stopped])
    table.clock.jump(60)
    await asyncio.sleep(0)
    assert (stopped.cancelled(), table.expired) == (True, [])
    table.desk.put("a1", YES)
    assert await other == YES
