"""How JSON Schemas and values are checked; ``json_schemas`` is the door.

A schema may be a browser's, and whoever wrote it need not be a friend of this server: references lead nowhere but into
the schema itself, patterns have a time limit, and a check that takes too many steps is given up.

Rule: TL4, TL5, TL7. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, final

import msgspec
import regex
from jsonschema import Draft202012Validator, FormatChecker, exceptions, validators
from referencing import Registry
from referencing.exceptions import Unresolvable

from webchat_nb.errors import BadRequestError

MAX_STEPS: Final = 200_000
"""Steps that one check may take, a fraction of a second; the event loop waits meanwhile."""

_PATTERN_STEPS: Final = 1000
_PATTERN_TIMEOUT_S: Final = 0.01
_MAX_MESSAGE_CHARS: Final = 300
_REFERENCES: Final = ("$ref", "$dynamicRef")

_NO_FORMATS: Final = FormatChecker(formats=())
"""A pattern is written for a browser; one that Python cannot read is passed over."""

_Errors = Iterator[exceptions.ValidationError]
_Keyword = Callable[[Any, Any, Any, Any], Iterable[exceptions.ValidationError] | None]


def check_schema(schema: Mapping[str, Any], path: str, *, may_refer: bool = True) -> None:
    """See that something is the JSON Schema of an object.

    Args:
        schema: What came.
        path: What to call it in the message.
        may_refer: Whether it may have references into itself; those to elsewhere are never followed.

    Raises:
        BadRequestError: It is none; the message begins with the path of what is wrong.
    """
    if schema.get("type") != "object":
        raise BadRequestError(f"{path}.type: expected 'object', got {str(schema.get('type'))[:40]!r}")
    try:
        Draft202012Validator.check_schema(schema, format_checker=_NO_FORMATS)
        _check_references(schema, path, may_refer=may_refer)
    except exceptions.SchemaError as error:
        raise _refusal(error, path) from None
    except RecursionError:
        raise BadRequestError(f"{path}: nested too deeply") from None


def check_value(value: Any, schema: Mapping[str, Any], path: str) -> None:
    """See that a value fits a schema that was checked.

    Raises:
        BadRequestError: It does not, or that could not be found out in time; the message begins with the path.
    """
    counted: Any = validators.extend(Draft202012Validator, _Steps().keywords())  # type: ignore[no-untyped-call]
    validator = counted(dict(schema), registry=Registry())
    try:
        error = exceptions.best_match(validator.iter_errors(value))
    except (_TooManyStepsError, RecursionError, Unresolvable):
        raise BadRequestError(f"{path}: its schema is too hard to check, or refers to something else") from None
    if error is not None:
        raise _refusal(error, path)


def _refusal(error: Any, path: str) -> BadRequestError:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return BadRequestError(f"{path}{where}: {error.message[:_MAX_MESSAGE_CHARS]}")


def _check_references(node: Any, path: str, *, may_refer: bool) -> None:
    children: Iterable[tuple[str, Any]] = ()
    if isinstance(node, dict):
        for name in _REFERENCES:
            target = node.get(name)
            if isinstance(target, str) and not (may_refer and target.startswith("#")):
                raise BadRequestError(f"{path}.{name}: expected the schema itself, got a reference {target[:80]!r}")
        children = ((f"{path}.{key}", child) for key, child in node.items())
    elif isinstance(node, list):
        children = ((f"{path}[{index}]", child) for index, child in enumerate(node))
    for where, child in children:
        _check_references(child, where, may_refer=may_refer)


class _TooManyStepsError(Exception):
    """The check takes too long."""


@final
class _Steps:
    """Counts what one check does."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def keywords(self) -> dict[str, _Keyword]:
        """The keywords of JSON Schema, counted."""
        own: dict[str, _Keyword] = {
            **Draft202012Validator.VALIDATORS,
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "unevaluatedProperties": _nothing,
            "uniqueItems": _unique_items,
        }
        return {name: self._counted(keyword) for name, keyword in own.items()}

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooManyStepsError

    def _counted(self, keyword: _Keyword) -> _Keyword:
        def counted(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
            self._spend(1 + sum([len(one) for one in (value, instance) if isinstance(one, (list, dict))]))
            yield from keyword(validator, value, instance, schema) or ()

        return counted

    def _matches(self, pattern: str, text: str) -> bool:
        self._spend(_PATTERN_STEPS)
        try:
            return regex.search(pattern, text, timeout=_PATTERN_TIMEOUT_S) is not None
        except TimeoutError:
            raise _TooManyStepsError from None
        except regex.error:
            return True  # no pattern at all forbids nothing

    def _pattern(self, validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        if isinstance(instance, str) and not self._matches(value, instance):
            yield exceptions.ValidationError(f"{instance!r} does not match {value!r}")

    def _pattern_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        if not isinstance(instance, dict):
            return
        for pattern, inner in value.items():
            for key, child in instance.items():
                if self._matches(pattern, key):
                    yield from validator.descend(child, inner, path=key, schema_path=pattern)

    def _additional_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        if not isinstance(instance, dict):
            return
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key, child in instance.items():
            if key in known or any(self._matches(pattern, key) for pattern in patterns):
                continue
            if value is False:
                yield exceptions.ValidationError(f"{key[:40]!r} is not expected")
            else:
                yield from validator.descend(child, value, path=key)


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    """The library would search for patterns without a time limit."""
    return iter(())


def _unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    """The library compares each with each."""
    if value and isinstance(instance, list):
        seen = {msgspec.json.encode(item, order="sorted") for item in instance}
        if len(seen) < len(instance):
            yield exceptions.ValidationError("expected each item once")
