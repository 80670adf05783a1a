"""The table of the engines that ship. None of them imports its SDK before it has to answer."""

from __future__ import annotations

from webchat_nb.chat.engine import EngineFactory
from webchat_nb.engines.anthropic import anthropic_factory
from webchat_nb.engines.openai_chat import openai_chat_factory
from webchat_nb.engines.openai_responses import openai_responses_factory
from webchat_nb.engines.pydantic_ai import PydanticAIFactory
from webchat_nb.engines.scripted import ScriptedFactory
from webchat_nb.engines.signals import Signals
from webchat_nb.stream.clock import Clock


def builtin_engines(clock: Clock, signals: Signals) -> dict[str, EngineFactory]:
    """Make the factories, by engine name."""
    return {
        "scripted": ScriptedFactory(clock, signals),
        "openai": openai_chat_factory(),
        "openai-responses": openai_responses_factory(),
        "anthropic": anthropic_factory(),
        "pydantic-ai": PydanticAIFactory(),
    }
