"""``python -m tests.bench``: measure, print a table, write ``bench.json``.

The exit code says only whether the benchmarks could run, never whether they were fast.
"""

from __future__ import annotations

import multiprocessing
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
from rich.console import Console

from tests.bench import (
    answers,
    bundle,
    delays,
    encoding,
    engines,
    memory,
    notebook,
    pace,
    reconnect,
    service,
    throughput,
    tools,
)
from tests.bench.measurement import Measurement, Room, to_table, write_json

ROOMS: dict[str, tuple[Room, tuple[str, ...]]] = {
    "answers": (answers.run, ("G3", "G4", "G5", "commits")),
    "pace": (pace.run, ("G2",)),
    "throughput": (throughput.run, ("G1",)),
    "encoding": (encoding.run, ("encode",)),
    "engines": (engines.run, ("engines",)),
    "tools": (tools.run, ("tools",)),
    "reconnect": (reconnect.run, ("G6",)),
    "notebook": (notebook.run, ("G9",)),
    "memory": (memory.run, ("G10",)),
    "service": (service.run, ("S1", "S3", "S4")),
    "delays": (delays.run, ("S2",)),
    "bundle": (bundle.run, ("G11", "bundle")),
}
"""Each room, and how the ids of its measurements begin."""

_OUTPUT = Path(__file__).resolve().parents[2] / "bench.json"


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter repetitions: a look, not numbers to rely on.")
@click.option("--only", multiple=True, help="A room, or the beginning of an id such as G2; may be repeated.")
@click.option("--list", "is_list", is_flag=True, help="Name the rooms, and measure nothing.")
def main(quick: bool, only: tuple[str, ...], is_list: bool) -> None:
    """Measure what the goals are about."""
    console = Console()
    if is_list:
        for name, (_, ids) in ROOMS.items():
            console.print(f"{name:12}{', '.join(ids)}")
        return
    unknown = [asked for asked in only if not any(_is_meant(name, (asked,)) for name in ROOMS)]
    if unknown:
        raise click.BadParameter(f"nothing is called {', '.join(unknown)}; see --list", param_hint="--only")
    measurements: list[Measurement] = []
    failed: list[str] = []
    for name in [name for name in ROOMS if not only or _is_meant(name, only)]:
        with console.status(f"measuring: {name}"):
            try:
                measurements += _measure(name, quick)
            except Exception:  # noqa: BLE001 - the other rooms are measured all the same
                console.print(f"[red]{name} crashed[/red]\n{traceback.format_exc()}", highlight=False)
                failed.append(name)
    console.print(to_table(measurements))
    write_json(_OUTPUT, measurements)
    if failed:
        raise SystemExit(1)


def _is_meant(name: str, only: tuple[str, ...]) -> bool:
    ids = ROOMS[name][1]
    return any(asked == name or any(asked.split(".")[0] == id for id in ids) for asked in only)


def _measure(name: str, quick: bool) -> list[Measurement]:
    """In a process of its own: what one room leaves in memory is nothing to the next."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.submit(ROOMS[name][0], quick).result())


if __name__ == "__main__":
    main()
