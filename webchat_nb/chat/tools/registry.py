"""The tools of the server's process by name: the host's, those of installed packages, ``module:object``.

A profile may name any of them. A prompt's overrides may name only what the host registered and what its profile names:
a client never makes the server import anything.

Rule: TL1, HT4, PF2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, final

from webchat_nb.chat.addresses import is_address, load_address, missing_module
from webchat_nb.chat.tools.functions.declared import as_tool
from webchat_nb.chat.tools.ports import Tool
from webchat_nb.errors import ConfigError

GROUP: Final = "webchat_nb.tools"
"""The group of entry points in which an installed package offers tools."""


_log = logging.getLogger(__name__)


@final
class ToolRegistry:
    """Tools by the names that profiles use.

    Args:
        own: The host's: functions or tools.

    Raises:
        ConfigError: One is no tool, or two have the same name.
    """

    def __init__(self, own: Iterable[Tool | Callable[..., Any]] = ()) -> None:
        self._own: dict[str, Tool] = {}
        self._loaded: dict[str, Tool] = {}
        for thing in own:
            tool = as_tool(thing)
            if tool.schema.name in self._own:
                raise ConfigError(f"tools: expected each name once, got {tool.schema.name!r} twice")
            self._own[tool.schema.name] = tool

    @property
    def names(self) -> Sequence[str]:
        """What the host registered: all that a client may name."""
        return tuple(self._own)

    def add(self, thing: Tool | Callable[..., Any]) -> Tool:
        """Register one, or put it in the place of the one with the same name; heeded from the next run on.

        Raises:
            ConfigError: It is no tool.
        """
        tool = as_tool(thing)
        self._own[tool.schema.name] = tool
        return tool

    def lacks(self, names: Sequence[str]) -> Sequence[str]:
        """What has to be there first; nothing is imported."""
        lacks = []
        for name in names:
            if name in self._own or name in _installed():
                continue
            if not is_address(name):
                known = ", ".join(sorted({*self._own, *_installed()})) or "none"
                lacks.append(f"a tool {name[:100]!r} (there are: {known})")
            elif missing := missing_module(name):
                lacks.append(f"the module {missing}")
        return lacks

    async def load(self, names: Sequence[str]) -> Sequence[Tool]:
        """The tools of a plan; what has to be imported is imported on a thread, once.

        Raises:
            ConfigError: One is not there, cannot be imported or is no tool; or two would have the same name.
        """
        tools: dict[str, Tool] = {}
        for reference in names:
            tool = self._own.get(reference) or self._loaded.get(reference) or await self._import(reference)
            if tools.setdefault(tool.schema.name, tool) is not tool:
                raise ConfigError(f"tools: {reference!r}: another tool is called {tool.schema.name!r} too")
        return tuple(tools.values())

    async def _import(self, reference: str) -> Tool:
        point = _installed().get(reference)
        if point is None and not is_address(reference):
            raise ConfigError(f"tools: no tool {reference[:100]!r} is registered")
        try:
            thing = await asyncio.to_thread(load_address if point is None else _load_point, reference)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"tools: {reference!r} cannot be imported: {error}") from error
        except Exception as error:  # whatever a module raises while it is imported; its words may be secret
            _log.exception("the tool %s cannot be imported", reference)
            raise ConfigError(f"tools: {reference!r} cannot be imported: {type(error).__name__}") from error
        try:
            tool: Tool = as_tool(thing)
        except ConfigError as error:
            raise ConfigError(f"tools: {reference!r}: {error.message}") from None
        return self._loaded.setdefault(reference, tool)


@cache
def _installed() -> dict[str, EntryPoint]:
    """What the installed packages offer; it does not change while a process lives."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _load_point(name: str) -> Any:
    return _installed()[name].load()
