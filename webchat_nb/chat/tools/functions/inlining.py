"""JSON Schemas without ``$ref``, as the models' vendors take them.

Only a definition that contains itself, as a tree does, stays one: it cannot be written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, final

_Definitions = Mapping[str, Any]

_PREFIX: Final = "#/$defs/"
_MAPS: Final = ("properties", "patternProperties", "dependentSchemas")
"""Keywords with a schema for each name."""
_VALUES: Final = ("const", "default", "enum", "examples", "required")
"""Keywords with values, in which nothing is a schema."""
_DROPPED: Final = ("$defs", "title", "discriminator")
"""Keywords that say nothing to a model, or point to what is no longer there."""


def inline(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema with each definition written where it is used, and without titles."""
    inliner = _Inliner()
    written: dict[str, Any] = inliner.write(schema, {})
    if inliner.kept:
        written["$defs"] = inliner.kept
    return written


@final
class _Inliner:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def write(self, schema: Any, outer: _Definitions) -> Any:
        """A schema, or a list of schemas; ``outer`` are the definitions that it may refer to."""
        if isinstance(schema, list):
            return [self.write(item, outer) for item in schema]
        if not isinstance(schema, Mapping):
            return schema  # true, false, or the value of a plain keyword
        definitions = {**outer, **schema.get("$defs", {})}
        written: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in _DROPPED or keyword == "$ref":
                continue
            if keyword in _VALUES:
                written[keyword] = value
            elif keyword in _MAPS:
                written[keyword] = {name: self.write(item, definitions) for name, item in value.items()}
            else:
                written[keyword] = self.write(value, definitions)
        return {**self._target(schema["$ref"], definitions), **written} if "$ref" in schema else written

    def _target(self, reference: str, definitions: _Definitions) -> dict[str, Any]:
        name = reference.removeprefix(_PREFIX)
        target = definitions[name]
        if name not in _reached(target, definitions):
            return dict(self.write(target, definitions))
        if id(target) not in self._names:
            kept = self._names[id(target)] = self._free_name(name)
            self.kept[kept] = {}  # its place is taken before it meets itself
            self.kept[kept] = self.write(target, definitions)
        return {"$ref": _PREFIX + self._names[id(target)]}

    def _free_name(self, name: str) -> str:
        free, number = name, 1
        while free in self.kept:
            number += 1
            free = f"{name}_{number}"
        return free


def _reached(schema: Any, definitions: _Definitions) -> set[str]:
    """The names of all definitions that a schema leads to."""
    reached: set[str] = set()
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(_references(definitions.get(name)))
    return reached


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    elif isinstance(schema, Mapping):
        for keyword, value in schema.items():
            if keyword == "$ref" and isinstance(value, str):
                yield value.removeprefix(_PREFIX)
            else:
                yield from _references(value)
