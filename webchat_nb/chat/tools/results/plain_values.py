"""Values of Python as JSON text, whatever they are.

Rule: TL3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

_MAX_ITEMS: Final = 10_000
"""Of an array or an iterator that is written out; a larger array is told in the short form that its library has."""


def json_of(value: Any) -> str:
    """JSON text; what JSON cannot hold is told as ``str`` tells it."""
    try:
        return msgspec.json.encode(value, enc_hook=_simpler).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # A circle, half a surrogate pair, or a key that is none: the words for it are better than nothing.
        return msgspec.json.encode(clean(str(value))).decode()


def read_json(text: str | bytes) -> Any:
    """What JSON text says."""
    return msgspec.json.decode(text)


def clean(text: str) -> str:
    """Text that every encoder takes: halves of surrogate pairs become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _simpler(value: Any) -> Any:
    """What msgspec does not know, in what it knows."""
    if hasattr(value, "model_dump") and not isinstance(value, type):  # a model of pydantic's
        return value.model_dump(mode="json")
    if hasattr(value, "tolist") and not isinstance(value, type):  # an array or a number of numpy's
        return value.tolist() if getattr(value, "size", 0) <= _MAX_ITEMS else str(value)
    if isinstance(value, Iterator):
        return list(islice(value, _MAX_ITEMS))
    if (
        isinstance(value, Iterable)
        and hasattr(value, "__len__")
        and type(value).__module__ in ("builtins", "collections")
    ):
        return list(value)  # a range, a view of a dict, a deque
    return str(value)
