"""Scripts by name: ``builtin:NAME`` from the package, anything else a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final, final

from webchat_nb.chat.profile_layers import BUILTIN_SCRIPT
from webchat_nb.chat.watched_files import WatchedFile
from webchat_nb.engines.script import Script, check_script, parse_script
from webchat_nb.errors import ConfigError
from webchat_nb.stream.clock import Clock

_SUFFIX: Final = ".yaml"


@final
class ScriptFiles:
    """Reads each script once, and again when its file has changed (PF1)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._builtin: dict[str, Script] = {}
        self._files: dict[str, WatchedFile[Script]] = {}

    def get(self, name: str) -> Script:
        """Find a script.

        Args:
            name: ``builtin:NAME``, or a path; a relative one is meant from the working directory.

        Raises:
            ConfigError: There is none, or it is broken and was never whole; the message says where.
        """
        if name.startswith(BUILTIN_SCRIPT):
            return self._get_builtin(name.removeprefix(BUILTIN_SCRIPT))
        return self._look(name).value

    def version(self, name: str) -> str:
        """Of the content that ``get`` gives; "" for a built-in one, and as long as there is none."""
        return "" if name.startswith(BUILTIN_SCRIPT) else self._look(name).version

    def problem(self, name: str) -> str | None:
        """Why ``get`` does not give what the file holds now, fit to be shown; None when it does."""
        return None if name.startswith(BUILTIN_SCRIPT) else self._look(name).problem

    def _look(self, name: str) -> WatchedFile[Script]:
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = WatchedFile(Path(name), check_script, self._clock)
        file.look()
        return file

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
