"""Profiles by slug: read from files, taken from settings, registered in Python.

A registry is a stack of layers, one per source; where two name the same slug, the later layer wins. Files are read again
when they change. As long as no file and no setting has a profile, the built-in one (``default``: the demo, without a key
or a network) lies at the bottom.

Rule: HT2, HT4, PF1.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

import msgspec

from webchat_nb.chat.document_formats import format_path
from webchat_nb.chat.plan import Profile
from webchat_nb.chat.profile_layers import (
    BUILTIN_LAYER,
    MiddlewareCheck,
    ProfileLayer,
    find_problem,
    make_layer,
    profiles_from_data,
    with_absolute_script,
)
from webchat_nb.chat.watched_files import WatchedFile
from webchat_nb.errors import ConfigError, UnknownProfileError
from webchat_nb.stream import Clock, SystemClock

_log = logging.getLogger(__name__)


@final
class ProfileRegistry:
    """Finds a profile by its slug.

    Args:
        files: Profiles files, YAML, JSON or TOML; later ones win.
        data: Plain data in the shape of a profiles file, on top of the files.
        default: Slug of the default profile, on top of what files and data say.
        clock: Says when to look at the files again.
        check: Finds what cannot be used in a profile's middlewares; None: they are not looked at.

    Raises:
        ConfigError: Something cannot be used; the message says file, line and key. Only a later version of a file may
            be broken: the one before it then stays in use, see ``problems``.
    """

    def __init__(
        self,
        files: Iterable[str | Path] = (),
        *,
        data: Mapping[str, Any] | None = None,
        default: str | None = None,
        clock: Clock | None = None,
        check: MiddlewareCheck | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._check = check
        self._files = tuple(_watched(Path(os.path.abspath(path)), clock, check) for path in files)
        self._settings: list[ProfileLayer] = []
        if data is not None:
            self._settings.append(profiles_from_data(data, source="profiles setting", check=check))
        if default is not None:
            self._settings.append(
                ProfileLayer(source="default_profile setting", default=default, default_at="default_profile setting")
            )
        self._registered = ProfileLayer(source="registered in Python")
        self._problem: str | None = None
        for file in self._files:
            file.look()
        self._profiles, self._default = self._stack(self._registered)

    @property
    def default(self) -> str:
        """The slug of the default profile: the topmost that was named so; else ``default``; else the first."""
        self._look()
        return self._default

    @property
    def slugs(self) -> Sequence[str]:
        """Every known slug, in the order in which they came first."""
        self._look()
        return tuple(self._profiles)

    @property
    def problems(self) -> Sequence[str]:
        """Why the newest version of a file is not in use, one sentence for each; fit to be shown."""
        self._look()
        found = (*(file.problem for file in self._files), self._problem)
        return [problem for problem in found if problem is not None]

    def get(self, slug: str | None = None) -> Profile:
        """Find a profile; None means the default one.

        Raises:
            UnknownProfileError: No profile has this slug; the message names those there are.
        """
        self._look()
        try:
            return self._profiles[self._default if slug is None else slug]
        except KeyError:
            raise UnknownProfileError(f"no profile {slug!r}; known: {', '.join(self._profiles)}") from None

    def register(self, profile: Profile, *, is_default: bool = False) -> None:
        """Add a profile from Python; it lies above every file and setting, and registering it again replaces it.

        Raises:
            ConfigError: A field cannot be used; the registry is as before.
        """
        if problem := find_problem(profile):
            raise ConfigError(f"profile {profile.slug!r}: {problem[0]}: {problem[1]}")
        if self._check is not None and (found := self._check(profile.middlewares)):
            raise ConfigError(f"profile {profile.slug!r}: {format_path(found[0])}: {found[1]}")
        others = tuple(old for old in self._registered.profiles if old.slug != profile.slug)
        registered = msgspec.structs.replace(
            self._registered,
            profiles=(*others, with_absolute_script(profile, Path())),
            default=profile.slug if is_default else self._registered.default,
        )
        self._profiles, self._default = self._stack(registered)
        self._registered, self._problem = registered, None

    def _look(self) -> None:
        """Read the files again that have changed; what does not fit together changes nothing."""
        if not any([file.look() for file in self._files]):
            return
        try:
            self._profiles, self._default = self._stack(self._registered)
        except ConfigError as error:
            _log.error("%s; the profiles stay as they were", error.message)
            self._problem = error.message
            for file in self._files:
                self._problem = self._problem.replace(str(file.path), file.path.name)
        else:
            self._problem = None

    def _stack(self, registered: ProfileLayer) -> tuple[dict[str, Profile], str]:
        """All profiles by slug and the default's slug."""
        layers: Sequence[ProfileLayer] = [*(file.value for file in self._files), *self._settings]
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

    def __iter__(self) -> Iterator[Profile]:
        """Every profile, in the order in which their slugs came first."""
        self._look()
        return iter(tuple(self._profiles.values()))


def _watched(path: Path, clock: Clock, check: MiddlewareCheck | None) -> WatchedFile[ProfileLayer]:
    return WatchedFile(path, partial(make_layer, base_dir=path.parent, check=check), clock)
