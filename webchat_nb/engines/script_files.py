"""Scripts by name: ``builtin:NAME`` from the package, anything else a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final, final

from webchat_nb.chat.profile_layers import BUILTIN_SCRIPT
from webchat_nb.engines.script import Script, parse_script, read_script
from webchat_nb.errors import ConfigError

_SUFFIX: Final = ".yaml"


@final
class ScriptFiles:
    """Reads each script once, and again when its file has changed."""

    def __init__(self) -> None:
        self._builtin: dict[str, Script] = {}
        self._read: dict[Path, tuple[tuple[int, int], Script]] = {}

    def get(self, name: str) -> Script:
        """Find a script.

        Args:
            name: ``builtin:NAME``, or a path; a relative one is meant from the working directory.

        Raises:
            ConfigError: There is none, or it is broken; the message says where.
        """
        if name.startswith(BUILTIN_SCRIPT):
            return self._get_builtin(name.removeprefix(BUILTIN_SCRIPT))
        path = Path(name)
        try:
            found = path.stat()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{name}: expected a script, got: {reason}") from None
        version = (found.st_mtime_ns, found.st_size)
        cached = self._read.get(path)
        if cached is None or cached[0] != version:
            cached = self._read[path] = (version, read_script(path))
        return cached[1]

    def _get_builtin(self, name: str) -> Script:
        if name not in self._builtin:
            if name not in builtin_names():
                known = ", ".join(BUILTIN_SCRIPT + known for known in builtin_names())
                raise ConfigError(f"{BUILTIN_SCRIPT}{name}: expected one of {known}, got an unknown name")
            text = (_folder() / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
            self._builtin[name] = parse_script(text, source=BUILTIN_SCRIPT + name)
        return self._builtin[name]


def builtin_names() -> list[str]:
    """Names of the scripts that the package brings."""
    names = (entry.name for entry in _folder().iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def _folder() -> resources.abc.Traversable:
    return resources.files("webchat_nb.engines") / "scripts"
