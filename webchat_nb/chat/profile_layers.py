"""One source of profiles, read and checked: a file, a setting, or what the package brings.

Rule: HT4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from webchat_nb.chat.document_formats import KeyPath
from webchat_nb.chat.documents import Document, convert, plain_document, read_document
from webchat_nb.chat.plan import MiddlewareUse, Profile

BUSY_POLICIES: Final = ("queue", "reject", "replace", "steer")
APPROVALS: Final = ("never", "always")
BUILTIN_SCRIPT: Final = "builtin:"
_SLUG: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


MiddlewareCheck = Callable[[Sequence[MiddlewareUse]], tuple[KeyPath, str] | None]
"""Says where in a list of middlewares the first thing is that cannot be used, and why (MW2)."""


class ProfileLayer(msgspec.Struct, frozen=True, kw_only=True):
    """The profiles of one source, checked.

    Attributes:
        source: A file's path, or the name of a setting; its identity in a registry.
        default: The slug that it makes the default; it may be a profile of another layer.
        default_at: Where it says so, for errors.
    """

    source: str
    profiles: tuple[Profile, ...] = ()
    default: str | None = None
    default_at: str = ""


class _ProfilesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of a profiles file."""

    default: str | None = None
    profiles: tuple[Profile, ...] = ()


BUILTIN_LAYER: Final = ProfileLayer(
    source="built-in",
    default="default",
    profiles=(
        Profile(
            slug="default",
            title="Demo",
            description="Answers from a script: no model, no key, no network.",
            script="builtin:demo",
        ),
    ),
)


def read_profiles(path: Path) -> ProfileLayer:
    """Read a profiles file, YAML, JSON or TOML.

    Raises:
        ConfigError: It cannot be read, or something in it cannot be used; the message says file, line and key.
    """
    return make_layer(read_document(path), base_dir=path.parent)


def profiles_from_data(
    data: Any, *, source: str, base_dir: Path | None = None, check: MiddlewareCheck | None = None
) -> ProfileLayer:
    """Take profiles from a setting: ``{"default": …, "profiles": […]}``, as in a file.

    Args:
        data: Plain dicts and lists.
        source: What errors call it, such as ``c.WebchatServer.profiles``.
        base_dir: What script paths are relative to; None means the working directory.
        check: As in ``make_layer``.

    Raises:
        ConfigError: Something in it cannot be used; the message says the source and the key.
    """
    return make_layer(plain_document(data, source=source), base_dir=base_dir or Path(), check=check)


def make_layer(document: Document, *, base_dir: Path, check: MiddlewareCheck | None = None) -> ProfileLayer:
    """Check what was read of a file or a setting.

    Args:
        document: What was read.
        base_dir: What script paths are relative to.
        check: Finds what cannot be used in a profile's middlewares; None: they are not looked at.

    Raises:
        ConfigError: Something in it cannot be used; the message says where.
    """
    read = convert(document, _ProfilesFile)
    seen: dict[str, int] = {}
    for index, profile in enumerate(read.profiles):
        if problem := find_problem(profile):
            raise document.error(("profiles", index, problem[0]), problem[1])
        if check is not None and (found := check(profile.middlewares)):
            raise document.error(("profiles", index, *found[0]), found[1])
        if profile.slug in seen:
            message = f"expected each slug once, got {profile.slug!r} in profiles[{seen[profile.slug]}] too"
            raise document.error(("profiles", index, "slug"), message)
        seen[profile.slug] = index
    return ProfileLayer(
        source=document.source,
        profiles=tuple(with_absolute_script(profile, base_dir) for profile in read.profiles),
        default=read.default,
        default_at=f"{document.where(('default',))}: default",
    )


def find_problem(profile: Profile) -> tuple[str, str] | None:
    """The first key that cannot be used, and why: what the types of the fields do not say."""
    if not _SLUG.fullmatch(profile.slug):
        return "slug", f"expected 1-64 characters of A-Z a-z 0-9 . _ -, got {profile.slug[:80]!r}"
    if profile.on_busy not in BUSY_POLICIES:
        return "on_busy", f"expected {', '.join(BUSY_POLICIES)}, got {profile.on_busy!r}"
    for tool, approval in profile.approvals.items():
        if approval not in APPROVALS:
            return "approvals", f"expected {' or '.join(APPROVALS)} for {tool[:80]!r}, got {approval[:80]!r}"
    if profile.timeout_s is not None and not 0 < profile.timeout_s < float("inf"):
        return "timeout_s", f"expected seconds above 0, got {profile.timeout_s:g}"
    if not profile.engine.strip():
        return "engine", "expected an engine's name or module:object, got an empty text"
    if profile.api_key_env is not None and not _VARIABLE.fullmatch(profile.api_key_env):
        # Whoever wrote the key itself here must not find it in a log (AC7).
        return "api_key_env", "expected the name of an environment variable, got something else (not shown)"
    return None


def with_absolute_script(profile: Profile, base_dir: Path) -> Profile:
    """The working directory may change after the profile was read; the plan's signature must not."""
    if profile.script is None or profile.script.startswith(BUILTIN_SCRIPT):
        return profile
    path = os.path.abspath(base_dir / Path(profile.script).expanduser())
    return msgspec.structs.replace(profile, script=path)
