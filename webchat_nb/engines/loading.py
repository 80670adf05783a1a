"""Engines by name: the table of the host, then entry points, then ``module:object``.

What a ``module:object`` or an entry point (group ``webchat_nb.engines``) may be:

- a factory: anything that can be called with an argument ``plan``, or one that is annotated as an ``EnginePlan``;
- an engine: an object with ``run(request)``; it serves all conversations;
- a pydantic-ai agent;
- a function without arguments that builds one of these;
- any other function: it answers itself, see ``functions``.

Rule: EN6.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast, final

from webchat_nb.chat.addresses import is_address, load_address, missing_module
from webchat_nb.chat.engine import CANNOT_GO_ON, Engine, EngineEvent, EngineFactory, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.engines.functions import EngineFunction, FunctionFactory
from webchat_nb.errors import ConfigError, EngineError
from webchat_nb.stream.clock import Clock

GROUP: Final = "webchat_nb.engines"
"""The group of entry points that other packages register engines in."""


@final
class EngineTable(Mapping[str, EngineFactory]):
    """Factories by engine name; ``module:object`` is a name as well, though not listed.

    Args:
        factories: The host's own; they go before entry points of the same name.
        clock: For functions that ask questions.
    """

    def __init__(self, factories: Mapping[str, EngineFactory], *, clock: Clock | None = None) -> None:
        self._factories = dict(factories)
        self._clock = clock
        self._loaded: dict[str, LoadedFactory] = {}
        self._function_count = 0

    def __getitem__(self, name: str) -> EngineFactory:
        """The factory of a name. Nothing is imported yet; a module that is not there is told by ``lacks``."""
        if name in self._factories:
            return self._factories[name]
        if name not in self._loaded:
            if name in _entry_points():
                self._loaded[name] = LoadedFactory(name, _entry_points()[name].load)
            elif is_address(name):
                self._loaded[name] = LoadedFactory(name, lambda: load_address(name))
            else:
                raise KeyError(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._factories
        yield from (name for name in _entry_points() if name not in self._factories)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def factory_of(self, function: EngineFunction) -> FunctionFactory:
        """A factory around a function, each time of another version: what is built on the one before is built anew.

        Raises:
            ConfigError: The function wants an argument that nobody has.
        """
        self._function_count += 1
        return FunctionFactory(function, version=str(self._function_count), clock=self._clock)

    def add(self, name: str, factory: EngineFactory) -> None:
        """Put a factory in the table, or in the place of the one with the same name."""
        self._factories[name] = factory

    async def aclose(self) -> None:
        """Close the connections that factories share between their engines."""
        for factory in (*self._factories.values(), *self._loaded.values()):
            close = getattr(factory, "aclose", None)
            if close is not None:
                await close()


@final
class LoadedFactory:
    """Loads what a name stands for when an engine first has to answer, in a thread: an import may take seconds."""

    def __init__(self, name: str, load: Callable[[], Any]) -> None:
        self.name = name
        self._load = load
        self._factory: EngineFactory | None = None
        self._loading = asyncio.Lock()

    def __call__(self, plan: EnginePlan) -> Engine:
        """An engine that loads the real one when it has to answer."""
        return _LateEngine(self, plan)

    def lacks(self, plan: EnginePlan) -> Sequence[str]:
        """The module, when it is not installed; afterwards, what the factory itself lacks."""
        if self._factory is not None:
            own = getattr(self._factory, "lacks", None)
            return own(plan) if own is not None else []
        missing = missing_module(self.name) if is_address(self.name) else ""
        return [f"the module {missing}"] if missing else []

    async def factory(self) -> EngineFactory:
        """The real factory.

        Raises:
            ConfigError: It cannot be imported, or is nothing that makes an engine.
        """
        async with self._loading:
            if self._factory is None:
                try:
                    self._factory = as_factory(await asyncio.to_thread(self._load), self.name)
                except (ImportError, AttributeError) as error:
                    raise ConfigError(f"engine {self.name!r}: cannot be imported: {error}") from error
        return self._factory

    async def aclose(self) -> None:
        """Close what the real factory shares, if it was loaded and shares anything."""
        close = getattr(self._factory, "aclose", None)
        if close is not None:
            await close()


@final
class _LateEngine:
    """Stands for an engine that is not loaded yet."""

    def __init__(self, source: LoadedFactory, plan: EnginePlan) -> None:
        self._source = source
        self._plan = plan
        self._engine: Engine | None = None

    @property
    def accepts_steering(self) -> bool:
        """As the real engine says; an engine that is not loaded yet cannot say it."""
        return bool(getattr(self._engine, "accepts_steering", False))

    @property
    def goes_on(self) -> bool:
        """As the real engine says; one that is not loaded yet says it when it has to answer."""
        return self._engine is None or bool(getattr(self._engine, "goes_on", False))

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer with the real engine."""
        if self._engine is None:
            self._engine = (await self._source.factory())(self._plan)
        if request.so_far is not None and not self.goes_on:
            raise EngineError("The engine cannot go on after a restart.", code=CANNOT_GO_ON)
        async with aclosing(self._engine.run(request)) as records:  # type: ignore[type-var]
            async for record in records:
                yield record


def as_factory(thing: Any, name: str) -> EngineFactory:
    """Make a factory of whatever somebody gave as an engine.

    Args:
        thing: One of what the head of this module lists.
        name: Which engine it is, for errors.

    Raises:
        ConfigError: It is none of these.
    """
    if _is_agent(thing):
        from webchat_nb.engines.pydantic_ai import agent_engine  # an extra; the agent shows that it is there

        return agent_engine(thing)
    if not inspect.isclass(thing) and callable(getattr(thing, "run", None)):
        engine = cast("Engine", thing)
        return lambda plan: engine
    if not callable(thing):
        raise ConfigError(f"engine {name!r}: expected an engine, an agent or a function, got a {type(thing).__name__}")
    try:
        parameters = inspect.signature(thing).parameters
    except ValueError:
        raise ConfigError(f"engine {name!r}: expected a Python function, got {thing!r}") from None
    if any(name == "plan" or it.annotation in (EnginePlan, "EnginePlan") for name, it in parameters.items()):
        return cast("EngineFactory", thing)
    if not parameters and not _is_generator(thing):
        return _BuiltFactory(thing, name)
    return FunctionFactory(thing)


@final
class _BuiltFactory:
    """A factory around a function that builds an engine, an agent or a factory; it is called once."""

    def __init__(self, build: Callable[[], Any], name: str) -> None:
        self._build = build
        self._name = name
        self._factory: EngineFactory | None = None

    def __call__(self, plan: EnginePlan) -> Engine:
        if self._factory is None:
            built = self._build()
            if callable(built) and not hasattr(built, "run") and not inspect.signature(built).parameters:
                raise ConfigError(f"engine {self._name!r}: expected an engine, got a function that wants no prompt")
            self._factory = as_factory(built, self._name)
        return self._factory(plan)


def _is_agent(thing: Any) -> bool:
    """Without importing pydantic-ai: whoever has an agent has done so."""
    package = sys.modules.get("pydantic_ai.agent")
    return package is not None and isinstance(thing, package.AbstractAgent)


def _is_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    """What the installed packages offer; it does not change while a process lives."""
    return {point.name: point for point in entry_points(group=GROUP)}
