"""TL3: what a function returned, as text for the model and as what a person sees."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pandas
import pydantic
import pytest

from webchat_nb.chat.tools import TABLE, ToolContent, ToolOutcome
from webchat_nb.chat.tools.results.outcomes import cut, is_quick, outcome_of

pytestmark = pytest.mark.rule("TL3")


@dataclasses.dataclass
class Place:
    city: str
    since: datetime.date


class Point(msgspec.Struct):
    x: int


class Person(pydantic.BaseModel):
    name: str
    born: datetime.date


class Colour(enum.Enum):
    RED = "red"


class Plain:
    def __str__(self) -> str:
        return "a plain thing"


CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE
DAY = datetime.date(2026, 11, 21)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        ("half \ud800", "half ?"),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (2**70, "1180591620717411303424"),
        (1.5, "1.5"),
        (float("nan"), "null"),
        ({"a": [1, None], "b": {2: "x"}}, '{"a":[1,null],"b":{"2":"x"}}'),
        ((1, "x"), '[1,"x"]'),
        ({1}, "[1]"),
        (Point(1), '{"x":1}'),
        (Place("Paris", DAY), '{"city":"Paris","since":"2026-11-21"}'),
        (Person(name="Ada", born=DAY), '{"name":"Ada","born":"2026-11-21"}'),
        ([Person(name="Ada", born=DAY)], '[{"name":"Ada","born":"2026-11-21"}]'),
        (DAY, '"2026-11-21"'),
        (Colour.RED, '"red"'),
        (Path("a/b"), '"a/b"'),
        (ValueError("words"), '"words"'),
        (Plain(), '"a plain thing"'),
        ({"thing": Plain()}, '{"thing":"a plain thing"}'),
        ({"a": 1}.keys(), '["a"]'),
        (range(3), "[0,1,2]"),
        (collections.deque([1, 2]), "[1,2]"),
        (collections.Counter("aab"), '{"a":2,"b":1}'),
        (iter("ab"), '["a","b"]'),
        ({(1, 2): 3}, '"{(1, 2): 3}"'),
        (CIRCLE, "\"{'self': {...}}\""),
        ({"a": "half \ud800"}, "\"{'a': 'half \\\\ud800'}\""),
        (numpy.arange(3), "[0,1,2]"),
        (numpy.float64(1.5), "1.5"),
        ({"a": numpy.int64(3)}, '{"a":3}'),
        (b"plain text", "plain text"),
        (b"\xff\x00", "2 bytes, which are neither text nor an image that can be shown."),
    ],
)
def test_a_value_is_text_or_json(value: Any, result: str) -> None:
    assert outcome_of(value) == ToolOutcome(result=result)


def test_a_large_array_is_told_in_short() -> None:
    assert len(outcome_of(numpy.zeros(1_000_000)).result) < 100


def test_an_outcome_stays_as_it_is() -> None:
    outcome = ToolOutcome(result="x", is_error=True, shown=ToolContent("image/png", b""))
    assert outcome_of(outcome) is outcome
    assert is_quick(outcome)


def test_what_has_to_be_read_or_drawn_takes_time() -> None:
    assert [is_quick(value) for value in ("x", None, 1, {"a": 1}, [1])] == [True] * 5
    assert not is_quick(pandas.DataFrame({"a": [1]}))
    assert not is_quick(Plain())


def test_a_table_is_shown_and_told() -> None:
    outcome = outcome_of(pandas.DataFrame({"city": ["Paris", "Rome"], "days": [1, 2]}))

    assert outcome.result == "A table of 2 rows and 2 columns:\ncity,days\nParis,1\nRome,2"
    assert outcome.shown is not None
    assert outcome.shown.media_type == TABLE
    assert msgspec.json.decode(outcome.shown.data) == {
        "schema": {"fields": [{"name": "city", "type": "string"}, {"name": "days", "type": "integer"}]},
        "data": [{"city": "Paris", "days": 1}, {"city": "Rome", "days": 2}],
        "total_rows": 2,
    }


def test_html_and_svg_are_not_shown() -> None:
    class Chart:
        def _repr_html_(self) -> str:
            return "<script>alert(1)</script>"

        def _repr_svg_(self) -> str:
            return "<svg/>"

        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            return {"text/html": "<b>", "image/svg+xml": "<svg/>", "text/plain": "a chart of 3 points"}

    class Other(Chart):
        _repr_mimebundle_ = None  # type: ignore[assignment]

        def __str__(self) -> str:
            return "other"

    assert outcome_of(Chart()) == ToolOutcome(result="a chart of 3 points")
    assert outcome_of(Other()) == ToolOutcome(result='"other"')


def test_a_short_outcome_is_not_cut() -> None:
    outcome = ToolOutcome(result="x" * 100)
    assert cut(outcome, 100) is outcome


def test_a_long_text_is_cut_and_says_so() -> None:
    outcome = cut(ToolOutcome(result="x" * 2000, is_error=True), 1000)

    text, _, notice = outcome.result.rpartition("\n")
    assert notice == f"[cut: the first {len(text)} of 2,000 characters]"
    assert set(text) == {"x"}
    assert 950 < len(text) < len(outcome.result) <= 1000
    assert outcome.is_error


def test_a_limit_without_room_for_words_still_says_what_is_cut() -> None:
    assert cut(ToolOutcome(result="x" * 2000), 10).result == "\n[cut: the first 0 of 2,000 characters]"


def test_a_table_is_cut_between_its_rows() -> None:
    outcome = cut(outcome_of(pandas.DataFrame({"n": range(1000), "name": "a name, quoted"})), 1000)

    lines = outcome.result.split("\n")
    assert lines[:3] == [
        "A table of 1,000 rows and 2 columns; the first 200 rows follow:",
        "n,name",
        '0,"a name, quoted"',
    ]
    assert all(line.endswith(',"a name, quoted"') for line in lines[2:-1])
    assert lines[-1].startswith("[cut: the first ")
    assert len(outcome.result) <= 1000

    assert outcome.shown is not None
    assert len(outcome.shown.data) <= 1000
    table = msgspec.json.decode(outcome.shown.data)
    assert table["schema"]["fields"][0] == {"name": "n", "type": "integer"}
    assert [row["n"] for row in table["data"]] == list(range(len(table["data"])))
    assert 20 < len(table["data"]) < 200
    assert table["total_rows"] == 1000
    room = len(msgspec.json.encode(table["data"][-1])) + 1
    assert len(outcome.shown.data) + room > 1000  # as many as fit


def test_rows_that_are_longer_than_the_limit_are_cut_in_their_middle() -> None:
    outcome = cut(outcome_of(pandas.DataFrame({"text": ["long " * 1000]})), 1000)

    assert outcome.result.startswith("A table of 1 row and 1 column:\ntext\nlong long")
    assert 900 < len(outcome.result) <= 1000
    assert outcome.shown is not None
    table = msgspec.json.decode(outcome.shown.data)
    assert (table["data"], table["total_rows"]) == ([], 1)


def test_a_table_without_room_for_its_columns_is_not_shown() -> None:
    outcome = cut(outcome_of(pandas.DataFrame({f"column {number}": [1] for number in range(100)})), 1000)
    assert outcome.shown is None
    assert outcome.result.startswith("A table of 1 row and 100 columns:")


@pytest.mark.parametrize(
    "data", ["not json " * 200, '{"data": [' + "1," * 1000 + "1]}", b"\xff" * 2000, '"' + "\ud800" * 2000 + '"']
)
def test_what_is_too_large_and_no_table_is_not_shown(data: Any) -> None:
    outcome = cut(ToolOutcome(result="x", shown=ToolContent(TABLE, data)), 1000)
    assert outcome == ToolOutcome(result="x")


def test_a_table_of_a_tool_of_its_own_is_cut_too() -> None:
    rows = [{"a": "ä" * 50}] * 100
    data = msgspec.json.encode({"schema": {"fields": [{"name": "a", "type": "string"}]}, "data": rows}).decode()
    outcome = cut(ToolOutcome(result="x", shown=ToolContent(TABLE, data)), 1000)

    assert outcome.shown is not None
    assert len(outcome.shown.data) <= 1000
    table = msgspec.json.decode(outcome.shown.data)
    assert (len(table["data"]), table["total_rows"]) == (15, 100)


def test_an_image_is_not_cut() -> None:
    outcome = ToolOutcome(result="x", shown=ToolContent("image/png", b"x" * 2000))
    assert cut(outcome, 1000) is outcome
