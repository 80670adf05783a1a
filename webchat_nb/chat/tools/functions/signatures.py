"""What a function takes, read from its type hints and its docstring.

Type hints are read by msgspec: what it can decode, a tool can take. An argument without a hint takes any JSON. A hint
``ToolContext`` is no argument of the model's: the function is given the context of its call.

Rule: TL3.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final, final

import docstring_parser
import msgspec
from msgspec import UNSET

from webchat_nb.chat.documents import explain
from webchat_nb.chat.tools.functions.custom_types import CustomTypes
from webchat_nb.chat.tools.functions.inlining import inline
from webchat_nb.chat.tools.ports import ToolContext
from webchat_nb.errors import ConfigError, ToolError

_FOREIGN_LIMITS: Final = ("annotated_types", "pydantic")
"""Packages whose limits in an ``Annotated`` nobody here would keep."""


@final
class Signature:
    """The arguments of a function.

    Args:
        function: Takes keywords.

    Attributes:
        description: What the docstring says before its sections.
        input_schema: JSON Schema of the arguments, an object.
        context_names: The arguments that get the context of the call.

    Raises:
        ConfigError: It takes an argument that a model cannot give; the message names function and argument.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function_name = name_of(function)
        docstring = _read_docstring(function)
        described = {item.arg_name: item.description for item in docstring.params if item.description}
        self.description = "\n\n".join(filter(None, (docstring.short_description, docstring.long_description)))
        self._types = CustomTypes()
        parameters = self._parameters(function)
        hints = {name: self._hint(function, item) for name, item in parameters.items()}
        self.context_names = tuple(name for name, hint in hints.items() if _is_context(hint))
        taken = {name: item for name, item in parameters.items() if name not in self.context_names}
        self._record = self._make_record({name: hints[name] for name in taken}, taken)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._record, dec_hook=self._types.read)
        self._names = tuple(taken)
        self.input_schema = self._make_schema(taken, hints, described)

    def read(self, text: str) -> dict[str, Any]:
        """The arguments as the function takes them, without those that were left out.

        Args:
            text: The JSON text of an object; nothing at all is an object without keys.

        Raises:
            ToolError: It does not fit; the message names the path.
        """
        text = text.strip() or "{}"
        try:
            try:
                record = self._decoder.decode(text)
            except msgspec.ValidationError as error:
                raise ToolError(self._misfit(str(error), msgspec.json.decode(text))) from None
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ToolError(f"the arguments are no JSON: {error}") from None
        except RecursionError:
            raise ToolError("the arguments are nested too deeply") from None
        return {name: value for name in self._names if (value := getattr(record, name)) is not UNSET}

    def _misfit(self, told: str, arguments: Any) -> str:
        path, reason = explain(told, arguments, self._record)
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        return f"`{place}`: {reason}" if place else f"the arguments do not fit: {reason}"

    def _parameters(self, function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
        try:
            parameters = dict(inspect.signature(function).parameters)
        except Exception as error:  # noqa: BLE001 - to say it, somebody else's code may be asked
            reason = f"it does not say what it takes: {error}"
            raise ConfigError(f"the tool's function {self._function_name}: {reason}") from None
        for name in _bound_in(function):
            parameters.pop(name, None)
        for index, (name, parameter) in enumerate(parameters.items()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
                raise self._error(f"{stars}{name}", "expected an argument of its own for each value")
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise self._error(name, "expected an argument that can be given by its name")
            if index == 0 and name in ("self", "cls") and parameter.annotation is parameter.empty:
                raise self._error(name, "expected a function, or a method of an object")
        return parameters

    def _hint(self, function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
        """What msgspec is to read the argument as."""
        if parameter.annotation is parameter.empty:
            return Any
        holder = types.SimpleNamespace(__annotations__={"hint": parameter.annotation})
        try:
            hint = typing.get_type_hints(holder, _globals_of(function), include_extras=True)["hint"]
        except Exception as error:  # noqa: BLE001 - a hint is code of somebody else's
            said = str(parameter.annotation)
            if said.rpartition(".")[2] == "ToolContext":
                return ToolContext  # imported for type checkers only
            raise self._error(parameter.name, f"its type hint {said} cannot be read: {error}") from None
        for limit in _annotations_of(hint):
            if type(limit).__module__.partition(".")[0] in _FOREIGN_LIMITS and getattr(limit, "metadata", True):
                raise self._error(parameter.name, f"expected msgspec.Meta for the limit {limit!r}")
        if typing.get_origin(hint) in (collections.abc.Iterable, collections.abc.Iterator):
            hint = list[typing.get_args(hint)]  # type: ignore[misc]
        if hint is Any or hint is object:
            return Any
        return hint | None if parameter.default is None and not _takes_none(hint) else hint

    def _make_record(self, hints: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> type:
        for name, hint in hints.items():  # one by one, so that the message can name it
            try:
                msgspec.json.schema(hint, schema_hook=self._types.schema)
                msgspec.json.Decoder(hint)
            except Exception as error:  # noqa: BLE001 - pydantic has errors of its own
                raise self._error(name, str(error)) from None
        fields = [
            (name, hint, msgspec.field(default_factory=lambda: UNSET))
            if parameters[name].default is not inspect.Parameter.empty
            else (name, hint)
            for name, hint in hints.items()
        ]
        return msgspec.defstruct("arguments", fields, kw_only=True, forbid_unknown_fields=True)

    def _make_schema(
        self, parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any], described: Mapping[str, str]
    ) -> dict[str, Any]:
        schema = inline(msgspec.json.schema(self._record, schema_hook=self._types.schema))
        for name, parameter in parameters.items():
            said = schema["properties"][name]
            if description := _description_in(hints[name]) or described.get(name):
                said["description"] = description
            if parameter.default is not parameter.empty:
                with suppress(TypeError, ValueError, RecursionError):  # else the function's own affair
                    said["default"] = msgspec.json.decode(msgspec.json.encode(parameter.default))
        return schema

    def _error(self, argument: str, reason: str) -> ConfigError:
        return ConfigError(f"the tool's function {self._function_name}: {argument}: {reason}")


def name_of(function: Callable[..., Any]) -> str:
    """What messages call a function; of an object that can be called, its class."""
    if isinstance(function, partial):
        return name_of(function.func)
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def code_of(function: Any) -> Any:
    """What says whether a call of it is to be awaited: of an object that can be called, its method."""
    if isinstance(function, partial):
        return code_of(function.func)
    return function if inspect.isroutine(function) else type(function).__call__


def _bound_in(function: Any) -> Iterator[str]:
    """The arguments that a partial brings along: not the model's to choose, nor to see."""
    while isinstance(function, partial):
        yield from function.keywords
        function = function.func


def _globals_of(function: Any) -> dict[str, Any]:
    return getattr(inspect.unwrap(code_of(function)), "__globals__", {})


def _read_docstring(function: Callable[..., Any]) -> docstring_parser.Docstring:
    described = function.func if isinstance(function, partial) else function
    text = inspect.getdoc(described) or ""
    try:
        return docstring_parser.parse(text)
    except docstring_parser.ParseError:
        docstring = docstring_parser.Docstring()
        docstring.short_description = text
        return docstring


def _is_context(hint: Any) -> bool:
    return hint is ToolContext or (_is_union(hint) and ToolContext in typing.get_args(hint))


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _takes_none(hint: Any) -> bool:
    bare = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    return _is_union(bare) and types.NoneType in typing.get_args(bare)


def _annotations_of(hint: Any) -> tuple[Any, ...]:
    return hint.__metadata__ if typing.get_origin(hint) is Annotated else ()


def _description_in(hint: Any) -> str:
    """What an ``Annotated`` says of the argument: a text, or whatever has a ``description``."""
    if _is_union(hint):  # made optional by its default
        hint = typing.get_args(hint)[0]
    for item in _annotations_of(hint):
        said = item if isinstance(item, str) else getattr(item, "description", None)
        if isinstance(said, str):
            return said
    return ""
