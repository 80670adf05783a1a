"""What a document looks like while it still arrives.

JSON is read by ``jiter``, the parser of pydantic and the vendors' SDKs: it reads unfinished texts, in one pass, in Rust.
YAML is read by the reader of our own files, up to the last line that is complete.
"""

from __future__ import annotations

from typing import Any, Literal, final

import jiter

from webchat_nb.chat.document_formats import read_text
from webchat_nb.errors import ConfigError


@final
class GrowingDocument:
    """The content of one block.

    Each reading costs what the content is long, so readings must become rarer as it grows.
    """

    def __init__(self, form: Literal["json", "yaml", "text"]) -> None:
        self._form = form
        self._pieces: list[str] = []
        self._latest: Any = None

    @property
    def text(self) -> str:
        """All of it so far."""
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def add(self, text: str) -> None:
        """The next piece."""
        self._pieces.append(text)

    def read_so_far(self) -> Any:
        """The document as far as it is there; what could be read before when this is no beginning of one."""
        try:
            if self._form == "json":
                self._latest = _read_json(self.text, is_whole=False)
            elif self._form == "yaml":
                lines, newline, _ = self.text.rpartition("\n")
                if newline:
                    self._latest = read_text(lines, "yaml", "block")[0]
        except (ValueError, ConfigError):
            pass
        return self._latest

    def read_whole(self) -> Any:
        """The document; None for a text.

        Raises:
            ValueError: It is none.
        """
        if self._form == "text":
            return None
        if self._form == "json":
            return _read_json(self.text, is_whole=True)
        try:
            return read_text(self.text, "yaml", "block")[0]
        except ConfigError as error:
            raise ValueError(error.message) from None


def _read_json(text: str, *, is_whole: bool) -> Any:
    mode: Literal[False, "trailing-strings"] = False if is_whole else "trailing-strings"
    return jiter.from_json(text.encode(), partial_mode=mode, allow_inf_nan=False, catch_duplicate_keys=True)
