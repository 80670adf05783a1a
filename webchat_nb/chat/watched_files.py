"""Files that are read again when they change; a broken new version leaves the one before in use.

Nothing watches in the background: whoever needs the value asks ``look`` first, and at most once a second that asks the
file system.

Rule: PF1. Source: none; the race of a file that changes twice within one tick of its clock is the one git calls "racy".
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, final

import msgspec

from webchat_nb.chat.documents import Document, parse_content, read_content
from webchat_nb.errors import ConfigError
from webchat_nb.stream import Clock

LOOK_INTERVAL_S = 1.0
"""A file is asked for at most this often: it may lie on a disk far away."""

_FRESH_MS = 3000
"""A file that changed less than this ago is read whenever it is looked at: it may change again within the same tick."""

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class _State(msgspec.Struct, frozen=True):
    """What tells one version of a file from another without reading it."""

    modified_ns: int
    changed_ns: int
    size: int
    inode: int


@final
class WatchedFile(Generic[_T]):
    """One file and what was made of its newest version that could be used.

    Args:
        path: The file; YAML, JSON or TOML.
        make: Makes the value of what was read; may raise ConfigError.
        clock: Says when to look again.

    Attributes:
        version: SHA-256 of the content that ``value`` was made of, in hexadecimal; "" before there is one.
        problem: Why the newest version is not in use, fit to be shown (the file without its folder); None when it is.

    Rule: PF1.
    """

    __slots__ = (
        "_clock",
        "_error",
        "_is_fresh",
        "_look_again_s",
        "_make",
        "_seen",
        "_state",
        "_value",
        "path",
        "version",
    )

    def __init__(self, path: Path, make: Callable[[Document], _T], clock: Clock) -> None:
        self.path = path
        self.version = ""
        self._make = make
        self._clock = clock
        self._value: _T | None = None
        self._error: ConfigError | None = None
        self._state: _State | None = None
        self._seen = ""
        self._is_fresh = True
        self._look_again_s = float("-inf")

    @property
    def value(self) -> _T:
        """What was made of the newest usable version; call ``look`` before.

        Raises:
            ConfigError: There has been none yet; the message says file, line and key.
        """
        if self._value is None:
            assert self._error is not None, "look() comes first"
            raise self._error
        return self._value

    @property
    def problem(self) -> str | None:
        """Why the newest version is not in use."""
        return None if self._error is None else self._error.message.replace(str(self.path), self.path.name)

    def look(self) -> bool:
        """Read the file again if it has changed. Never raises.

        Returns:
            Whether ``value`` is another one now. A new version that cannot be used is logged, once.
        """
        now_s = self._clock.steady_s()
        if now_s < self._look_again_s:
            return False
        self._look_again_s = now_s + LOOK_INTERVAL_S
        state = _state_of(self.path)
        if state is not None and state == self._state and not self._is_fresh:
            return False
        self._state = state
        self._is_fresh = state is None or self._clock.now_ms() - state.modified_ns // 1_000_000 < _FRESH_MS
        return self._read()

    def _read(self) -> bool:
        digest = ""
        try:
            content = read_content(self.path)
            digest = hashlib.sha256(content).hexdigest()
            if digest == self._seen:
                return False
            value = self._make(parse_content(content, self.path))
        except ConfigError as error:
            self._refuse(error)
            return False
        finally:
            self._seen = digest
        is_another = digest != self.version
        self._value, self._error, self.version = value, None, digest
        return is_another

    def _refuse(self, error: ConfigError) -> None:
        is_told = self._error is not None and self._error.message == error.message
        self._error = error
        if self._value is not None and not is_told:
            _log.error("%s; what was read of this file before stays in use", error.message)


def _state_of(path: Path) -> _State | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return _State(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
