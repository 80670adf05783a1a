"""What a benchmark gives back, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec
from rich.table import Table


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``bench.json``.

    Attributes:
        id: Begins with the goal's id.
        value: Median of the repetitions.
        baseline: What it is compared with, measured in the same run; None when there is nothing.
        ratio: ``value`` over ``baseline``: the median of the repetitions' own ratios.
        target: Of the ratio where there is one, else of the value; None when the line only informs.
        is_at_most: Whether the target is an upper bound.
        ok: Whether the target is met; None without one.
        runs: What was compared with the target, one number for each repetition.
    """

    id: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: float | None = None
    is_at_most: bool = True
    ok: bool | None = None
    runs: Sequence[float] = ()


Room = Callable[[bool], Iterable[Measurement]]
"""Measures; the argument asks for a quick look instead of numbers to rely on."""

Bound = Literal["at_most", "at_least"]


def measured(
    id: str,
    unit: str,
    values: Sequence[float],
    *,
    beside: Sequence[float] | None = None,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Measurement:
    """The measurement of some repetitions.

    Args:
        id: Begins with the goal's id.
        unit: Of the values.
        values: One for each repetition.
        beside: The baseline's value in each of them; targets are then of the ratio.
        at_most: Upper bound.
        at_least: Lower bound.
    """
    runs = list(values) if beside is None else [value / base for value, base in zip(values, beside, strict=True)]
    judged = median(runs)
    target = at_most if at_most is not None else at_least
    is_met = None if target is None else (judged <= target if at_most is not None else judged >= target)
    return Measurement(
        id=id,
        value=median(values),
        unit=unit,
        baseline=None if beside is None else median(beside),
        ratio=None if beside is None else judged,
        target=target,
        is_at_most=at_least is None,
        ok=is_met,
        runs=[round(run, 4) for run in runs],
    )


def write_json(path: Path, measurements: Sequence[Measurement]) -> None:
    """Write them all, one object each."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(measurements), indent=1) + b"\n")


def to_table(measurements: Iterable[Measurement]) -> Table:
    """Them all, for people."""
    table = Table(title="webchat_nb benchmarks", caption="medians; spread: lowest and highest repetition")
    for heading in ("id", "value", "unit", "baseline", "ratio", "spread", "target", ""):
        table.add_column(heading, justify="left" if heading in ("id", "unit", "") else "right")
    for each in measurements:
        sign = "" if each.target is None else "≤ " if each.is_at_most else "≥ "
        spread = f"{_short(min(each.runs))} … {_short(max(each.runs))}" if len(each.runs) > 1 else ""
        verdict = {None: "", True: "[green]ok[/green]", False: "[red]misses[/red]"}[each.ok]
        table.add_row(
            each.id,
            _short(each.value),
            each.unit,
            _short(each.baseline),
            _short(each.ratio),
            spread,
            sign + _short(each.target),
            verdict,
        )
    return table


def _short(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.3g}"
