"""The records of the wire: control frames of the server, frames of the client.

Ordinals are decimal strings, as protobuf JSON writes ``uint64``. Fields without a default are always written, also
when zero or empty; optional ones are left out when unset. A client frame with a missing, unknown or wrong field is
refused with a message that names the field.

Rule: FR1, FR2, FR9-FR13. Source: PROTOCOL §3.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from webchat_nb.stream.model import SnapshotReason
from webchat_nb.wire.requests import Limits

PROTOCOL_VERSION = 1

MAX_ORDINAL = 2**53 - 1
"""Largest ordinal that a browser can count to exactly."""

OrdinalText = Annotated[str, Meta(pattern="^[0-9]{1,16}$")]
"""An ordinal as it is written: a decimal string."""


class Hello(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.hello"):
    """The first frame of every connection (FR1).

    Attributes:
        profile: The one that a prompt without a profile would get (HT2).
        conv_id: The conversation of the URL, which the server subscribes to as if asked.
        capabilities: What this server can do; a client must not use what is not named.
        heartbeat_ms: How often the server pings.
    """

    connection_id: str
    protocol_version: int = PROTOCOL_VERSION
    server_time_ms: int
    profile: str | UnsetType = UNSET
    conv_id: str | UnsetType = UNSET
    capabilities: dict[str, Any]
    limits: Limits
    heartbeat_ms: int


class Subscribed(Struct, frozen=True, kw_only=True, rename={"start": "from"}, tag_field="type", tag="ws.subscribed"):
    """The one answer to a subscription; the snapshot parts or the missed events follow (FR2, FR4).

    Attributes:
        start: ``from`` on the wire: the ordinal resumed from; "0" for a snapshot.
        to: The head; live frames begin after it.
    """

    conv_id: str
    epoch: str
    mode: Literal["snapshot", "resumed"]
    reason: SnapshotReason | UnsetType = UNSET
    start: OrdinalText
    to: OrdinalText


class Unsubscribed(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.unsubscribed"):
    """Nothing more of this conversation comes."""

    conv_id: str


class SnapshotPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="timeline.snapshot"):
    """A part of a snapshot (FR13).

    Attributes:
        part: 1, 2, 3, …
        last: No further part follows.
        has_more: There are older entities than the window shows.
        oldest: ``created`` of the oldest entity in the whole window.
        entities: Encoded entities.
    """

    conv_id: str
    epoch: str
    version: OrdinalText
    part: int
    last: bool
    has_more: bool
    oldest: OrdinalText
    entities: list[Raw]


class Pong(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.pong"):
    """The answer to a ``ws.ping``."""

    nonce: str | UnsetType = UNSET
    server_time_ms: int


class Ack(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.ack"):
    """The command's events are committed (FR12). The answer's fields stand beside ``id`` on the wire."""

    id: str
    answer: dict[str, Any]


class Nack(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.nack"):
    """The command was refused; nothing was stored."""

    id: str
    code: str
    message: str
    retryable: bool


class Failure(Struct, frozen=True, kw_only=True, tag_field="type", tag="ws.error"):
    """Something other than a command went wrong; the connection stays."""

    code: str
    message: str
    retryable: bool
    conv_id: str | UnsetType = UNSET


ControlFrame = Hello | Subscribed | Unsubscribed | SnapshotPart | Pong | Ack | Nack | Failure
"""What the server sends beside UI events: no ``seq``."""


class Since(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client's cursor."""

    epoch: str
    seq: OrdinalText | Annotated[int, Meta(ge=0, le=MAX_ORDINAL)]


class Subscribe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="subscribe"):
    """Follow a conversation, from a cursor or with a snapshot of the newest ``window`` entities."""

    conv_id: str
    since: Since | None = None
    window: Annotated[int, Meta(ge=1)] | None = None


class Unsubscribe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="unsubscribe"):
    """Follow it no longer."""

    conv_id: str


class Ping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="ws.ping"):
    """Ask for a ``ws.pong``."""

    nonce: Annotated[str, Meta(max_length=128)] | None = None


class CommandFrame(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="command"):
    """A request that may be refused; ``id`` is its idempotency key when ``data`` has none (FR12)."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    name: str
    conv_id: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


ClientFrame = Subscribe | Unsubscribe | Ping | CommandFrame
"""What a client may send."""
