"""From the annotation of a declared payload's field to the protobuf type that holds it.

Rule: SC1.
"""

from __future__ import annotations

import types
from enum import Enum
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

import msgspec
from google.protobuf import descriptor_pool, struct_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto
from google.protobuf.message import Message

_SCALARS: Final[dict[object, Proto.Type.ValueType]] = {
    str: Proto.TYPE_STRING,
    int: Proto.TYPE_INT64,
    float: Proto.TYPE_DOUBLE,
    bool: Proto.TYPE_BOOL,
    bytes: Proto.TYPE_BYTES,
}
_MAP_KEYS = (str, int, bool)


class FieldType(msgspec.Struct, frozen=True, kw_only=True):
    """What protobuf is told of a field.

    Attributes:
        type: Of the field, of a list's items, or of a map's values.
        message: For ``TYPE_MESSAGE``: which one; None is the class that is being declared.
        key: For a map: the type of its keys.
        is_list: Many values in order; a map is none.
        has_presence: Absent differs from the zero value.
    """

    type: Proto.Type.ValueType
    message: Descriptor | None = None
    key: Proto.Type.ValueType | None = None
    is_list: bool = False
    has_presence: bool = False


class UnsupportedTypeError(Exception):
    """Protobuf has no place for the annotation; the message says what would have one."""


def read_annotation(annotation: object, declaration: type) -> FieldType:
    """The protobuf type for an annotation.

    Args:
        annotation: Evaluated, but a class may name itself by a string.
        declaration: The class that the field belongs to.

    Raises:
        UnsupportedTypeError: There is none.
    """
    annotation, may_be_none = _without_none(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list and arguments != (Any,):
        found = _with_items(_read_one(arguments[0], declaration))
    elif origin is dict and arguments[1] is not Any:
        found = _read_map(arguments[0], arguments[1], declaration)
    else:
        found = _read_one(annotation, declaration)
    if not may_be_none:
        return found
    if found.is_list or found.key is not None:
        raise UnsupportedTypeError("a list or dict that may be None: protobuf cannot tell it from an empty one")
    return msgspec.structs.replace(found, has_presence=True)


def _with_items(item: FieldType) -> FieldType:
    return msgspec.structs.replace(item, is_list=True)


def _read_map(key: object, value: object, declaration: type) -> FieldType:
    if key not in _MAP_KEYS:
        raise UnsupportedTypeError(f"keys of type {_shown(key)}: expected str, int or bool")
    return msgspec.structs.replace(_read_one(value, declaration), key=_SCALARS[key])


def _read_one(annotation: object, declaration: type) -> FieldType:
    """What may stand alone, in a list and in a map."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    while isinstance(annotation, NewType):
        annotation = annotation.__supertype__
    if annotation in _SCALARS:
        return FieldType(type=_SCALARS[annotation])
    if _is_words(annotation):
        return FieldType(type=Proto.TYPE_STRING)
    if annotation is declaration or annotation == declaration.__name__:
        return FieldType(type=Proto.TYPE_MESSAGE)
    return FieldType(type=Proto.TYPE_MESSAGE, message=_message(annotation))


def _is_words(annotation: object) -> bool:
    if get_origin(annotation) is Literal:
        return all(type(choice) is str for choice in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, Enum) and issubclass(annotation, str)


def _message(annotation: object) -> Descriptor:
    if annotation is Any:
        return struct_pb2.Value.DESCRIPTOR
    if annotation == list[Any]:
        return struct_pb2.ListValue.DESCRIPTOR
    if annotation == dict[str, Any]:
        return struct_pb2.Struct.DESCRIPTOR
    if not (isinstance(annotation, type) and issubclass(annotation, Message) and annotation is not Message):
        raise UnsupportedTypeError(
            f"{_shown(annotation)}: expected str, int, float, bool, bytes, a Literal or StrEnum of words, a payload or "
            "message class, Any, a list[…] or dict[…, …] of one of these (not of each other), or one of these | None"
        )
    if annotation.DESCRIPTOR.file.pool is not descriptor_pool.Default():
        raise UnsupportedTypeError(
            f"{annotation.DESCRIPTOR.full_name}: its descriptor pool is not the one that generated and declared "
            "messages share"
        )
    return annotation.DESCRIPTOR


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    others = [choice for choice in get_args(annotation) if choice is not type(None)]
    if len(others) != 1:
        raise UnsupportedTypeError(f"{_shown(annotation)}: a field has one type; declare a field for each")
    return others[0], True


def _shown(annotation: object) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation)
