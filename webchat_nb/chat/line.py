"""The line: the prompts of a conversation that wait, and who is next.

A place in the line is a rank that only says which of two runs comes first; positions are counted from it. So a run that
starts or is dropped changes nobody else's rank, and moving one passes the ranks on among the runs that it overtakes.

Rule: RN1, RN11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.stream import Entity

OPEN_RUN = "ChatOpenRun"
"""Private entity kind: the runs of a conversation that have not ended, and the prompts that a running engine may take."""


def waiting_runs(open_runs: Iterable[Entity]) -> list[ChatOpenRun]:
    """The runs that wait, the next one first; each with its rank.

    Args:
        open_runs: Entities of the kind ``OPEN_RUN``.
    """
    waiting: list[tuple[int, str, ChatOpenRun]] = []
    for entity in open_runs:
        run: Any = entity.payload
        if run.status == "queued":
            ranked = ChatOpenRun()
            ranked.CopyFrom(run)
            ranked.rank = run.rank or entity.created
            waiting.append((ranked.rank, entity.id, ranked))
    return [run for _, _, run in sorted(waiting, key=lambda place: place[:2])]


def steering_runs(open_runs: Iterable[Entity]) -> list[ChatOpenRun]:
    """The prompts that were handed to a running engine and not taken yet, oldest first."""
    steering: list[Any] = [entity.payload for entity in open_runs]
    return [run for run in steering if run.status == "steering"]


def placed_at(line: Sequence[ChatOpenRun], run: ChatOpenRun, position: int) -> list[ChatOpenRun]:
    """The line with a run at a position, whether it is in it already or not.

    Args:
        line: In order.
        run: With a rank.
        position: 1 is the next one to start; 0 and what is beyond the end mean the last.

    Returns:
        Copies with the same ranks as before, in their new order.
    """
    others = [other for other in line if other.run_id != run.run_id]
    ranks = sorted([run.rank, *(other.rank for other in others)])
    index = position - 1 if 0 < position <= len(others) else len(others)
    others.insert(index, run)
    placed: list[ChatOpenRun] = []
    for rank, other in zip(ranks, others, strict=True):
        copy = ChatOpenRun()
        copy.CopyFrom(other)
        copy.rank = rank
        placed.append(copy)
    return placed
