"""Profiles by slug: read from files, taken from settings, registered in Python.

A registry is a stack of layers, one per source; where two name the same slug, the later layer wins. Adding a layer from
a source that is there already replaces it: that is how a file is read again. As long as no file and no setting has a
profile, the built-in one (``default``: the demo, without a key or a network) lies at the bottom.

Rule: HT2, HT4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import msgspec

from webchat_nb.chat.plan import Profile
from webchat_nb.chat.profile_layers import (
    BUILTIN_LAYER,
    ProfileLayer,
    find_problem,
    profiles_from_data,
    read_profiles,
    with_absolute_script,
)
from webchat_nb.errors import ConfigError, UnknownProfileError

__all__ = ["ProfileDescription", "ProfileLayer", "ProfileRegistry", "profiles_from_data", "read_profiles"]


class ProfileDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may know of a profile: no prompt, no address, no configuration of a middleware."""

    slug: str
    title: str
    description: str
    is_default: bool
    allow_overrides: bool
    engine: str
    tools: list[str]
    middlewares: list[str]


@final
class ProfileRegistry:
    """Finds a profile by its slug.

    Args:
        layers: The sources, lowest first. None at all: the built-in profile alone.
    """

    def __init__(self, layers: Iterable[ProfileLayer] = ()) -> None:
        self._layers = tuple(layers)
        self._registered = ProfileLayer(source="registered in Python")
        self._profiles, self._default = _stack(self._layers, self._registered)

    @classmethod
    def load(
        cls, files: Iterable[str | Path] = (), *, data: Mapping[str, Any] | None = None, default: str | None = None
    ) -> ProfileRegistry:
        """Read what a host is configured with.

        Args:
            files: Profiles files, YAML, JSON or TOML; later ones win.
            data: Plain data in the shape of a profiles file, on top of the files.
            default: Slug of the default profile, on top of what files and data say.

        Raises:
            ConfigError: Something cannot be used; the message says file, line and key.
        """
        layers = [read_profiles(Path(path)) for path in files]
        if data is not None:
            layers.append(profiles_from_data(data, source="profiles setting"))
        if default is not None:
            layers.append(
                ProfileLayer(source="default_profile setting", default=default, default_at="default_profile setting")
            )
        return cls(layers)

    @property
    def default(self) -> str:
        """The slug of the default profile: the topmost that was named so; else ``default``; else the first."""
        return self._default

    @property
    def slugs(self) -> Sequence[str]:
        """Every known slug, in the order in which they came first."""
        return tuple(self._profiles)

    def get(self, slug: str | None = None) -> Profile:
        """Find a profile; None means the default one.

        Raises:
            UnknownProfileError: No profile has this slug; the message names those there are.
        """
        try:
            return self._profiles[self._default if slug is None else slug]
        except KeyError:
            raise UnknownProfileError(f"no profile {slug!r}; known: {', '.join(self._profiles)}") from None

    def add(self, layer: ProfileLayer) -> None:
        """Put a layer on top, or in the place of the one from the same source.

        Raises:
            ConfigError: The default would name no profile; the registry is as before.
        """
        if any(old.source == layer.source for old in self._layers):
            layers = tuple(layer if old.source == layer.source else old for old in self._layers)
        else:
            layers = (*self._layers, layer)
        self._profiles, self._default = _stack(layers, self._registered)
        self._layers = layers

    def register(self, profile: Profile, *, is_default: bool = False) -> None:
        """Add a profile from Python; it lies above every layer, and registering it again replaces it.

        Raises:
            ConfigError: A field cannot be used; the registry is as before.
        """
        if problem := find_problem(profile):
            raise ConfigError(f"profile {profile.slug!r}: {problem[0]}: {problem[1]}")
        others = tuple(old for old in self._registered.profiles if old.slug != profile.slug)
        registered = msgspec.structs.replace(
            self._registered,
            profiles=(*others, with_absolute_script(profile, Path())),
            default=profile.slug if is_default else self._registered.default,
        )
        self._profiles, self._default = _stack(self._layers, registered)
        self._registered = registered

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Say what ``GET v1/profiles`` lists; a profile without a title is called by its slug."""
        return [
            msgspec.to_builtins(_describe(profile, is_default=profile.slug == self._default))
            for profile in self._profiles.values()
        ]


def _describe(profile: Profile, *, is_default: bool) -> ProfileDescription:
    return ProfileDescription(
        slug=profile.slug,
        title=profile.title or profile.slug,
        description=profile.description,
        is_default=is_default,
        allow_overrides=profile.allow_overrides,
        engine=profile.engine,
        tools=list(profile.tools),
        middlewares=[use.name for use in profile.middlewares],
    )


def _stack(layers: Sequence[ProfileLayer], registered: ProfileLayer) -> tuple[dict[str, Profile], str]:
    """All profiles by slug and the default's slug."""
    if not any(layer.profiles for layer in layers):
        layers = (BUILTIN_LAYER, *layers)
    profiles: dict[str, Profile] = {}
    default, default_at = None, ""
    for layer in (*layers, registered):
        profiles.update((profile.slug, profile) for profile in layer.profiles)
        if layer.default is not None:
            default, default_at = layer.default, layer.default_at
    if default is None:
        return profiles, "default" if "default" in profiles else next(iter(profiles))
    if default not in profiles:
        raise ConfigError(f"{default_at}: expected one of {', '.join(profiles)}, got {default!r}")
    return profiles, default
