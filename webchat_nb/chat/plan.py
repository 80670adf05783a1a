"""The plan of an engine: a profile, overrides and nothing else, resolved and checked.

A plan is made before the conversation is touched (seed 004, option A). Its signature is the engine's identity: the
engine of a conversation is built anew exactly when the signature changes.

Rule: EP1, HT4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from webchat_nb.errors import InvalidOverrideError, OverridesLockedError

_T = TypeVar("_T")


class MiddlewareUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A middleware by name, with its configuration."""

    name: str
    config: dict[str, Any] = {}


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named default: which engine, which prompt, which tools.

    Attributes:
        slug: 1-64 characters of ``a-z A-Z 0-9 . _ -``.
        engine: A registered name such as ``scripted``, or ``module:object``.
        script: For the scripted engine: ``builtin:NAME`` or a file's path, relative to the profiles file.
        options: For the engine; the names of its keys may be shown, their values never are.
        api_key_env: Name of the environment variable with the key; the key itself is never in a profile.
        approvals: ``never`` or ``always`` by the name of a tool, instead of what the tool says (TL4).
        on_busy: What happens to a prompt while a run is active, when the prompt does not say.
        timeout_s: Longest time for an answer, in seconds; None: as the application says (RN12).
    """

    slug: str
    title: str = ""
    description: str = ""
    engine: str = "scripted"
    script: str | None = None
    system_prompt: str | None = None
    tools: tuple[str, ...] = ()
    middlewares: tuple[MiddlewareUse, ...] = ()
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    options: dict[str, Any] = {}
    approvals: dict[str, str] = {}
    on_busy: str = "queue"
    timeout_s: float | None = None
    allow_overrides: bool = True


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a prompt may change of its profile; each replaces the profile's (HT4)."""

    system_prompt: str | None = None
    middlewares: tuple[MiddlewareUse, ...] | None = None
    tools: tuple[str, ...] | None = None
    model: str | None = None


class EnginePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is built from.

    Attributes:
        api_key_env: Name of the variable that holds the key; the key is nowhere in here.
        options: As the profile has them. People put secrets there, so they are not in the signature.
        approvals: ``never`` or ``always`` by the name of a tool.
        is_locked: The profile takes no overrides, and no tools of kernels and browsers (TL8).
        version: Of what the engine is built from besides the plan, such as its script's content; the engine says it.
        digest_key: What the digests in the signature are keyed with. The planner's own, new in each process: a
            signature that got out cannot be tried out against guesses.
    """

    profile: str
    engine: str
    script: str | None = None
    system_prompt: str | None = None
    tools: tuple[str, ...] = ()
    middlewares: tuple[MiddlewareUse, ...] = ()
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    options: dict[str, Any] = {}
    approvals: dict[str, str] = {}
    is_locked: bool = False
    version: str = ""
    digest_key: bytes = b""

    @property
    def signature(self) -> str:
        """Readable, deterministic JSON: equal exactly when the engine would be built the same.

        Names are plain. What may hold a secret (a system prompt, an address, options and the configuration of a
        middleware) is told by its digest, options and configurations with the names of their keys.

        Rule: EP1, AC7.
        """
        told: dict[str, Any] = {
            "profile": self.profile,
            "engine": self.engine,
            "script": self.script,
            "system_prompt": self._digest(self.system_prompt),
            "tools": self.tools,
            "middlewares": [{"name": use.name, **self._tell(use.config)} for use in self.middlewares],
            "model": self.model,
            "base_url": self._digest(self.base_url),
            "api_key_env": self.api_key_env,
            "options": self._tell(self.options),
            "approvals": self.approvals,
            "version": self.version,
        }
        return msgspec.json.encode({key: value for key, value in told.items() if value}, order="sorted").decode()

    def _tell(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"keys": sorted(values), "digest": self._digest(values)} if values else {}

    def _digest(self, value: Any) -> str | None:
        if value is None:
            return None
        return hashlib.blake2b(
            msgspec.json.encode(value, order="sorted"), key=self.digest_key, digest_size=12
        ).hexdigest()

    def __repr__(self) -> str:
        return f"EnginePlan({self.signature})"


def read_overrides(raw: Any) -> Overrides | None:
    """Check the overrides of a request, as they came from JSON.

    Args:
        raw: The JSON value; None or an empty object mean none.

    Raises:
        InvalidOverrideError: An unknown key or a wrong type; the message names the key.
    """
    if raw is None or raw == {}:
        return None
    if not isinstance(raw, dict):
        raise InvalidOverrideError(f"overrides: expected an object, got {type(raw).__name__}")
    try:
        overrides = msgspec.convert(raw, Overrides)
    except msgspec.ValidationError as error:
        raise InvalidOverrideError(f"overrides: {error}") from None
    if "system_prompt" in raw and not (overrides.system_prompt or "").strip():
        raise InvalidOverrideError("overrides.system_prompt: expected a string that is not empty")
    return overrides


def make_plan(
    profile: Profile,
    overrides: Overrides | None,
    *,
    tools: Sequence[str],
    digest_key: bytes = b"",
) -> EnginePlan:
    """Resolve a profile and checked overrides into a plan.

    Args:
        profile: The profile of the prompt.
        overrides: What the prompt changes, or None.
        tools: Names of the registered tools: what overrides may name beside those that the profile names.
        digest_key: As in ``EnginePlan``.

    Raises:
        OverridesLockedError: There are overrides and the profile does not allow them.
        InvalidOverrideError: They name an unknown tool.
    """
    if overrides is None:
        overrides = Overrides()
    elif not profile.allow_overrides:
        raise OverridesLockedError(f"profile {profile.slug!r} does not allow overrides")
    for name in overrides.tools or ():
        if name not in tools and name not in profile.tools:
            raise InvalidOverrideError(f"overrides.tools: no tool {name!r} is registered")

    return EnginePlan(
        profile=profile.slug,
        engine=profile.engine,
        script=profile.script,
        system_prompt=_choose(overrides.system_prompt, profile.system_prompt),
        tools=_choose(overrides.tools, profile.tools),
        middlewares=_choose(overrides.middlewares, profile.middlewares),
        model=_choose(overrides.model, profile.model),
        base_url=profile.base_url,
        api_key_env=profile.api_key_env,
        options=profile.options,
        approvals=profile.approvals,
        is_locked=not profile.allow_overrides,
        digest_key=digest_key,
    )


def _choose(changed: _T | None, default: _T) -> _T:
    return default if changed is None else changed
