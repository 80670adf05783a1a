"""TL3: data frames as tables. polars and pyarrow are played by what is used of them."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import msgspec
import numpy
import pandas
import pytest

from webchat_nb.chat.tools.results.tables import Table, table_of

pytestmark = pytest.mark.rule("TL3")


def table(value: Any) -> Table:
    found = table_of(value)
    assert found is not None
    return found


def rows(value: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in table(value).rows]


def types(value: Any) -> list[str]:
    return [field.type for field in table(value).fields]


class PolarsFrame:
    """Columns by name, with the types of polars in words."""

    def __init__(self, schema: dict[str, str], data: list[dict[str, Any]]) -> None:
        self.schema = schema
        self.columns = list(schema)
        self.height = len(data)
        self._data = data

    def head(self, n: int) -> PolarsFrame:
        return PolarsFrame(self.schema, self._data[:n])

    def to_dicts(self) -> list[dict[str, Any]]:
        assert self.height <= 200, "only what is shown is read"
        return self._data


class PolarsSeries:
    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def head(self, n: int) -> PolarsSeries:
        return PolarsSeries(self._values[:n])

    def to_frame(self) -> PolarsFrame:
        return PolarsFrame({"n": "Int64"}, [{"n": value} for value in self._values])


class ArrowField:
    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.type = kind


class ArrowTable:
    """Columns in order, with the types of pyarrow in words; two may have the same name."""

    def __init__(self, schema: list[tuple[str, str]], columns: list[list[Any]]) -> None:
        self.schema = [ArrowField(name, kind) for name, kind in schema]
        self.num_rows = len(columns[0])
        self._columns = columns

    def rename_columns(self, names: list[str]) -> ArrowTable:
        schema = [(name, field.type) for name, field in zip(names, self.schema, strict=True)]
        return ArrowTable(schema, self._columns)

    def slice(self, offset: int, length: int) -> ArrowTable:
        schema = [(field.name, field.type) for field in self.schema]
        return ArrowTable(schema, [column[offset : offset + length] for column in self._columns])

    def to_pylist(self) -> list[dict[str, Any]]:
        assert self.num_rows <= 200, "only what is shown is read"
        names = [field.name for field in self.schema]
        return [dict(zip(names, row, strict=True)) for row in zip(*self._columns, strict=True)]


def test_only_the_first_rows_are_read_and_the_number_of_all_is_said() -> None:
    frame = pandas.DataFrame({"n": range(1234)})
    polars = PolarsFrame({"n": "Int64"}, [{"n": number} for number in range(1234)])
    arrow = ArrowTable([("n", "int64")], [list(range(1234))])

    for value in (frame, polars, arrow, frame["n"], PolarsSeries(list(range(1234)))):
        found = table(value)
        assert [dict(row) for row in found.rows] == [{"n": number} for number in range(200)]
        assert found.total_rows == 1234
        assert found.csv().startswith("A table of 1,234 rows and 1 column; the first 200 rows follow:\nn\n0\n1\n")


def test_columns_of_pandas_keep_their_types() -> None:
    frame = pandas.DataFrame(
        {
            "count": [1, 2],
            "share": [0.1 + 0.2, numpy.nan],
            "name": ["x", None],
            "is_open": [True, False],
            "at": pandas.to_datetime(["2026-11-21 10:00", None]),
            "gone": pandas.array([None, 5], dtype="Int64"),
        }
    )

    assert types(frame) == ["integer", "number", "string", "boolean", "datetime", "integer"]
    assert rows(frame)[0] == {
        "count": 1,
        "share": pytest.approx(0.3),
        "name": "x",
        "is_open": True,
        "at": "2026-11-21T10:00:00.000",
        "gone": None,
    }
    assert rows(frame)[1] == {"count": 2, "share": None, "name": None, "is_open": False, "at": None, "gone": 5}


@pytest.mark.parametrize(
    ("index", "shown"),
    [
        (None, ["n"]),
        ([5, 7], ["n"]),
        (pandas.Index([5, 7], name="id"), ["id", "n"]),
        (["a", "b"], ["index", "n"]),
        (pandas.to_datetime(["2026-11-21", "2026-11-22"]), ["index", "n"]),
        (pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]), ["k", "level_1", "n"]),
        (pandas.Index([5, 7], name="n"), ["n", "n_2"]),
    ],
)
def test_an_index_is_shown_when_it_is_more_than_numbers_of_rows(index: Any, shown: list[str]) -> None:
    frame = pandas.DataFrame({"n": [1, 2]}, index=index)

    assert [field.name for field in table(frame).fields] == shown
    assert [row[shown[-1]] for row in rows(frame)] == [1, 2]


def test_counted_values_have_their_names() -> None:
    counted = pandas.Series(["x", "y", "x"], name="letter").value_counts()
    assert rows(counted) == [{"letter": "x", "count": 2}, {"letter": "y", "count": 1}]


def test_names_of_columns_become_texts_that_are_there_once() -> None:
    tuples = pandas.MultiIndex.from_tuples([("a", "min"), ("a", "max")])

    assert rows(pandas.DataFrame([[1, 2, 3]], columns=["a", "a", "a_2"])) == [{"a": 1, "a_2": 2, "a_2_2": 3}]
    assert rows(pandas.DataFrame([[1, 2]], columns=[0, "0"])) == [{"0": 1, "0_2": 2}]
    assert rows(pandas.DataFrame([[1, 2]], columns=tuples)) == [{"a min": 1, "a max": 2}]
    assert rows(ArrowTable([("a", "int64"), ("a", "string")], [[1], ["x"]])) == [{"a": 1, "a_2": "x"}]


def test_what_pandas_itself_cannot_write_is_written_in_words() -> None:
    frame = pandas.DataFrame({"n": [1], "data": [b"\xff"], "share": [1.5], "on": [datetime.date(2026, 11, 21)]})
    half = pandas.DataFrame({"half": ["\ud800"]}, dtype=object)

    assert types(frame) == ["integer", "any", "number", "any"]
    assert rows(frame) == [{"n": 1, "data": "/w==", "share": 1.5, "on": "2026-11-21"}]
    assert rows(half) == [{"half": "?"}]


def test_columns_of_other_libraries_have_their_types_in_our_words() -> None:
    kinds = {
        "a": ("Int64", "integer"),
        "b": ("uint8", "integer"),
        "c": ("Float32", "number"),
        "d": ("double", "number"),
        "e": ("Decimal(10, 2)", "number"),
        "f": ("Boolean", "boolean"),
        "g": ("String", "string"),
        "h": ("large_string", "string"),
        "i": ("Categorical", "string"),
        "j": ("Date", "date"),
        "k": ("date32[day]", "date"),
        "l": ("Datetime(time_unit='us', time_zone=None)", "datetime"),
        "m": ("timestamp[us]", "datetime"),
        "n": ("Duration(time_unit='us')", "duration"),
        "o": ("Time", "time"),
        "p": ("List(Int64)", "any"),
        "q": ("struct<a: int64>", "any"),
        "r": ("Struct({'a': Int64})", "any"),
    }
    frame = PolarsFrame({name: kind for name, (kind, _) in kinds.items()}, [])
    arrow = ArrowTable([(name, kind) for name, (kind, _) in kinds.items()], [[] for _ in kinds])

    assert types(frame) == types(arrow) == [expected for _, expected in kinds.values()]


def test_values_of_other_libraries_are_as_in_json() -> None:
    values = {
        "at": datetime.datetime(2026, 11, 21, 10),
        "price": decimal.Decimal("1.50"),
        "share": float("nan"),
        "data": b"\xff",
        "list": [1, {"a": None}],
        "half": "\ud800",
    }
    expected = {
        "at": "2026-11-21T10:00:00",
        "price": "1.50",
        "share": None,
        "data": "/w==",
        "list": [1, {"a": None}],
        "half": "?",
    }
    frame = PolarsFrame(dict.fromkeys(values, "Object"), [values])
    assert rows(frame) == [expected]


def test_a_row_of_csv_is_one_line() -> None:
    frame = pandas.DataFrame({"a\nb": ["one\ntwo\r\n", 'say "x", please', None], "c": [True, [1], {"k": "v"}]})

    assert table(frame).csv() == "\n".join(
        [
            "A table of 3 rows and 2 columns:",
            "a\\nb,c",
            "one\\ntwo\\r\\n,true",
            '"say ""x"", please",[1]',
            ',"{""k"":""v""}"',
        ]
    )


def test_large_numbers_are_not_rounded_in_a_browser() -> None:
    found = table(pandas.DataFrame({"id": [2**53 - 1, -(2**53), 1234567890123456789]}))

    assert msgspec.json.decode(found.json())["data"] == [
        {"id": 9007199254740991},
        {"id": "-9007199254740992"},
        {"id": "1234567890123456789"},
    ]
    assert found.csv().splitlines()[2:] == ["9007199254740991", "-9007199254740992", "1234567890123456789"]


def test_an_empty_frame_is_a_table() -> None:
    assert table(pandas.DataFrame()).csv() == "A table of 0 rows and 0 columns:"
    assert table(pandas.DataFrame({"a": []})).csv() == "A table of 0 rows and 1 column:\na"


@pytest.mark.parametrize("value", [pandas.DataFrame, {"columns": 1}, [1], numpy.arange(3), pandas.Index([1]), object()])
def test_what_is_no_frame_is_no_table(value: Any) -> None:
    assert table_of(value) is None
