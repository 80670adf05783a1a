"""What a function returned, as the outcome of a call: text for the model, and for the person what says more.

Rule: TL3.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from webchat_nb.chat.tools.ports import TABLE, ToolContent, ToolOutcome
from webchat_nb.chat.tools.results.images import Image, shown_of
from webchat_nb.chat.tools.results.plain_values import clean, json_of
from webchat_nb.chat.tools.results.tables import table_of, write_table

_QUICK: Final = (str, type(None), bool, int, float, dict, list, tuple, set, frozenset, msgspec.Struct)


def is_quick(value: Any) -> bool:
    """Whether ``outcome_of`` takes next to no time for it: no frame is read and nothing is drawn."""
    return isinstance(value, _QUICK)


def outcome_of(value: Any) -> ToolOutcome:
    """The outcome that a value stands for.

    Text stays text. A data frame is a table for the person and CSV for the model; an image is shown to the person, and
    the model is told that it was. Everything else is JSON text. A ``ToolOutcome`` stays as it is.

    Raises:
        Exception: Whatever the value raises when it is asked to show itself.
    """
    if isinstance(value, ToolOutcome):
        return value
    if isinstance(value, str):
        return ToolOutcome(result=clean(value))
    if isinstance(value, _QUICK):
        return ToolOutcome(result=json_of(value))
    if (table := table_of(value)) is not None:
        return ToolOutcome(result=table.csv(), shown=ToolContent(TABLE, table.json()))
    shown = shown_of(value)
    if isinstance(shown, Image):
        return ToolOutcome(result=clean(shown.sentence()), shown=ToolContent(shown.media_type, shown.data))
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value))
    return ToolOutcome(result=json_of(value) if shown is None else clean(shown))


def cut(outcome: ToolOutcome, max_chars: int) -> ToolOutcome:
    """The outcome with a text and a table of at most so many characters each; what is cut says so.

    A table is cut between its rows, also in what the model is told. Images are left as they are.
    """
    is_table = outcome.shown is not None and outcome.shown.media_type == TABLE
    if len(outcome.result) > max_chars:
        text = _cut_text(outcome.result, max_chars, between_lines=is_table)
        outcome = msgspec.structs.replace(outcome, result=text)
    if outcome.shown is None or not is_table or len(outcome.shown.data) <= max_chars:
        return outcome
    return msgspec.structs.replace(outcome, shown=_cut_table(outcome.shown.data, max_chars))


def _of_bytes(data: bytes) -> ToolOutcome:
    try:
        return ToolOutcome(result=data.decode())
    except UnicodeDecodeError:
        return ToolOutcome(result=f"{len(data):,} bytes, which are neither text nor an image that can be shown.")


def _cut_text(text: str, max_chars: int, *, between_lines: bool) -> str:
    """The beginning of a text and a line about the rest, together no longer than the limit where that has room."""
    notice = f"\n[cut: the first {max_chars:,} of {len(text):,} characters]"
    kept = text[: max(0, max_chars - len(notice))]
    if between_lines and (border := kept.rfind("\n")) > len(kept) // 2:
        kept = kept[:border]  # unless a row is so long that next to nothing would be left
    return f"{kept}\n[cut: the first {len(kept):,} of {len(text):,} characters]"


class _Columns(msgspec.Struct):
    fields: list[dict[str, Any]]


class _Table(msgspec.Struct):
    columns: _Columns = msgspec.field(name="schema")
    data: list[msgspec.Raw]
    total_rows: int | None = None


def _cut_table(text: str | bytes, max_chars: int) -> ToolContent | None:
    """As many rows as fit; None when not even the columns do, or it is no table."""
    try:
        table = msgspec.json.decode(text, type=_Table)
    except (msgspec.DecodeError, UnicodeError):
        return None
    fields = table.columns.fields
    total_rows = len(table.data) if table.total_rows is None else table.total_rows
    room = max_chars - len(write_table(fields, [], total_rows))
    if room < 0:
        return None
    kept: list[msgspec.Raw] = []
    for row in table.data:
        room -= len(bytes(row).decode()) + 1
        if room < 0:
            break
        kept.append(row)
    return ToolContent(TABLE, write_table(fields, kept, total_rows))
