from __future__ import annotations

from typing import Any

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from webchat_nb.contracts.encode import json_bytes
from webchat_nb.contracts.v1 import commands_pb2, entities_pb2, events_pb2, ui_pb2

OURS = [
    message_factory.GetMessageClass(descriptor)
    for module in (commands_pb2, entities_pb2, events_pb2, ui_pb2)
    for descriptor in module.DESCRIPTOR.message_types_by_name.values()
]

_TYPES = ["DOUBLE", "FLOAT", "INT64", "UINT64", "INT32", "BOOL", "STRING", "BYTES", "UINT32", "ENUM", "MESSAGE"]


def _odd_types() -> tuple[type[Message], type[Message]]:
    """One message type without floats and one with, of every kind of field."""
    file = descriptor_pb2.FileDescriptorProto(name="odd.proto", package="odd", syntax="proto3")
    colour = file.enum_type.add(name="Colour")
    colour.value.add(name="NONE", number=0)
    colour.value.add(name="RED", number=1)
    for name, types in {"Plain": [t for t in _TYPES if t not in ("DOUBLE", "FLOAT")], "Floats": _TYPES}.items():
        message = file.message_type.add(name=name)
        number = 0
        for label in ("OPTIONAL", "REPEATED"):
            for type_name in types:
                number += 1
                field = message.field.add(
                    name=f"a_{label.lower()}_{type_name.lower()}",
                    number=number,
                    type=f"TYPE_{type_name}",
                    label=f"LABEL_{label}",
                )
                if type_name in ("ENUM", "MESSAGE"):
                    field.type_name = ".odd.Colour" if type_name == "ENUM" else f".odd.{name}"
        entry = message.nested_type.add(name="NamesEntry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
        entry.field.add(name="value", number=2, type="TYPE_UINT64", label="LABEL_OPTIONAL")
        message.field.add(
            name="names", number=100, type="TYPE_MESSAGE", label="LABEL_REPEATED", type_name=f".odd.{name}.NamesEntry"
        )
        message.oneof_decl.add(name="_maybe")
        message.field.add(
            name="maybe", number=101, type="TYPE_STRING", label="LABEL_OPTIONAL", oneof_index=0, proto3_optional=True
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    plain, floats = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"odd.{n}")) for n in ("Plain", "Floats")
    )
    return plain, floats


ODD = _odd_types()


def _values(field: Any, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(message_factory.GetMessageClass(field.message_type), depth - 1) if depth else st.nothing()
    numbers = {
        field.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        field.TYPE_UINT64: st.integers(0, 2**64 - 1),
        field.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        field.TYPE_UINT32: st.integers(0, 2**32 - 1),
        field.TYPE_ENUM: st.sampled_from([0, 1, 7]),
        field.TYPE_BOOL: st.booleans(),
        field.TYPE_BYTES: st.binary(max_size=9),
        field.TYPE_DOUBLE: st.floats(),
        field.TYPE_FLOAT: st.floats(width=32),
    }
    return numbers.get(field.type, st.text(st.characters(exclude_categories=["Cs"]), max_size=9))


@st.composite
def messages(draw: st.DrawFn, type: type[Message], depth: int = 2) -> Message:
    """A message with some of its fields set."""
    message = type()
    for field in type.DESCRIPTOR.fields:
        if field.message_type is not None and (not depth or field.message_type.GetOptions().map_entry):
            continue
        if draw(st.booleans()):
            target = getattr(message, field.name)
            if field.is_repeated:
                target.extend(draw(st.lists(_values(field, depth), max_size=3)))
            elif field.message_type is not None:
                target.CopyFrom(draw(_values(field, depth)))
            else:
                setattr(message, field.name, draw(_values(field, depth)))
    if "names" in type.DESCRIPTOR.fields_by_name and draw(st.booleans()):
        message.names[draw(st.integers(-5, 5))] = draw(st.integers(0, 9))  # type: ignore[attr-defined]
    return message


@given(st.sampled_from([*OURS, *ODD]).flatmap(messages))
def test_the_quick_encoder_says_the_same_as_protobuf_itself(message: Message) -> None:
    expected = json_format.MessageToDict(message)
    if any(value in str(expected) for value in ("NaN", "Infinity")):
        assert str(msgspec.json.decode(json_bytes(message))) == str(expected)
    else:
        assert msgspec.json.decode(json_bytes(message)) == expected
