"""What a message type holds, in words: for whoever reads ``GET v1/schemas``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_SCALARS = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


class SchemaField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of a message type.

    Attributes:
        name: As in protobuf JSON, which is what frames and pages carry.
        type: A scalar's name in ``.proto`` files, the full name of a message or enum, or ``map<key, value>``.
        repeated: A list of that type; a map is none.
    """

    name: str
    type: str
    repeated: bool = False


def fields_of(message: type[Message]) -> Sequence[SchemaField]:
    """The fields of a generated or declared message type, by number."""
    descriptor = cast(Descriptor, message.DESCRIPTOR)
    return [
        SchemaField(name=field.json_name, type=_type(field), repeated=field.is_repeated and _map_entry(field) is None)
        for field in sorted(descriptor.fields, key=lambda field: field.number)
    ]


def _type(field: FieldDescriptor) -> str:
    entry = _map_entry(field)
    if entry is not None:
        return f"map<{_type(entry.fields_by_name['key'])}, {_type(entry.fields_by_name['value'])}>"
    if field.message_type is not None:
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    return _SCALARS[field.type]


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None
