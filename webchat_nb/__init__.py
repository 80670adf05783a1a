"""A chat that a notebook can rely on.

In a notebook::

    %load_ext webchat_nb
    from webchat_nb import ChatWidget
    ChatWidget(profile="default")

In a program: ``build(Config(...))`` gives a ``ChatApp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webchat_nb.app import ChatApp, Config, build
    from webchat_nb.chat.tools import Ask, ToolContext
    from webchat_nb.chat.tools.functions.declared import tool
    from webchat_nb.notebook.widget import ChatWidget

__version__ = "0.1.0"

__all__ = [
    "Ask",
    "ChatApp",
    "ChatWidget",
    "Config",
    "ToolContext",
    "__version__",
    "build",
    "load_ipython_extension",
    "tool",
]

_HOMES = {
    "Ask": "webchat_nb.chat.tools",
    "ChatApp": "webchat_nb.app",
    "ChatWidget": "webchat_nb.notebook.widget",
    "Config": "webchat_nb.app",
    "ToolContext": "webchat_nb.chat.tools",
    "build": "webchat_nb.app",
    "tool": "webchat_nb.chat.tools.functions.declared",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: a kernel does not need the server's parts, nor a server the widget."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext webchat_nb``: register the magics ``%chat`` and ``%webchat``."""
    from webchat_nb.notebook.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext webchat_nb``."""
    from webchat_nb.notebook.magics import unload

    unload(shell)
