"""How a text is cut into the pieces that a model would send. Joined, the pieces are the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from webchat_nb.engines.script import Chunk


def split_text(text: str, chunk: Chunk) -> Sequence[str]:
    """Cut a text.

    Args:
        text: Any text; empty gives no piece.
        chunk: ``word``: after the white space behind each word; ``char``: into code points, a combining mark staying
            with what it marks; ``all``: not at all; a number: every so many code points.
    """
    if not text:
        return ()
    if chunk == "all":
        return (text,)
    if chunk == "word":
        return re.findall(r"\s*\S+\s*|\s+", text)
    if chunk == "char":
        return _split_characters(text)
    return [text[start : start + chunk] for start in range(0, len(text), chunk)]


def _split_characters(text: str) -> Sequence[str]:
    pieces: list[str] = []
    for character in text:
        if pieces and unicodedata.combining(character):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
