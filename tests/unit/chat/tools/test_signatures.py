"""TL3: type hints and docstrings say what a model is told, and what its arguments are checked against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

from tests.unit.chat.tools.signed import Box, Options, Order, Person, Place, Tree, Unit, properties, refused
from webchat_nb.chat.tools.functions.signatures import Signature

pytestmark = pytest.mark.rule("TL3")


def test_a_schema_is_an_object_with_what_is_required() -> None:
    def weather(city: str, days: int = 3, unit: Literal["C", "F"] = "C") -> str:
        """Tell the weather.

        It is never wrong.

        Args:
            city: The city's name,
                in English.
            days: How many days.

        Returns:
            Words.
        """
        return ""

    signature = Signature(weather)

    assert signature.description == "Tell the weather.\n\nIt is never wrong."
    assert signature.input_schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The city's name,\nin English."},
            "days": {"type": "integer", "description": "How many days.", "default": 3},
            "unit": {"enum": ["C", "F"], "default": "C"},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_a_function_without_arguments_has_an_empty_object() -> None:
    def now() -> str:
        return ""

    signature = Signature(now)

    assert signature.input_schema == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert signature.description == ""
    assert signature.read("") == signature.read("  ") == signature.read("{}") == {}


def numpy_style(city: str, days: int) -> None:
    """Tell the weather.

    Parameters
    ----------
    city : str
        Its name.
    days : int
        How many.

    Returns
    -------
    str
    """


def rest_style(city: str, days: int) -> None:
    """Tell the weather.

    :param city: Its name.
    :param int days: How many.
    :returns: words
    """


def google_style(city: str, days: int) -> None:
    """Tell the weather.

    Args:
        city (str): Its name.
        days: How many.
    """


@pytest.mark.parametrize("function", [google_style, numpy_style, rest_style])
def test_each_style_of_docstrings_describes_the_arguments(function: Callable[..., Any]) -> None:
    assert Signature(function).description == "Tell the weather."
    assert properties(function) == {
        "city": {"type": "string", "description": "Its name."},
        "days": {"type": "integer", "description": "How many."},
    }


def test_a_docstring_without_sections_is_the_description() -> None:
    def look(where: str) -> None:
        """Look: there, or elsewhere."""

    assert Signature(look).description == "Look: there, or elsewhere."


def test_an_annotation_goes_before_the_docstring() -> None:
    def weather(
        city: Annotated[str, msgspec.Meta(description="Of the city.", min_length=1, max_length=20)],
        days: Annotated[int, "How far ahead."] = 1,
        note: Annotated[str | None, "For the record."] = None,
        age: Annotated[int, pydantic.Field(description="In years.")] = 0,
    ) -> None:
        """Tell.

        Args:
            city: Not this.
            days: Nor this.
        """

    assert properties(weather) == {
        "city": {"type": "string", "description": "Of the city.", "minLength": 1, "maxLength": 20},
        "days": {"type": "integer", "description": "How far ahead.", "default": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "For the record.", "default": None},
        "age": {"type": "integer", "description": "In years.", "default": 0},
    }
    assert refused(weather, '{"city": ""}') == "`city`: expected str of length >= 1, got ''"


def test_records_are_written_out_where_they_are_used() -> None:
    def go(box: Box, via: list[Place], unit: Unit, options: Options, by_name: dict[str, Place]) -> None:
        pass

    place = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "FR"}},
        "required": ["city"],
    }
    assert Signature(go).input_schema == {
        "type": "object",
        "properties": {
            "box": {
                "type": "object",
                "description": "A box on the map.",
                "properties": {"corner": place, "title": {"type": "string"}},
                "required": ["corner", "title"],
            },
            "via": {"type": "array", "items": place},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "options": {
                "type": "object",
                "properties": {"verbose": {"type": "boolean"}, "level": {"type": "integer"}},
                "required": ["verbose"],
            },
            "by_name": {"type": "object", "additionalProperties": place},
        },
        "required": ["box", "via", "unit", "options", "by_name"],
        "additionalProperties": False,
    }
    read = Signature(go).read(
        '{"box": {"corner": {"city": "Paris"}, "title": "x"}, "via": [{"city": "Rome"}], "unit": "celsius",'
        ' "options": {"verbose": true}, "by_name": {"a": {"city": "Oslo", "country": "NO"}}}'
    )
    assert read == {
        "box": Box(Place("Paris"), "x"),
        "via": [Place("Rome")],
        "unit": Unit.C,
        "options": {"verbose": True},
        "by_name": {"a": Place("Oslo", "NO")},
    }


def test_a_record_that_contains_itself_is_the_only_reference() -> None:
    def plant(tree: Tree, place: Place) -> None:
        pass

    schema = Signature(plant).input_schema

    tree = {"$ref": "#/$defs/Tree"}
    assert schema["properties"]["tree"] == tree
    assert schema["$defs"] == {
        "Tree": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "leaves": {"type": "array", "items": tree, "default": []},
            },
            "required": ["name"],
        }
    }
    assert Signature(plant).read('{"tree": {"name": "a", "leaves": [{"name": "b"}]}, "place": {"city": "P"}}') == {
        "tree": Tree("a", [Tree("b")]),
        "place": Place("P"),
    }


def test_models_of_pydantic_check_for_themselves() -> None:
    def invite(person: Person, order: Order, other: Order | None = None) -> None:
        pass

    order = {
        "type": "object",
        "description": "An order.",
        "properties": {
            "sent": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "FR"}},
                "required": ["city"],
            },
            "count": {"type": "integer", "default": 1},
        },
        "required": ["sent"],
    }
    schema = Signature(invite).input_schema
    assert schema["properties"] == {
        "person": {"$ref": "#/$defs/Person"},
        "order": order,
        "other": {"anyOf": [order, {"type": "null"}], "default": None},
    }
    assert schema["$defs"]["Person"]["properties"]["friends"]["items"] == {"$ref": "#/$defs/Person"}
    assert schema["$defs"]["Person"]["properties"]["age"] == {
        "type": "integer",
        "minimum": 0,
        "description": "In years.",
    }

    ada = '{"person": {"name": "Ada", "age": %s}, "order": {"sent": {"city": "Paris"}}}'
    assert Signature(invite).read(ada % 36) == {
        "person": Person(name="Ada", age=36),
        "order": Order(sent=Place("Paris")),
    }
    assert refused(invite, ada % -1) == (
        "`person`: age: Input should be greater than or equal to 0, got {'name': 'Ada', 'age': -1}"
    )


def test_two_models_with_one_name_stay_two() -> None:
    def make_tree() -> type:
        class Tree(pydantic.BaseModel):
            height: int
            branches: list[Tree] = []

        return Tree

    def compare(first: Tree, second: Any) -> None:
        pass

    compare.__annotations__["second"] = make_tree()
    schema = Signature(compare).input_schema

    assert schema["properties"] == {"first": {"$ref": "#/$defs/Tree"}, "second": {"$ref": "#/$defs/Tree_2"}}
    assert schema["$defs"]["Tree_2"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree_2"}
    assert schema["$defs"]["Tree"]["properties"]["leaves"]["items"] == {"$ref": "#/$defs/Tree"}


def test_an_argument_called_like_a_keyword_of_schemas_is_kept() -> None:
    def write(title: str, properties: dict[str, int], default: int, enum: str) -> None:
        pass

    assert properties(write) == {
        "title": {"type": "string"},
        "properties": {"type": "object", "additionalProperties": {"type": "integer"}},
        "default": {"type": "integer"},
        "enum": {"type": "string"},
    }


def test_what_has_no_hint_takes_any_json() -> None:
    def echo(thing, other: object = None):  # type: ignore[no-untyped-def]
        pass

    assert properties(echo) == {"thing": {}, "other": {"default": None}}
    assert Signature(echo).read('{"thing": {"a": [1, null]}, "other": [2]}') == {
        "thing": {"a": [1, None]},
        "other": [2],
    }
