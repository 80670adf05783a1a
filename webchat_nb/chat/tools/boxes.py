"""Where the tools of a run come from: what its plan names, then what its conversation has.

Rule: TL1, TL6-TL8.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import final

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools.box import RunToolBox
from webchat_nb.chat.tools.keeping import ResultKeeping
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.chat.tools.ports import Tool, ToolSource
from webchat_nb.chat.tools.registry import ToolRegistry
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.model import SessionId

_log = logging.getLogger(__name__)


@final
class ToolBoxes:
    """Makes the tool box of each run.

    Args:
        registry: The server's tools.
        sources: The conversations' tools; of two with the same name the first source's is meant.
        attachments: Where images go that tools give.
        limits: For tools that do not say otherwise.
        clock: Time.
    """

    def __init__(
        self,
        registry: ToolRegistry,
        *,
        sources: Sequence[ToolSource],
        attachments: Attachments,
        limits: ToolLimits,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._sources = sources
        self._attachments = attachments
        self._limits = limits
        self._clock = clock
        self._warned: set[tuple[str, str]] = set()

    async def make(
        self, plan: EnginePlan, *, session_id: SessionId, run_id: str, actor: str, desk: ApprovalDesk
    ) -> RunToolBox:
        """The tools of a run that begins.

        Raises:
            ConfigError: A tool that the plan names cannot be had.
        """
        tools = list(await self._registry.load(plan.tools))
        if not plan.is_locked:
            tools += self._of_conversation(session_id, actor)
        self._warn_of_unknown(plan, {tool.schema.name for tool in tools})
        keeping = ResultKeeping(
            self._attachments, session_id=session_id, actor=actor, max_chars=self._limits.max_result_chars
        )
        return RunToolBox(
            tools,
            approvals=plan.approvals,
            session_id=session_id,
            run_id=run_id,
            actor=actor,
            desk=desk,
            clock=self._clock,
            limits=self._limits,
            keep=keeping.keep,
        )

    def _warn_of_unknown(self, plan: EnginePlan, names: set[str]) -> None:
        """A name that is misspelt would leave a tool unasked about; it may also be one that comes and goes."""
        for name in plan.approvals.keys() - names:
            if (plan.profile, name) not in self._warned:
                self._warned.add((plan.profile, name))
                _log.warning("profile %r: approvals: no tool %r is there now", plan.profile, name)

    def _of_conversation(self, session_id: SessionId, actor: str) -> list[Tool]:
        tools: list[Tool] = []
        for source in self._sources:
            try:
                tools += source.tools(session_id, actor)
            except Exception:  # noqa: BLE001 - one broken source must not take the others away
                _log.exception("a source of tools failed: %s", type(source).__name__)
        return tools
