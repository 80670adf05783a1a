"""Plans and engines from profiles: the one place that knows both.

Rule: EP1, HT4, PF2.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.document_formats import format_path
from webchat_nb.chat.engine import Engine, EngineFactory
from webchat_nb.chat.middlewares.registry import MiddlewareRegistry
from webchat_nb.chat.plan import EnginePlan, Overrides, Profile, make_plan, read_overrides
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.chat.tools.registry import ToolRegistry
from webchat_nb.errors import InvalidOverrideError, ProfileIncompleteError, UnknownProfileError


class ProfileDescription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client may know of a profile: no prompt, no address, no option, no configuration of a middleware.

    Attributes:
        lacks: What has to be there before it can answer; empty when nothing is missing.
        problem: Why the newest version of a file of its engine is not in use; left out when it is.
    """

    slug: str
    title: str
    description: str
    is_default: bool
    allow_overrides: bool
    engine: str
    tools: list[str]
    middlewares: list[str]
    lacks: list[str]
    problem: str | None = None


@final
class ProfilePlanner:
    """Resolves a profile and overrides into a plan, and a plan into an engine.

    Args:
        profiles: The profiles.
        engines: Factories by engine name.
        tools: The server's tools; None: there are none.
        middlewares: What may stand around an engine; None: those that ship.
        environ: Where keys are looked for; only whether they are there.
    """

    def __init__(
        self,
        profiles: ProfileRegistry,
        engines: Mapping[str, EngineFactory],
        *,
        tools: ToolRegistry | None = None,
        middlewares: MiddlewareRegistry | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.profiles = profiles
        self._engines = engines
        self._tools = tools or ToolRegistry()
        self._middlewares = middlewares or MiddlewareRegistry()
        self._environ = environ
        self._digest_key = secrets.token_bytes(16)

    def check(self, slug: str | None, overrides: Overrides | None) -> EnginePlan:
        """The plan of a request, before the conversation is touched.

        Raises:
            UnknownProfileError: No profile has the slug.
            OverridesLockedError: The profile takes no overrides.
            InvalidOverrideError: An override names something unknown.
            ProfileIncompleteError: The profile lacks something; the message says what.
        """
        plan = self._make(self.profiles.get(slug), overrides)
        lacks = self._lacks(plan)
        if lacks:
            raise ProfileIncompleteError(f"profile {plan.profile!r} lacks: {'; '.join(lacks)}")
        return plan

    def plan(self, profile: str, overrides_json: str) -> EnginePlan:
        """The plan of a stored request, from the profile as it is now.

        Raises:
            UsageError: As ``check``.
        """
        overrides = read_overrides(msgspec.json.decode(overrides_json)) if overrides_json else None
        return self.check(profile, overrides)

    def build(self, plan: EnginePlan) -> Engine:
        """The engine of a plan, with the plan's middlewares around it (MW1).

        Raises:
            ConfigError: It cannot be built.
        """
        return self._middlewares.wrap(self._engines[plan.engine](plan), plan.middlewares)

    def timeout_s(self, profile: str) -> float | None:
        """How long an answer may take, as the profile says (RN12); None when it does not say or is gone."""
        try:
            return self.profiles.get(profile).timeout_s
        except UnknownProfileError:
            return None

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Say what ``GET v1/profiles`` lists; a profile without a title is called by its slug."""
        default = self.profiles.default
        return [
            msgspec.to_builtins(self._describe(profile, is_default=profile.slug == default))
            for profile in self.profiles
        ]

    def _make(self, profile: Profile, overrides: Overrides | None) -> EnginePlan:
        plan = make_plan(profile, overrides, tools=self._tools.names, digest_key=self._digest_key)
        asked = overrides.middlewares if overrides is not None else None
        if problem := self._middlewares.find_problem(asked or ()):
            raise InvalidOverrideError(f"overrides.{format_path(problem[0])}: {problem[1]}")
        version = self._able(plan.engine, "version")
        return msgspec.structs.replace(plan, version=version(plan)) if version is not None else plan

    def _able(self, engine: str, ability: str) -> Callable[[EnginePlan], Any] | None:
        """A method that the engine's factory need not have: of ``SaysWhatItLacks`` or ``ReadsFiles``.

        Engines may come while the chat is at work, so each is asked anew. It is asked by name: to ask a protocol what
        an object can do takes longer than all the rest of a plan.
        """
        return getattr(self._engines.get(engine), ability, None)

    def _lacks(self, plan: EnginePlan) -> Sequence[str]:
        lacks: list[str] = []
        if plan.engine not in self._engines:
            lacks.append(f"an engine {plan.engine!r} (there are: {', '.join(sorted(self._engines))})")
        lacks.extend(self._tools.lacks(plan.tools))
        if plan.api_key_env is not None and not self._environ.get(plan.api_key_env):
            lacks.append(f"{plan.api_key_env} in the environment")
        lacking = self._able(plan.engine, "lacks")
        if lacking is not None:
            lacks.extend(lacking(plan))
        return lacks

    def _describe(self, profile: Profile, *, is_default: bool) -> ProfileDescription:
        plan = self._make(profile, None)
        problem = self._able(profile.engine, "problem")
        return ProfileDescription(
            slug=profile.slug,
            title=profile.title or profile.slug,
            description=profile.description,
            is_default=is_default,
            allow_overrides=profile.allow_overrides,
            engine=profile.engine,
            tools=list(profile.tools),
            middlewares=[use.name for use in profile.middlewares],
            lacks=list(self._lacks(plan)),
            problem=None if problem is None else problem(plan),
        )
