"""TL3: schemas without references, as the vendors of models take them."""

from __future__ import annotations

import pytest

from webchat_nb.chat.tools.functions.inlining import inline

pytestmark = pytest.mark.rule("TL3")


def test_a_definition_is_written_where_it_is_used_with_what_stands_beside_the_reference() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/A", "description": "The first."}, "b": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"title": "A", "type": "object", "description": "An A.", "properties": {"title": {}}}},
    }
    written = {"type": "object", "properties": {"title": {}}}

    assert inline(schema) == {
        "properties": {"a": {**written, "description": "The first."}, "b": {**written, "description": "An A."}}
    }


def test_values_are_no_schemas() -> None:
    value = {"title": "T", "$ref": "#/$defs/Nowhere", "discriminator": 1}
    schema = {"default": value, "enum": [value], "const": value, "examples": [value], "required": ["title"]}

    assert inline(schema) == schema
    assert inline({"properties": {"a": schema}}) == {"properties": {"a": schema}}


def test_what_points_to_definitions_that_are_gone_goes_too() -> None:
    schema = {
        "anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}],
        "discriminator": {"propertyName": "type", "mapping": {"a": "#/$defs/A"}},
        "$defs": {"A": {"type": "object", "additionalProperties": False}},
    }
    assert inline(schema) == {"anyOf": [{"type": "object", "additionalProperties": False}, {"type": "null"}]}


def test_definitions_that_lead_to_each_other_stay() -> None:
    schema = {
        "properties": {"folder": {"$ref": "#/$defs/Folder"}},
        "$defs": {
            "Folder": {"properties": {"files": {"items": {"$ref": "#/$defs/File"}}, "at": {"$ref": "#/$defs/Place"}}},
            "File": {"properties": {"within": {"$ref": "#/$defs/Folder"}}},
            "Place": {"type": "string"},
        },
    }
    assert inline(schema) == {
        "properties": {"folder": {"$ref": "#/$defs/Folder"}},
        "$defs": {
            "Folder": {"properties": {"files": {"items": {"$ref": "#/$defs/File"}}, "at": {"type": "string"}}},
            "File": {"properties": {"within": {"$ref": "#/$defs/Folder"}}},
        },
    }
    assert schema["properties"] == {"folder": {"$ref": "#/$defs/Folder"}}, "what was given is left as it was"
