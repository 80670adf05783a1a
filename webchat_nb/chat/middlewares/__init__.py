"""Middlewares: what stands around an engine, as a profile or a prompt lists it.

A middleware is an engine that asks another engine. It may change the request on the way in and the records on the way
out, wait, ask again, or end the run; the inner engine sees nothing of it. The first of a list is the outermost: it gets
the request first and each record last.

- ``MiddlewareFactory`` (here): a configuration's record, and how the middleware is built. The door for one's own.
- ``registry.py``: finds factories by name, checks configurations, builds the chain.
- ``builtin.py``: the table of those that ship; each has a module of its own.

A middleware reads the system prompt, the tools and the model from ``request.plan`` and hands a changed plan on; engines
do the same, so that what a middleware changed is what they use.

Rule: MW1, MW2. Source: seeds 000, 003 (``Middlewares []MiddlewareUse``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Generic, TypeVar, cast

import msgspec

from webchat_nb.chat.engine import Engine, EngineEvent, RunRequest
from webchat_nb.stream.clock import Clock

Config = TypeVar("Config", bound=msgspec.Struct)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a middleware may need of its host.

    Attributes:
        clock: All waiting and measuring goes by it.
        random: A number from 0 up to, not including, 1.
    """

    clock: Clock
    random: Callable[[], float]


class MiddlewareFactory(msgspec.Struct, Generic[Config], frozen=True, kw_only=True):
    """How a middleware is configured and built.

    Attributes:
        config: A msgspec struct with ``forbid_unknown_fields=True``. What its types do not say, its ``__post_init__``
            checks and raises ``ValueError`` for.
        wrap: Builds the middleware around an engine. It is called once for each conversation and plan; what it returns
            serves all runs of the conversation, one at a time, and keeps nothing of a run when that has ended.
    """

    config: type[Config]
    wrap: Callable[[Engine, Config, Surroundings], Engine]


def records_of(engine: Engine, request: RunRequest) -> AsyncGenerator[EngineEvent, None]:
    """An engine's records, to be closed with ``contextlib.aclosing``: what stops a run must reach the innermost engine.

    Engines are written as async generators; one that returns a plain iterator has nothing to close.
    """
    records: AsyncIterator[EngineEvent] = engine.run(request)
    if hasattr(records, "aclose"):
        return cast("AsyncGenerator[EngineEvent, None]", records)
    return _generate(records)


async def _generate(records: AsyncIterator[Any]) -> AsyncGenerator[EngineEvent, None]:
    async for record in records:
        yield record
