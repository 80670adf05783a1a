"""The records of the stream: commands, events, entities, ops, snapshots, cursors.

All are frozen msgspec structs: as safe as frozen dataclasses and several times cheaper to make, which matters for one
record per token. Payloads are protobuf messages, by convention never changed once they are in a record.

Rule: OR1, OR3, SC1. Source: seed 001 (sessionstream).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NewType

import msgspec
from google.protobuf.message import Message

from webchat_nb.errors import InvalidIdError

SessionId = NewType("SessionId", str)
"""The routing key of everything: 1-128 characters of ``A-Z a-z 0-9 . _ : -``."""

Ordinal = NewType("Ordinal", int)
"""Position of an event in its session's log: 1, 2, 3, … without a gap. 0 is before the first."""

Epoch = NewType("Epoch", str)
"""Identity of one log; an ordinal means something only inside its epoch."""

EntityKey = tuple[str, str]
"""(kind, id)."""

_SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def session_id(text: object) -> SessionId:
    """Check a session id that came from outside.

    Raises:
        InvalidIdError: It is empty, too long or has another character; the message says which.
    """
    if not isinstance(text, str) or not _SESSION_ID.fullmatch(text):
        shown = repr(text if len(str(text)) <= 40 else str(text)[:40] + "…")
        raise InvalidIdError(f"conv_id: expected 1-128 characters of A-Z a-z 0-9 . _ : -, got {shown}")
    return SessionId(text)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may be refused.

    Attributes:
        session_id: The session it is for; it need not exist yet.
        name: Registered, imperative.
        payload: Of the message type registered for the name.
        actor: Who asks, from the host's identity; never from the client's JSON.
        key: The idempotency key; the same (session, actor, key) is carried out at most once.
        fingerprint: Hash of what was asked, to tell a repetition from another request with the same key.
    """

    session_id: SessionId
    name: str
    payload: Message
    actor: str = ""
    key: str = ""
    fingerprint: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact that has no ordinal yet."""

    session_id: SessionId
    name: str
    payload: Message


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact in the log: numbered and dated."""

    session_id: SessionId
    ordinal: Ordinal
    name: str
    payload: Message
    at_ms: int


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing on the timeline, as it is at ``updated``."""

    kind: str
    id: str
    created: Ordinal
    updated: Ordinal
    payload: Message


class Upsert(msgspec.Struct, frozen=True, gc=False):
    """Put this entity there, whole; it keeps its ``created`` when it exists."""

    kind: str
    id: str
    payload: Message


class Append(msgspec.Struct, frozen=True, gc=False):
    """Add text at the end of one string field of an existing entity.

    What is appended depends on the event alone, never on other entities: a log is recovered by applying the appends
    again (rule ST3).
    """

    kind: str
    id: str
    field: str
    text: str


class Remove(msgspec.Struct, frozen=True, gc=False):
    """Take the entity off the timeline; a tombstone stays."""

    kind: str
    id: str


Op = Upsert | Append | Remove


class UIEvent(msgspec.Struct, frozen=True, gc=False):
    """What a live screen is told: a type such as ``llm.delta``, the id it is about, and a small payload."""

    type: str
    id: str
    payload: Message


class Cursor(msgspec.Struct, frozen=True):
    """All events up to ``ordinal`` in ``epoch`` were applied."""

    epoch: Epoch
    ordinal: Ordinal


class EntityRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entity as stores keep it and snapshots splice it.

    Attributes:
        updated: The last event that is in ``payload``; later appends are in the log only, until the next checkpoint.
        rebased: The last event that replaced the payload as a whole.
        removed: A tombstone; ``payload`` is then empty.
        payload: Protobuf JSON, in bytes, ready for a frame.
    """

    kind: str
    id: str
    created: Ordinal
    updated: Ordinal
    rebased: Ordinal
    payload: bytes
    removed: bool = False


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as stores keep it.

    Attributes:
        payload: Protobuf bytes of the message registered for ``name``.
        appends: Its ops were appends only, and none of the entity rows was written for it.
    """

    ordinal: Ordinal
    name: str
    payload: bytes
    at_ms: int
    appends: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a session besides its log and entities.

    Attributes:
        head: The last ordinal in the log; 0 for a session that does not exist yet.
        settled: All appends up to here are in the entity rows; recovery reads the log from here.
        attributes: Small facts projected from the events, such as ``title``, ``owner`` and ``status``.
    """

    session_id: SessionId
    epoch: Epoch
    head: Ordinal = Ordinal(0)
    settled: Ordinal = Ordinal(0)
    attributes: Mapping[str, str] = {}
    created_at_ms: int = 0
    updated_at_ms: int = 0

    @property
    def exists(self) -> bool:
        """Whether the log has an event."""
        return self.head > 0


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was answered, kept so that its repetition gets the same answer.

    Attributes:
        answer: JSON object.
        ordinal: The head right after the command's events.
        deduplicated: This is a repetition: nothing was done now.
    """

    session_id: SessionId
    actor: str
    key: str
    fingerprint: str
    answer: dict[str, Any]
    ordinal: Ordinal
    at_ms: int
    deduplicated: bool = False


SnapshotReason = Literal["first", "epoch_changed", "pruned", "gap_too_large", "ahead_of_head", "client_asked"]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entities of a timeline at one ordinal, oldest first.

    Attributes:
        has_more: There are older entities than the window shows.
        oldest: ``created`` of the oldest entity here; 0 when there is none.
    """

    session_id: SessionId
    epoch: Epoch
    ordinal: Ordinal
    entities: Sequence[EntityRow]
    has_more: bool
    oldest: Ordinal
    attributes: Mapping[str, str] = {}
