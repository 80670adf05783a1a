"""Plans and engines from profiles: the one place that knows both.

Rule: EP1, HT4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import msgspec

from webchat_nb.chat.engine import Engine, EngineFactory
from webchat_nb.chat.plan import EnginePlan, Overrides, make_plan, read_overrides
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.errors import ConfigError


@final
class ProfilePlanner:
    """Resolves a profile and overrides into a plan, and a plan into an engine.

    Args:
        profiles: The profiles.
        engines: Factories by engine name.
        tools: Names of the registered tools.
        middlewares: Names of the registered middlewares.
    """

    def __init__(
        self,
        profiles: ProfileRegistry,
        engines: Mapping[str, EngineFactory],
        *,
        tools: Sequence[str] = (),
        middlewares: Sequence[str] = (),
    ) -> None:
        self.profiles = profiles
        self._engines = engines
        self._tools = tools
        self._middlewares = middlewares

    def check(self, slug: str | None, overrides: Overrides | None) -> EnginePlan:
        """The plan of a request, before the conversation is touched.

        Raises:
            UnknownProfileError: No profile has the slug.
            OverridesLockedError: The profile takes no overrides.
            InvalidOverrideError: An override names something unknown.
        """
        return make_plan(self.profiles.get(slug), overrides, tools=self._tools, middlewares=self._middlewares)

    def plan(self, profile: str, overrides_json: str) -> EnginePlan:
        """The plan of a stored request."""
        overrides = read_overrides(msgspec.json.decode(overrides_json)) if overrides_json else None
        return self.check(profile, overrides)

    def build(self, plan: EnginePlan) -> Engine:
        """The engine of a plan.

        Raises:
            ConfigError: No engine has the plan's name, or it cannot be built.
        """
        factory = self._engines.get(plan.engine)
        if factory is None:
            known = ", ".join(sorted(self._engines))
            raise ConfigError(f"profile {plan.profile!r}: no engine {plan.engine!r}; there are: {known}")
        return factory(plan)
