"""What a victim is asked for, and what it says on its pipe before it dies: one JSON line each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How a victim lives and dies.

    Attributes:
        generation: Number of the victim; in the ids of what it makes.
        point: The point at which it kills itself; None: it is killed from outside.
        passing: At which passing of the point.
        closes: It ends its work in order after a while, to die at closing.
    """

    path: str
    synchronous: Literal["FULL", "NORMAL"]
    profiles: dict[str, Any]
    generation: int
    seed: int
    point: str | None = None
    passing: int = 1
    closes: bool = False


class Started(msgspec.Struct, frozen=True, tag=True):
    """The victim's process id."""

    pid: int


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The chat is running."""


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A prompt is about to be submitted."""

    conv_id: str
    key: str
    prompt: str
    on_busy: Literal["queue", "replace"]


class Acknowledged(msgspec.Struct, frozen=True, tag=True):
    """It was answered."""

    conv_id: str
    key: str
    run_id: str
    turn_id: str
    epoch: str
    seq: int


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The stop of a run was acknowledged."""

    conv_id: str
    run_id: str


class Judging(msgspec.Struct, frozen=True, tag=True):
    """Feedback on an answer is about to be given; the key is its comment too."""

    conv_id: str
    key: str
    message_id: str


class Judged(msgspec.Struct, frozen=True, tag=True):
    """It was accepted."""

    conv_id: str
    key: str


class Shown(msgspec.Struct, frozen=True, tag=True):
    """A subscriber's timeline at its ordinal."""

    conv_id: str
    epoch: str
    seq: int
    digest: str


class Pruned(msgspec.Struct, frozen=True, tag=True):
    """A log was pruned."""

    conv_id: str
    first: int


class Erasing(msgspec.Struct, frozen=True, tag=True):
    """A conversation is about to be erased."""

    conv_id: str


class Erased(msgspec.Struct, frozen=True, tag=True):
    """It was."""

    conv_id: str


class Died(msgspec.Struct, frozen=True, tag=True):
    """The point was passed often enough: the victim's last word."""

    point: str


class Buried(msgspec.Struct, frozen=True, tag=True):
    """The process is gone; its status is that of ``os.waitpid``."""

    status: int


Report = (
    Started
    | Opened
    | Asked
    | Acknowledged
    | Stopped
    | Judging
    | Judged
    | Shown
    | Pruned
    | Erasing
    | Erased
    | Died
    | Buried
)

read_report = msgspec.json.Decoder(Report).decode


def digest_of(timeline: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """What tells one timeline from another."""
    entities = [[kind, id, entity] for (kind, id), entity in sorted(timeline.items())]
    return hashlib.sha256(msgspec.json.encode(entities, order="deterministic")).hexdigest()[:24]
