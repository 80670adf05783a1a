"""The middlewares that ship, by the name that profiles use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from webchat_nb.chat.middlewares import MiddlewareFactory
from webchat_nb.chat.middlewares.history_window import history_window
from webchat_nb.chat.middlewares.redaction import redaction
from webchat_nb.chat.middlewares.retry import retry
from webchat_nb.chat.middlewares.run_log import run_log
from webchat_nb.chat.middlewares.step_limit import step_limit
from webchat_nb.chat.middlewares.system_prompt import system_prompt

BUILTIN: Final[Mapping[str, MiddlewareFactory[Any]]] = {
    "history_window": history_window(),
    "logging": run_log(),
    "redaction": redaction(),
    "retry": retry(),
    "step_limit": step_limit(),
    "system_prompt": system_prompt(),
}
