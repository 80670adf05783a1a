"""Payload classes declared in Python: a protobuf message class out of a class body, without protoc.

::

    @payload
    class CounterAdded(Message):
        counter: str
        by: int = 0
        tags: list[str] = payload_field(default_factory=list)

``CounterAdded`` is then a real message class: it registers, encodes, stores and appends as a generated one does. The
base ``Message`` is only for type checkers and may be left out.

Rule: SC1, SC3.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, dataclass_transform

import msgspec
from google.protobuf import descriptor_pool, json_format, message_factory, struct_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto
from google.protobuf.message import Message

from webchat_nb.contracts.encode import json_name
from webchat_nb.errors import PayloadTypeError
from webchat_nb.stream.declared_types import FieldType, UnsupportedTypeError, read_annotation

T = TypeVar("T")

MAX_NUMBER = 2**29 - 1
"""Protobuf's largest field number."""

_RESERVED_NUMBERS = range(19_000, 20_000)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MISSING: Any = object()


class _FieldSpec(msgspec.Struct, frozen=True):
    number: int | None
    default: Any


class _Field(msgspec.Struct, frozen=True):
    name: str
    number: int
    type: FieldType


def payload_field(
    *, number: int | None = None, default: Any = _MISSING, default_factory: Callable[[], Any] | None = None
) -> Any:
    """Say more about a field of a declared payload than its type.

    Args:
        number: Its number in stored bytes; left out, one more than the field before it.
        default: Zero or empty, which is what protobuf leaves out: tells type checkers that the keyword is optional.
        default_factory: The same for lists and dicts.
    """
    return _FieldSpec(number, default_factory() if default_factory is not None else default)


@dataclass_transform(kw_only_default=True, field_specifiers=(payload_field,))
def payload(declaration: type[T]) -> type[T]:
    """Make a protobuf message class out of a class that only names fields.

    ``str``, ``int`` (64 bit), ``float``, ``bool``, ``bytes``; words of a ``Literal`` or ``StrEnum``, which are strings
    and not checked; declared and generated message classes, the class itself by its name; ``list[T]``; ``dict[K, T]``;
    ``T | None``, told apart by ``HasField`` (reading an absent field gives its zero). JSON of any shape is
    ``dict[str, Any]``, ``list[Any]`` or ``Any``, the last set from ``json_value``; its numbers are floats.

    Fields are numbered 1, 2, 3, … as declared, and stored bytes know a field by its number alone. So a declaration of
    which something is stored only grows at its end: a field that is renamed keeps what was stored, one that is
    inserted, moved or deleted gives its number to another. ``payload_field(number=…)`` fixes a number where that has to
    be done; the fields after it count on from there. Rows of entities are JSON and know a field by its name.

    Declaring the same again gives the same class; the same name with other fields gives another class and leaves the
    first alone, so a notebook cell may be run again.

    Returns:
        The message class, named after the declaration and its module.

    Raises:
        PayloadTypeError: A name, a type, a number or a default cannot be; names the class and the field.

    Rule: SC1, SC3.
    """
    _check_body(declaration)
    fields = _read_fields(declaration)
    package = ".".join(re.sub(r"\W|^(?=\d)", "_", part) for part in declaration.__module__.split("."))
    pool = descriptor_pool.Default()
    for revision in itertools.count(1):
        file = _file(declaration.__name__, fields, package if revision == 1 else f"{package}.r{revision}")
        try:
            pool.Add(file)
            break
        except TypeError as error:
            if not _has_file(file.name):
                raise PayloadTypeError(f"payload {declaration.__name__}: {error}") from error
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{declaration.__name__}"))
    for name in ("__module__", "__qualname__", "__doc__"):
        setattr(message, name, getattr(declaration, name))
    return cast(type[T], message)


def json_value(value: Any) -> struct_pb2.Value:
    """Any JSON value, for a field that is declared as ``Any``."""
    return json_format.ParseDict(value, struct_pb2.Value())


def _check_body(declaration: type) -> None:
    def refuse(reason: str) -> PayloadTypeError:
        return PayloadTypeError(f"payload {declaration.__name__}: {reason}")

    if not _NAME.fullmatch(declaration.__name__):
        raise refuse("expected a name of letters, digits and _ of ASCII, a letter first")
    if any(base not in (object, Message) for base in declaration.__bases__):
        raise refuse("a message cannot inherit; write the fields out, or make one a field of the other")
    annotated = inspect.get_annotations(declaration)
    for name in vars(declaration).keys() - annotated.keys():
        if not (name.startswith("__") and name.endswith("__")) or name == "__init__":
            raise refuse(f"{name} has no type annotation; a payload holds fields and nothing else")


def _read_fields(declaration: type) -> list[_Field]:
    fields: list[_Field] = []
    number = 0
    for name, annotation in _annotations(declaration).items():
        where = f"payload {declaration.__name__}, field {name}"
        spec = vars(declaration).get(name, _MISSING)
        if not isinstance(spec, _FieldSpec):
            spec = _FieldSpec(None, spec)
        number = spec.number if spec.number is not None else number + 1
        try:
            type = read_annotation(annotation, declaration)
        except UnsupportedTypeError as error:
            raise PayloadTypeError(f"{where}: {error}") from error
        reason = _refusal(name, number, fields) or _default_refusal(spec.default, type)
        if reason:
            raise PayloadTypeError(f"{where}: {reason}")
        fields.append(_Field(name, number, type))
    return fields


def _annotations(declaration: type) -> Mapping[str, object]:
    """Evaluated, also under ``from __future__ import annotations``; the class may name itself."""
    try:
        return inspect.get_annotations(declaration, locals={declaration.__name__: declaration}, eval_str=True)
    except (NameError, SyntaxError, TypeError) as error:
        words = [
            name
            for name, text in inspect.get_annotations(declaration).items()
            if str(getattr(error, "name", "")) in str(text)
        ]
        raise PayloadTypeError(f"payload {declaration.__name__}, field {' or '.join(words)}: {error}") from error


def _refusal(name: str, number: int, before: list[_Field]) -> str | None:
    if not _NAME.fullmatch(name):
        return "expected a name of letters, digits and _ of ASCII, a letter first"
    if hasattr(Message, name):
        return "every message has a method of this name"
    if not 1 <= number <= MAX_NUMBER or number in _RESERVED_NUMBERS:
        return f"number {number}: expected 1 to {MAX_NUMBER}, and not 19000 to 19999, which protobuf keeps"
    for other in before:
        if other.number == number:
            return f"number {number} is that of {other.name}"
        if json_name(other.name) == json_name(name):
            return f"in JSON it would be {json_name(name)!r}, as {other.name} is"
    return None


def _default_refusal(default: Any, type: FieldType) -> str | None:
    if default is _MISSING or (default is None if type.has_presence else not default):
        return None
    wanted = "None" if type.has_presence else "its zero or empty value"
    return f"default {default!r}: expected {wanted}, which is how protobuf reads a field that was never set"


def _file(name: str, fields: list[_Field], package: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"declared/{package}/{name}.proto", package=package, syntax="proto3")
    message = file.message_type.add(name=name)
    for field in fields:
        type_name = _type_name(field.type, f".{package}.{name}")
        if field.type.message is not None and field.type.message.file.name not in file.dependency:
            file.dependency.append(field.type.message.file.name)
        if field.type.key is not None:
            entry = _map_entry(field, type_name)
            message.nested_type.append(entry)
            message.field.append(
                _field(field.name, field.number, Proto.TYPE_MESSAGE, f".{package}.{name}.{entry.name}", is_list=True)
            )
            continue
        proto = _field(field.name, field.number, field.type.type, type_name, is_list=field.type.is_list)
        if field.type.has_presence and field.type.type != Proto.TYPE_MESSAGE:
            proto.proto3_optional = True
            proto.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")
        message.field.append(proto)
    return file


def _map_entry(field: _Field, type_name: str) -> DescriptorProto:
    """Protobuf finds a map by its entry's name, which is made of the field's."""
    entry = DescriptorProto(name=json_name(f"_{field.name}") + "Entry")
    entry.options.map_entry = True
    assert field.type.key is not None
    entry.field.append(_field("key", 1, field.type.key, "", is_list=False))
    entry.field.append(_field("value", 2, field.type.type, type_name, is_list=False))
    return entry


def _field(name: str, number: int, type: Proto.Type.ValueType, type_name: str, *, is_list: bool) -> Proto:
    label = Proto.LABEL_REPEATED if is_list else Proto.LABEL_OPTIONAL
    return Proto(name=name, number=number, type=type, label=label, type_name=type_name or None)


def _type_name(type: FieldType, own: str) -> str:
    if type.type != Proto.TYPE_MESSAGE:
        return ""
    return f".{type.message.full_name}" if type.message is not None else own


def _has_file(name: str) -> bool:
    try:
        descriptor_pool.Default().FindFileByName(name)
    except KeyError:
        return False
    return True
