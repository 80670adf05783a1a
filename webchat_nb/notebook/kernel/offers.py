"""What this notebook offers to each of its conversations: tools, and an engine.

Kept in the kernel's process by the conversation's id, so that running the widget's cell again changes nothing of it.

Rule: TL6, EN9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from webchat_nb.chat.tools import Tool
from webchat_nb.engines.functions import FunctionFactory
from webchat_nb.notebook.kernel.messages import Offer, OfferedTool


class _Offered:
    """Of one conversation."""

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.engine: FunctionFactory | None = None


@final
class Offers:
    """All of this process.

    Args:
        changed: Told the conversation whose offer has changed.
    """

    def __init__(self, changed: Callable[[Offer], None]) -> None:
        self._changed = changed
        self._offered: dict[str, _Offered] = {}
        self._revision = 0

    def put_tool(self, conv_id: str, tool: Tool) -> None:
        """Offer a tool, in the place of one with the same name."""
        self._of(conv_id).tools[tool.schema.name] = tool
        self._tell(conv_id)

    def drop_tool(self, conv_id: str, name: str) -> bool:
        """Offer it no more; whether it was offered."""
        is_known = self._of(conv_id).tools.pop(name, None) is not None
        if is_known:
            self._tell(conv_id)
        return is_known

    def put_engine(self, conv_id: str, engine: FunctionFactory) -> None:
        """Let a function answer, in the place of the one before, from the next prompt on."""
        self._of(conv_id).engine = engine
        self._tell(conv_id)

    def tool(self, conv_id: str, name: str) -> Tool | None:
        """The tool that is offered under this name now."""
        return self._of(conv_id).tools.get(name)

    def names(self, conv_id: str) -> list[str]:
        """Of the tools, in the order in which they came."""
        return list(self._of(conv_id).tools)

    def engine(self, conv_id: str) -> FunctionFactory | None:
        """What answers now."""
        return self._of(conv_id).engine

    def all(self) -> tuple[Offer, ...]:
        """What is offered now. May be called from any thread."""
        return tuple(self._offer(conv_id) for conv_id in list(self._offered))

    def _of(self, conv_id: str) -> _Offered:
        return self._offered.setdefault(conv_id, _Offered())

    def _tell(self, conv_id: str) -> None:
        self._revision += 1
        self._changed(self._offer(conv_id))

    def _offer(self, conv_id: str) -> Offer:
        offered = self._offered[conv_id]
        tools = tuple(
            OfferedTool(
                schema=tool.schema,
                approval=tool.approval if isinstance(tool.approval, str) else "asks",
                timeout_s=tool.timeout_s,
            )
            for tool in list(offered.tools.values())
        )
        return Offer(conv_id=conv_id, revision=self._revision, tools=tools, has_engine=offered.engine is not None)
