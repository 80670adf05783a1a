"""``module:object``: how configuration names a thing of Python."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def is_address(name: str) -> bool:
    """Whether a name has the form of ``module:object``."""
    module, colon, attribute = name.partition(":")
    parts = (*module.split("."), *attribute.split("."))
    return bool(colon) and all(part.isidentifier() for part in parts)


def load_address(name: str) -> Any:
    """Import what an address names; it may take seconds.

    Raises:
        ImportError, AttributeError: It is not there.
    """
    module, _, attributes = name.partition(":")
    thing: Any = import_module(module)
    for attribute in attributes.split("."):
        thing = getattr(thing, attribute)
    return thing


def missing_module(name: str) -> str:
    """The package of an address when it is not installed; empty when it is. Nothing is imported."""
    package = name.partition(":")[0].partition(".")[0]
    try:
        is_there = package in sys.modules or find_spec(package) is not None
    except (ImportError, ValueError):
        is_there = False
    return "" if is_there else package
