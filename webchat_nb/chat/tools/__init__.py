"""Tools: what an engine may call, where it runs, how long it may take, and whether a person is asked first."""

from __future__ import annotations

from webchat_nb.chat.tools.ports import (
    TABLE,
    Approval,
    Ask,
    Tell,
    Tool,
    ToolBox,
    ToolContent,
    ToolContext,
    ToolDecision,
    ToolNews,
    ToolOutcome,
    ToolSchema,
    ToolSource,
    ToolUse,
)

__all__ = [
    "TABLE",
    "Approval",
    "Ask",
    "Tell",
    "Tool",
    "ToolBox",
    "ToolContent",
    "ToolContext",
    "ToolDecision",
    "ToolNews",
    "ToolOutcome",
    "ToolSchema",
    "ToolSource",
    "ToolUse",
]
