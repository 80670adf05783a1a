"""Records ↔ the bytes of a frame: the SEM envelope, spliced from bytes that are encoded already.

A delivery is encoded once and its bytes are shared by all who get it. A snapshot is put together from the entity rows'
own JSON; nothing is decoded to be encoded again. Everything here is pure.

Rule: FR2, FR3, FR10, FR13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from webchat_nb.contracts.encode import json_bytes, json_dict, json_name
from webchat_nb.errors import BadRequestError, ProtocolError
from webchat_nb.stream.delivery import AppendOp, Delivery, UpsertOp, WireOp
from webchat_nb.stream.fanout import Hydration
from webchat_nb.stream.model import EntityRow, Snapshot
from webchat_nb.wire.frames import (
    MAX_ORDINAL,
    Ack,
    ClientFrame,
    ControlFrame,
    Ping,
    SnapshotPart,
    Subscribe,
    Subscribed,
)

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)

_PART_OVERHEAD = 512
"""What a snapshot part weighs beside its entities, at most: two ids of 128 characters, ordinals, names."""


class _WireEntity(Struct, frozen=True):
    kind: str
    id: str
    created: str
    updated: str
    payload: Raw | UnsetType = UNSET
    removed: bool | UnsetType = UNSET


class _WireUpsert(Struct, frozen=True, tag_field="op", tag="upsert"):
    entity: _WireEntity


class _WireAppend(Struct, frozen=True, tag_field="op", tag="append"):
    kind: str
    id: str
    field: str
    at: int
    text: str
    updated: str


class _WireRemove(Struct, frozen=True, tag_field="op", tag="remove"):
    kind: str
    id: str
    updated: str


_WireOps = list[_WireUpsert | _WireAppend | _WireRemove]


class _UiEvent(Struct, frozen=True):
    type: str
    id: str
    conv_id: str
    seq: str
    prev: str
    stream_id: str
    at_ms: int
    data: dict[str, Any]
    ops: _WireOps


class _Control(Struct, frozen=True):
    type: str
    id: str
    data: Any
    conv_id: str | UnsetType = UNSET


class _Envelope(Struct, frozen=True):
    sem: bool
    event: _UiEvent | _Control


def encode_delivery(delivery: Delivery) -> bytes:
    """The frame of a delivery; encoded at the first call, the same bytes ever after.

    ``ops`` is always written, empty for a further UI event of the same ordinal (FR3).
    """
    if delivery.frame is None:
        seq = str(delivery.seq)
        delivery.frame = _encoder.encode(
            _Envelope(
                True,
                _UiEvent(
                    delivery.type,
                    delivery.id,
                    delivery.session_id,
                    seq,
                    str(delivery.prev),
                    f"{seq}-0",
                    delivery.at_ms,
                    {} if delivery.data is None else json_dict(delivery.data),
                    [_wire_op(op) for op in delivery.ops],
                ),
            )
        )
    return delivery.frame


def _wire_op(op: WireOp) -> _WireUpsert | _WireAppend | _WireRemove:
    if isinstance(op, AppendOp):
        return _WireAppend(op.kind, op.id, json_name(op.field), op.at, op.text, str(op.updated))
    if isinstance(op, UpsertOp):
        payload = op.payload if isinstance(op.payload, bytes) else json_bytes(op.payload)
        return _WireUpsert(_WireEntity(op.kind, op.id, str(op.created), str(op.updated), Raw(payload)))
    return _WireRemove(op.kind, op.id, str(op.updated))


def encode_control(frame: ControlFrame) -> bytes:
    """The frame of a control record; has no ``seq``.

    The envelope repeats the conversation, so that a reader can route every frame by ``event.conv_id``.
    """
    data = msgspec.structs.asdict(frame)
    if isinstance(frame, Ack):
        data = {**frame.answer, "id": frame.id}
    elif isinstance(frame, Subscribed):
        data["from"] = data.pop("start")
    data = {name: value for name, value in data.items() if value is not UNSET}
    conv_id = data.get("conv_id", UNSET)
    about = data.get("id") or data.get("connection_id") or data.get("conv_id") or ""
    kind = str(type(frame).__struct_config__.tag)
    return _encoder.encode(_Envelope(True, _Control(kind, about, data, conv_id)))


def encode_entity(row: EntityRow) -> Raw:
    """An entity as it is on the wire, in frames and over HTTP.

    ``{"kind","id","created","updated","payload"}``; a tombstone has ``"removed": true`` instead of a payload.
    """
    created, updated = str(row.created), str(row.updated)
    if row.removed:
        return Raw(_encoder.encode(_WireEntity(row.kind, row.id, created, updated, removed=True)))
    return Raw(_encoder.encode(_WireEntity(row.kind, row.id, created, updated, Raw(row.payload))))


def encode_snapshot(snapshot: Snapshot, *, max_frame_bytes: int) -> Iterator[bytes]:
    """The parts of a snapshot, at least one; an entity above the limit gets a part of its own (FR13)."""
    groups = list(_parts(map(encode_entity, snapshot.entities), max_frame_bytes - _PART_OVERHEAD))
    for part, entities in enumerate(groups, start=1):
        yield encode_control(
            SnapshotPart(
                conv_id=snapshot.session_id,
                epoch=snapshot.epoch,
                version=str(snapshot.ordinal),
                part=part,
                last=part == len(groups),
                has_more=snapshot.has_more,
                oldest=str(snapshot.oldest),
                entities=entities,
            )
        )


def _parts(entities: Iterable[Raw], max_bytes: int) -> Iterator[list[Raw]]:
    part: list[Raw] = []
    room = max_bytes
    for entity in entities:
        size = len(memoryview(entity)) + 1
        if part and size > room:
            yield part
            part, room = [], max_bytes
        part.append(entity)
        room -= size
    yield part


def encode_hydration(hydration: Hydration, *, max_frame_bytes: int) -> list[bytes]:
    """How a subscription begins: ``ws.subscribed``, then the snapshot parts or what was missed (FR2)."""
    frames = [
        encode_control(
            Subscribed(
                conv_id=hydration.session_id,
                epoch=hydration.epoch,
                mode=hydration.mode,
                reason=hydration.reason or UNSET,
                start=str(hydration.start),
                to=str(hydration.head),
            )
        )
    ]
    if hydration.snapshot is not None:
        frames.extend(encode_snapshot(hydration.snapshot, max_frame_bytes=max_frame_bytes))
    frames.extend(encode_delivery(delivery) for delivery in hydration.missed)
    return frames


def decode_client(text: str | bytes) -> ClientFrame:
    """Read a client's frame; a bare ``ping`` is one too.

    Raises:
        ProtocolError: Not JSON, an unknown type, or a field that is missing, unknown or wrong; the message names it.

    Rule: FR10.
    """
    if text in ("ping", b"ping"):
        return Ping()
    try:
        frame = _client_decoder.decode(text)
    except msgspec.ValidationError as error:
        raise ProtocolError(str(error)) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolError(f"the frame is not JSON: {error}") from None
    except RecursionError:
        raise ProtocolError("the frame is nested too deeply") from None
    if isinstance(frame, Subscribe) and frame.since is not None and int(frame.since.seq) > MAX_ORDINAL:
        raise ProtocolError("since.seq: expected at most 2^53-1")
    return frame


def read_ordinal(field: str, text: str) -> int:
    """An ordinal from an URL.

    Raises:
        BadRequestError: Not a whole number from 0 to 2^53 - 1; the message names the field.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_ORDINAL):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise BadRequestError(f"{field}: expected a decimal string from 0 to 2^53-1, got {shown!r}")
    return int(text)


def to_json(value: Any) -> bytes:
    """JSON of plain values and encoded parts, for HTTP answers."""
    return _encoder.encode(value)


def encode_entities(rows: Sequence[EntityRow]) -> list[Raw]:
    """Several entities, for HTTP answers."""
    return [encode_entity(row) for row in rows]
