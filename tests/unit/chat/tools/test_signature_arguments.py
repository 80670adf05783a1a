"""TL3: what a model gave is read as a function's arguments, and functions that no model could call are refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import pytest

from tests.unit.chat.tools.signed import Place, Unit, properties, refused
from webchat_nb.chat.tools import ToolContext
from webchat_nb.chat.tools.functions.signatures import Signature
from webchat_nb.errors import ConfigError

if TYPE_CHECKING:
    from fractions import Fraction

    from webchat_nb.chat.tools.ports import ToolContext as Context

pytestmark = pytest.mark.rule("TL3")


def test_a_default_of_none_may_be_given_as_null() -> None:
    def find(limit: int = None) -> None:  # type: ignore[assignment]  # noqa: RUF013
        pass

    assert properties(find) == {"limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}}
    assert Signature(find).read('{"limit": null}') == {"limit": None}


def test_what_is_left_out_is_left_to_the_function() -> None:
    anything = object()

    def find(where: str, how: Any = anything, unit: Unit = Unit.C) -> None:
        pass

    assert Signature(find).read('{"where": "here"}') == {"where": "here"}
    assert properties(find) == {
        "where": {"type": "string"},
        "how": {},
        "unit": {"enum": ["celsius", "fahrenheit"], "default": "celsius"},
    }


def test_paths_dates_and_lists_of_all_kinds_are_read() -> None:
    def find(where: Path, since: datetime.date, numbers: Iterable[float], tags: Sequence[str], seen: set[int]) -> None:
        pass

    assert properties(find)["where"] == {"type": "string"}
    assert properties(find)["numbers"] == {"type": "array", "items": {"type": "number"}}
    assert Signature(find).read(
        '{"where": "a/b", "since": "2026-11-21", "numbers": [1], "tags": ["x"], "seen": [1, 1]}'
    ) == {
        "where": Path("a/b"),
        "since": datetime.date(2026, 11, 21),
        "numbers": [1.0],
        "tags": ["x"],
        "seen": {1},
    }
    assert refused(find, '{"where": 1}') == "`where`: expected str, got 1"


def test_a_context_is_no_argument_of_the_model() -> None:
    def work(context: ToolContext, city: str, spare: ToolContext | None = None) -> None:
        pass

    def hidden(context: Context, other: list[str]) -> None:
        pass

    signature = Signature(work)

    assert signature.context_names == ("context", "spare")
    assert list(signature.input_schema["properties"]) == ["city"]
    assert refused(work, '{"context": 1, "city": "x"}') == "`context`: expected one of city, got an unknown key"
    with pytest.raises(ConfigError, match="its type hint Context cannot be read"):
        Signature(hidden)
    hidden.__annotations__["context"] = "ports.ToolContext"
    assert Signature(hidden).context_names == ("context",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"city": "x", "days": "3"}', "`days`: expected int, got str"),
        ('{"city": "x", "days": null}', "`days`: expected int, got null"),
        ("{}", "the arguments do not fit: expected the key 'city', got none"),
        ('{"city": "x", "town": 1}', "`town`: expected one of city, days, place, via, unit, got an unknown key"),
        ('{"city": "x", "place": {"city": 5}}', "`place.city`: expected str, got int"),
        ('{"city": "x", "place": {}}', "`place`: expected the key 'city', got none"),
        ('{"city": "x", "unit": "K"}', "`unit`: expected 'celsius' or 'fahrenheit', got 'K'"),
        ("[1]", "the arguments do not fit: expected object, got array"),
        ('{"city": ', "the arguments are no JSON: Input data was truncated"),
        ("{} {}", "the arguments are no JSON: JSON is malformed: trailing characters (byte 4)"),
        ('{"city": "x", "via": [{"city": "y"}, {"city": 5}]}', "`via[1].city`: expected str, got int"),
        ('{"city": 1, "days": ', "the arguments are no JSON: Input data was truncated"),
    ],
)
def test_arguments_that_do_not_fit_are_told_with_their_path(text: str, message: str) -> None:
    def weather(
        city: str, days: int = 1, place: Place | None = None, via: Sequence[Place] = (), unit: Unit = Unit.C
    ) -> None:
        pass

    assert refused(weather, text) == message


def test_json_that_is_nested_too_deeply_is_told() -> None:
    def echo(thing: Any) -> None:
        pass

    assert refused(echo, '{"thing": ' + "[" * 100_000) == "the arguments are nested too deeply"


class Sketch:
    def draw(self, line: int) -> None:
        pass


def stars(*cities: str) -> None: ...
def keywords(**cities: str) -> None: ...
def positional(city: str, /) -> None: ...
def no_schema(city: str, at: complex) -> None: ...
def unreadable(size: Fraction) -> None: ...
def mixed(thing: Path | int) -> None: ...
def limited(days: Annotated[int, pydantic.Field(ge=1)]) -> None: ...
def called(back: Callable[[], int]) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (stars, "stars: *cities: expected an argument of its own for each value"),
        (keywords, "keywords: **cities: expected an argument of its own for each value"),
        (positional, "positional: city: expected an argument that can be given by its name"),
        (no_schema, "no_schema: at: expected a type that JSON can hold, got complex"),
        (unreadable, "unreadable: size: its type hint Fraction cannot be read: name 'Fraction' is not defined"),
        (mixed, "mixed: thing: Type unions containing a custom type may not contain any additional types"),
        (limited, "limited: days: expected msgspec.Meta for the limit FieldInfo("),
        (called, "called: back: expected a type that JSON can hold, got Callable"),
        (Sketch.draw, "Sketch.draw: self: expected a function, or a method of an object"),
        (dict.get, "get: self: expected"),
        (dict, "dict: it does not say what it takes: no signature found for builtin type <class 'dict'>"),
    ],
)
def test_a_function_that_no_model_could_call_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Signature(function)
    assert message in str(caught.value)
    assert str(caught.value).startswith("the tool's function ")
