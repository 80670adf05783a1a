"""A tool box on a table of its own: tools that do what a test says, a person, a clock to jump."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.engine import ApprovalAsked
from webchat_nb.chat.tools import (
    Approval,
    Tool,
    ToolContext,
    ToolDecision,
    ToolOutcome,
    ToolSchema,
    ToolUse,
)
from webchat_nb.chat.tools.box import RunToolBox
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.chat.tools.schemas import schema_checks
from webchat_nb.stream import session_id
from webchat_nb.testing.clock import ManualClock

__all__ = ["schema_checks"]  # imported before a test begins: that takes longer than tests wait

EXPIRED = ToolDecision(is_approved=False, reason="Nobody decided in time.")
DAYS = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}

Work = Callable[[ToolUse, ToolContext], Awaitable[ToolOutcome]]


async def echo(use: ToolUse, context: ToolContext) -> ToolOutcome:
    """Says what it was called with."""
    context.executing()
    return ToolOutcome(result=use.input)


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that does what a test says; fits the port."""

    work: Work = echo
    name: str = "weather"
    approval: Approval = "never"
    timeout_s: float | None = None
    input_schema: dict[str, Any] = msgspec.field(default_factory=lambda: DAYS)

    @property
    def schema(self) -> ToolSchema:
        return ToolSchema(name=self.name, description="", input_schema=self.input_schema)

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        return await self.work(use, context)


class Table:
    """A box, all that it tells, and the desk behind it."""

    def __init__(self, *tools: Tool, approvals: Mapping[str, str] | None = None, **limits: Any) -> None:
        self.clock = ManualClock()
        self.news: list[Any] = []
        self.expired: list[str] = []
        self.desk = ApprovalDesk(clock=self.clock, expire=self._expire)
        self.box = RunToolBox(
            tools,
            approvals=approvals or {},
            session_id=session_id("c1"),
            run_id="run-1",
            actor="ann",
            desk=self.desk,
            clock=self.clock,
            limits=ToolLimits(**limits),
            keep=self._keep,
        )

    async def _expire(self, approval_id: str) -> None:
        self.expired.append(approval_id)
        self.desk.put(approval_id, EXPIRED)

    async def _keep(self, use: ToolUse, outcome: ToolOutcome) -> ToolOutcome:
        return outcome

    @property
    def asked(self) -> list[ApprovalAsked]:
        """The questions so far."""
        return [item for item in self.news if isinstance(item, ApprovalAsked)]

    def begin(self, name: str = "weather", input: str = '{"days": 1}', *, id: str = "1") -> asyncio.Task[ToolOutcome]:
        """Begin a call."""
        return asyncio.create_task(self.box.call(ToolUse(call_id=id, name=name, input=input), self.news.append))

    async def call(self, name: str = "weather", input: str = '{"days": 1}', *, id: str = "1") -> ToolOutcome:
        """Make a call that needs nobody."""
        return await asyncio.wait_for(self.begin(name, input, id=id), 5)

    async def questions(self, count: int = 1) -> list[ApprovalAsked]:
        """Wait for so many questions; a form is checked on a thread."""
        async with asyncio.timeout(10):
            while len(self.asked) < count:
                await asyncio.sleep(0.001)
        await settled()
        return self.asked


async def settled() -> None:
    """Let everything go as far as it goes by itself."""
    for _ in range(20):
        await asyncio.sleep(0)
