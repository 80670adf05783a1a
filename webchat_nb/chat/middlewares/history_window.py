"""``history_window``: how much of the conversation an engine is told.

Whole turns go, oldest first, so that no answer is told without its prompt. The prompt itself is never cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, Final, final

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, HistoryMessage, RunRequest
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings, records_of

CHARS_PER_TOKEN: Final = 4
"""What English prose comes to with the usual tokenizers; code and other languages have fewer characters to a token."""

TokenCounter = Callable[[str], int]
"""About how many tokens a text is."""


def estimate_tokens(text: str) -> int:
    """A token for every four characters begun."""
    return -(-len(text) // CHARS_PER_TOKEN)


class HistoryWindowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``history_window`` is told; both limits hold when both are given.

    Attributes:
        max_turns: Earlier turns that are told; 0: the prompt alone.
        max_tokens: For the system prompt, the earlier turns and the prompt together; attachments are not counted.
    """

    max_turns: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.max_turns is None and self.max_tokens is None:
            raise ValueError("expected max_turns, max_tokens or both, got neither")


@final
class HistoryWindow:
    """Shortens the history of each request."""

    def __init__(self, engine: Engine, config: HistoryWindowConfig, count_tokens: TokenCounter) -> None:
        self._engine = engine
        self._config = config
        self._count = count_tokens

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Ask the inner engine with what fits."""
        request = msgspec.structs.replace(request, history=self._fitting(request))
        async with aclosing(records_of(self._engine, request)) as records:
            async for record in records:
                yield record

    def _fitting(self, request: RunRequest) -> Sequence[HistoryMessage]:
        turns = _turns(request.history)
        if self._config.max_turns is not None:
            turns = turns[max(0, len(turns) - self._config.max_turns) :]
        if self._config.max_tokens is None:
            return [message for turn in turns for message in turn]
        left = self._config.max_tokens - self._count(request.prompt) - self._count(request.plan.system_prompt or "")
        kept: list[Sequence[HistoryMessage]] = []
        for turn in reversed(turns):
            left -= sum([self._count(message.content) for message in turn])
            if left < 0:
                break
            kept.append(turn)
        return [message for turn in reversed(kept) for message in turn]


def _turns(history: Sequence[HistoryMessage]) -> list[list[HistoryMessage]]:
    """A prompt and its answers, oldest first; answers without a prompt at the beginning are a turn too."""
    turns: list[list[HistoryMessage]] = []
    for message in history:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def history_window(count_tokens: TokenCounter = estimate_tokens) -> MiddlewareFactory[HistoryWindowConfig]:
    """Make the factory.

    Args:
        count_tokens: A tokenizer of one's own: ``Config(middlewares={"history_window": history_window(counter)})``.
    """

    def wrap(engine: Engine, config: HistoryWindowConfig, surroundings: Surroundings) -> Engine:
        return HistoryWindow(engine, config, count_tokens)

    return MiddlewareFactory(config=HistoryWindowConfig, wrap=wrap)
