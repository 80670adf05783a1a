"""Middlewares by name: found, checked, put around an engine.

Rule: MW1, MW2.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.document_formats import KeyPath, format_path
from webchat_nb.chat.documents import explain
from webchat_nb.chat.engine import AcceptsSteering, Engine, EngineEvent, GoesOn, RunRequest
from webchat_nb.chat.middlewares import MiddlewareFactory, Surroundings
from webchat_nb.chat.middlewares.builtin import BUILTIN
from webchat_nb.chat.plan import MiddlewareUse
from webchat_nb.errors import ConfigError
from webchat_nb.stream.clock import Clock, SystemClock

ENTRY_POINTS: Final = "webchat_nb.middlewares"
"""The group of entry points in which an installed package offers factories."""

_log = logging.getLogger(__name__)


@final
class MiddlewareRegistry:
    """Every middleware that a profile or a prompt may name.

    Where two have the same name, what the host gives wins over what ships, and what ships over what is installed: a
    package must not take the place of ``redaction`` by being there.

    Args:
        own: The host's factories.
        installed: Those of installed packages.
        clock: What middlewares wait and measure by.
        random: For jitter.

    Raises:
        ConfigError: A factory's configuration record would let unknown keys pass.
    """

    def __init__(
        self,
        own: Mapping[str, MiddlewareFactory[Any]] | None = None,
        *,
        installed: Mapping[str, MiddlewareFactory[Any]] | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._factories: Mapping[str, MiddlewareFactory[Any]] = {**(installed or {}), **BUILTIN, **(own or {})}
        self._surroundings = Surroundings(clock=clock or SystemClock(), random=random)
        for name, factory in self._factories.items():
            if not factory.config.__struct_config__.forbid_unknown_fields:
                raise ConfigError(f"middleware {name!r}: expected a configuration record that forbids unknown fields")

    @property
    def names(self) -> Sequence[str]:
        """Their names, sorted."""
        return sorted(self._factories)

    def find_problem(self, uses: Sequence[MiddlewareUse]) -> tuple[KeyPath, str] | None:
        """The first thing in a list that cannot be used.

        Returns:
            Where it is, seen from what has the list (``("middlewares", 1, "config", "max_turns")``), and what was
            expected and what came; None when all can be used.
        """
        for index, use in enumerate(uses):
            factory = self._factories.get(use.name)
            if factory is None:
                told = f"expected one of {', '.join(self.names)}, got {use.name[:80]!r}"
                return ("middlewares", index, "name"), told
            try:
                msgspec.convert(use.config, factory.config)
            except msgspec.ValidationError as error:
                path, told = explain(str(error), use.config, factory.config)
                return ("middlewares", index, "config", *path), told
        return None

    def wrap(self, engine: Engine, uses: Sequence[MiddlewareUse]) -> Engine:
        """Put middlewares around an engine, the first of the list outermost.

        Raises:
            ConfigError: One of them cannot be used; the message says where.
        """
        if problem := self.find_problem(uses):
            raise ConfigError(f"{format_path(problem[0])}: {problem[1]}")
        outermost = engine
        for use in reversed(uses):
            factory = self._factories[use.name]
            outermost = factory.wrap(outermost, msgspec.convert(use.config, factory.config), self._surroundings)
        return WrappedEngine(outermost, around=engine) if uses else engine


@final
class WrappedEngine:
    """An engine with its middlewares; what it can do besides answering is what the innermost can."""

    def __init__(self, outermost: Engine, *, around: Engine) -> None:
        self._outermost = outermost
        self._innermost = around

    @property
    def accepts_steering(self) -> bool:
        """Whether the innermost engine takes prompts while it runs."""
        engine = self._innermost
        return isinstance(engine, AcceptsSteering) and engine.accepts_steering

    @property
    def goes_on(self) -> bool:
        """Whether the innermost engine can go on with a run after a restart."""
        engine = self._innermost
        return isinstance(engine, GoesOn) and engine.goes_on

    def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Ask the outermost middleware."""
        return self._outermost.run(request)


def installed_middlewares() -> Mapping[str, MiddlewareFactory[Any]]:
    """The factories that installed packages offer as entry points of the group ``webchat_nb.middlewares``.

    One that cannot be imported, or is no ``MiddlewareFactory``, is left out and told in the log: a profile that names
    it is refused then, others are not.
    """
    found: dict[str, MiddlewareFactory[Any]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            factory = point.load()
        except Exception:  # noqa: BLE001 - whatever a package raises while it is imported must not end the server
            _log.exception("middleware %r (%s) cannot be imported", point.name, point.value)
            continue
        if not isinstance(factory, MiddlewareFactory):
            _log.error("middleware %r (%s): expected a MiddlewareFactory, got %r", point.name, point.value, factory)
        elif point.name in BUILTIN:
            _log.warning("middleware %r (%s) is passed over: the name is taken", point.name, point.value)
        else:
            found[point.name] = factory
    return found
