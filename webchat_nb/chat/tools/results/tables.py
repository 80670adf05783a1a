"""Data frames as tables: for a person a table with its first rows, for a model the same rows as CSV.

Frames are known by what they can do (as those of pandas, polars and pyarrow), so none of these is imported here.

Rule: TL3.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from webchat_nb.chat.tools.results.plain_values import json_of, read_json

MAX_ROWS: Final = 200
"""Rows that are shown and told; how many there are in all is said."""

_MAX_EXACT: Final = 2**53 - 1
"""The largest whole number that JavaScript tells from its neighbours."""

_TYPES: Final = (
    (re.compile(r"u?int\d"), "integer"),
    (re.compile(r"float|double|decimal|halffloat"), "number"),
    (re.compile(r"bool"), "boolean"),
    (re.compile(r"str(?!uct)|utf8|large_string|categorical|enum|dictionary"), "string"),
    (re.compile(r"datetime|timestamp"), "datetime"),
    (re.compile(r"date"), "date"),
    (re.compile(r"duration|timedelta"), "duration"),
    (re.compile(r"time"), "time"),
)
"""Types of a table's schema, by how polars and pyarrow call theirs."""


class Field(msgspec.Struct, frozen=True):
    """A column; ``type`` in the words of a table schema."""

    name: str
    type: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a frame.

    Attributes:
        total_rows: How many rows the frame has.
    """

    fields: Sequence[Field]
    rows: Sequence[Mapping[str, Any]]
    total_rows: int

    def json(self) -> str:
        """For the person; fits ``TABLE``."""
        fields = [{"name": item.name, "type": item.type} for item in self.fields]
        rows = [{name: _exact(value) for name, value in row.items()} for row in self.rows]
        return write_table(fields, rows, self.total_rows)

    def csv(self) -> str:
        """For the model: how large the frame is, the columns' names, then a line for each row."""
        written = io.StringIO()
        shown = "" if len(self.rows) == self.total_rows else f"; the first {len(self.rows):,} rows follow"
        written.write(f"A table of {_count(self.total_rows, 'row')} and {_count(len(self.fields), 'column')}{shown}:\n")
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow([_cell(item.name) for item in self.fields])
        writer.writerows([_cell(row.get(item.name)) for item in self.fields] for row in self.rows)
        return written.getvalue().rstrip("\n")


def table_of(value: Any, *, max_rows: int = MAX_ROWS) -> Table | None:
    """The table that a value is; None when it is none."""
    if isinstance(value, type):
        return None
    if _has(value, "to_frame", "head") and not hasattr(value, "columns"):
        value = value.to_frame()  # a series: a table of one column
    if _has(value, "iloc", "index", "columns", "to_json"):
        return _of_pandas(value, max_rows)
    if _has(value, "to_dicts", "schema", "height", "head"):
        return _of_polars(value, max_rows)
    if _has(value, "to_pylist", "schema", "num_rows", "slice"):
        return _of_arrow(value, max_rows)
    return None


def write_table(fields: Sequence[Mapping[str, Any]], rows: Sequence[Any], total_rows: int) -> str:
    """The JSON text of a table.

    Args:
        fields: Name and type of each column.
        rows: Objects, or such as JSON text (``msgspec.Raw``).
        total_rows: How many there are in all.
    """
    return json_of({"schema": {"fields": fields}, "data": rows, "total_rows": total_rows})


def _of_pandas(frame: Any, max_rows: int) -> Table:
    total_rows = len(frame)
    head = frame.iloc[:max_rows]
    if _says_something(head.index):
        head = head.reset_index(allow_duplicates=True)
    head = head.set_axis(_distinct(head.columns), axis="columns")
    try:
        written = head.to_json(orient="table", index=False, date_format="iso", double_precision=15, default_handler=str)
    except Exception:  # noqa: BLE001 - a column of pandas may hold anything; each kind of it raises its own
        fields = [Field(name, _type_of(kind)) for name, kind in head.dtypes.items()]
        return Table(fields=fields, rows=_plain(head.to_dict("records")), total_rows=total_rows)
    told = read_json(written)
    fields = [Field(item["name"], item["type"]) for item in told["schema"]["fields"]]
    return Table(fields=fields, rows=told["data"], total_rows=total_rows)


def _of_polars(frame: Any, max_rows: int) -> Table:
    fields = [Field(str(name), _type_of(kind)) for name, kind in frame.schema.items()]
    return Table(fields=fields, rows=_plain(frame.head(max_rows).to_dicts()), total_rows=frame.height)


def _of_arrow(table: Any, max_rows: int) -> Table:
    fields = [Field(item.name, _type_of(item.type)) for item in table.schema]
    if len({item.name for item in fields}) < len(fields):
        names = _distinct([item.name for item in fields])
        table = table.rename_columns(names)
        fields = [Field(name, item.type) for name, item in zip(names, fields, strict=True)]
    return Table(fields=fields, rows=_plain(table.slice(0, max_rows).to_pylist()), total_rows=table.num_rows)


def _plain(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The rows as JSON has them, so that a person and a model are told the same."""
    return [{name: read_json(json_of(value)) for name, value in row.items()} for row in rows]


def _says_something(index: Any) -> bool:
    """Whether an index is more than the numbers of the rows."""
    return any(name is not None for name in index.names) or index.nlevels > 1 or index.dtype.kind not in "iu"


def _distinct(names: Any) -> list[str]:
    """Texts, each there once, for names that may be of any type and there several times."""
    distinct: list[str] = []
    taken: set[str] = set()
    for name in names:
        text = free = " ".join(str(part) for part in name) if isinstance(name, tuple) else str(name)
        number = 1
        while free in taken:
            number += 1
            free = f"{text}_{number}"
        taken.add(free)
        distinct.append(free)
    return distinct


def _type_of(kind: Any) -> str:
    said = str(kind).lower()
    return next((name for pattern, name in _TYPES if pattern.match(said)), "any")


def _exact(value: Any) -> Any:
    """Whole numbers that a browser would round, as text: they are ids more often than not."""
    return str(value) if type(value) is int and abs(value) > _MAX_EXACT else value


def _cell(value: Any) -> Any:
    """A cell of CSV: on one line, so that a table can be cut between its rows."""
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        value = json_of(value)
    return value.replace("\r", "\\r").replace("\n", "\\n") if isinstance(value, str) else value


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _has(value: Any, *names: str) -> bool:
    return all(hasattr(value, name) for name in names)
