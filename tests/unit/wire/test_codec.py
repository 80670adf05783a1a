"""What is written on a socket, byte for byte where it matters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webchat_nb.contracts.v1 import entities_pb2 as entities
from webchat_nb.contracts.v1 import ui_pb2 as ui
from webchat_nb.errors import BadRequestError, ProtocolError
from webchat_nb.stream import AppendOp, Delivery, EntityRow, Epoch, Hydration, Ordinal, RemoveOp, Snapshot, UpsertOp
from webchat_nb.stream.model import session_id
from webchat_nb.wire import codec, frames
from webchat_nb.wire.requests import Limits

C1 = session_id("c1")


def delivery(prev: int = 16, seq: int = 17, **changes: Any) -> Delivery:
    facts: dict[str, Any] = {"at_ms": 1_700_000_000_000, "type": "llm.delta", "id": "m", "data": None, "ops": []}
    return Delivery(C1, Ordinal(prev), Ordinal(seq), **{**facts, **changes})


def row(id: str, *, created: int = 1, updated: int = 1, payload: bytes = b"{}", removed: bool = False) -> EntityRow:
    return EntityRow(
        kind="ChatMessage",
        id=id,
        created=Ordinal(created),
        updated=Ordinal(updated),
        rebased=Ordinal(updated),
        payload=payload,
        removed=removed,
    )


def snapshot(*rows: EntityRow, ordinal: int = 9, has_more: bool = False) -> Snapshot:
    return Snapshot(
        session_id=C1,
        epoch=Epoch("e1"),
        ordinal=Ordinal(ordinal),
        entities=rows,
        has_more=has_more,
        oldest=rows[0].created if rows else Ordinal(0),
    )


def event_of(frame: bytes) -> dict[str, Any]:
    envelope = json.loads(frame)
    assert envelope.keys() == {"sem", "event"} and envelope["sem"] is True
    event: dict[str, Any] = envelope["event"]
    return event


def test_an_append_is_written_as_the_protocol_shows_it() -> None:
    op = AppendOp("ChatMessage", "msg-1:text:1", "content", 5, " world", Ordinal(17))
    assert event_of(codec.encode_delivery(delivery(id="msg-1:text:1", ops=[op]))) == {
        "type": "llm.delta",
        "id": "msg-1:text:1",
        "conv_id": "c1",
        "seq": "17",
        "prev": "16",
        "stream_id": "17-0",
        "at_ms": 1_700_000_000_000,
        "data": {},
        "ops": [
            {
                "op": "append",
                "kind": "ChatMessage",
                "id": "msg-1:text:1",
                "field": "content",
                "at": 5,
                "text": " world",
                "updated": "17",
            }
        ],
    }


def test_an_upsert_takes_a_message_or_the_json_of_a_row() -> None:
    message = entities.ChatMessage(message_id="m", content="hi")
    ops = [
        UpsertOp("ChatMessage", "m", Ordinal(12), Ordinal(17), message),
        UpsertOp("ChatMessage", "m", Ordinal(12), Ordinal(17), b'{"messageId":"m","content":"hi"}'),
        RemoveOp("ChatMessage", "n", Ordinal(17)),
    ]
    first, second, removed = event_of(codec.encode_delivery(delivery(ops=ops)))["ops"]
    assert first == second
    assert first == {
        "op": "upsert",
        "entity": {
            "kind": "ChatMessage",
            "id": "m",
            "created": "12",
            "updated": "17",
            "payload": {"messageId": "m", "content": "hi"},
        },
    }
    assert removed == {"op": "remove", "kind": "ChatMessage", "id": "n", "updated": "17"}


@pytest.mark.rule("FR3")
def test_a_further_ui_event_of_an_ordinal_has_prev_equal_to_seq_and_no_ops() -> None:
    event = event_of(codec.encode_delivery(delivery(17, 17, data=ui.UiRun(run_id="r", status="running"))))
    assert (event["prev"], event["seq"], event["ops"]) == ("17", "17", [])
    assert event["data"] == {"runId": "r", "status": "running"}


def test_a_delivery_is_encoded_once_for_all() -> None:
    shared = delivery()
    assert codec.encode_delivery(shared) is codec.encode_delivery(shared)


def test_fields_are_written_also_when_they_are_zero() -> None:
    assert event_of(codec.encode_delivery(delivery(0, 1)))["prev"] == "0"
    part = event_of(next(codec.encode_snapshot(snapshot(ordinal=0), max_frame_bytes=10_000)))
    assert part["data"] == {
        "conv_id": "c1",
        "epoch": "e1",
        "version": "0",
        "part": 1,
        "last": True,
        "has_more": False,
        "oldest": "0",
        "entities": [],
    }


def test_optional_fields_are_left_out() -> None:
    hello = frames.Hello(connection_id="x", server_time_ms=1, capabilities={}, limits=Limits(), heartbeat_ms=25_000)
    data = event_of(codec.encode_control(hello))["data"]
    assert data["protocol_version"] == 1 and data["limits"]["max_frame_bytes"] == 1 << 20
    assert not {"profile", "conv_id"} & data.keys()
    assert event_of(codec.encode_control(frames.Pong(server_time_ms=1)))["data"] == {"server_time_ms": 1}


def test_control_frames_have_no_seq_and_name_their_conversation_in_the_envelope_too() -> None:
    event = event_of(codec.encode_control(frames.Unsubscribed(conv_id="c1")))
    assert event == {"type": "ws.unsubscribed", "id": "c1", "conv_id": "c1", "data": {"conv_id": "c1"}}


def test_an_answer_stands_beside_the_id_of_its_command() -> None:
    frame = frames.Ack(id="k1", answer={"status": "started", "run_id": "r"})
    assert event_of(codec.encode_control(frame))["data"] == {"id": "k1", "status": "started", "run_id": "r"}


@pytest.mark.rule("FR2")
def test_a_hydration_is_one_subscribed_frame_then_its_snapshot() -> None:
    begun = Hydration(
        session_id=C1,
        epoch=Epoch("e1"),
        mode="snapshot",
        reason="first",
        start=Ordinal(0),
        head=Ordinal(9),
        snapshot=snapshot(row("a")),
    )
    first, part = map(event_of, codec.encode_hydration(begun, max_frame_bytes=10_000))
    assert first["type"] == "ws.subscribed"
    assert first["data"] == {
        "conv_id": "c1",
        "epoch": "e1",
        "mode": "snapshot",
        "reason": "first",
        "from": "0",
        "to": "9",
    }
    assert part["type"] == "timeline.snapshot"


@pytest.mark.rule("FR2")
def test_a_resumption_is_one_subscribed_frame_without_a_reason_then_what_was_missed() -> None:
    begun = Hydration(
        session_id=C1,
        epoch=Epoch("e1"),
        mode="resumed",
        reason=None,
        start=Ordinal(5),
        head=Ordinal(9),
        missed=[delivery(5, 9)],
    )
    first, missed = map(event_of, codec.encode_hydration(begun, max_frame_bytes=10_000))
    assert "reason" not in first["data"] and first["data"]["from"] == "5"
    assert (missed["prev"], missed["seq"]) == ("5", "9")


@pytest.mark.rule("FR13")
def test_a_large_snapshot_comes_in_parts_that_fit_the_frame_limit() -> None:
    rows = [row(f"m{n}", created=n + 1, payload=json.dumps({"content": "é" * 300}).encode()) for n in range(50)]
    parts = list(codec.encode_snapshot(snapshot(*rows, has_more=True), max_frame_bytes=4096))
    events = [event_of(part)["data"] for part in parts]
    assert all(len(part) <= 4096 for part in parts)
    assert [event["part"] for event in events] == list(range(1, len(events) + 1)) and len(events) > 5
    assert [event["last"] for event in events] == [False] * (len(events) - 1) + [True]
    assert {event["oldest"] for event in events} == {"1"}
    assert [entity["id"] for event in events for entity in event["entities"]] == [row.id for row in rows]


def test_an_entity_larger_than_the_limit_has_a_part_to_itself() -> None:
    rows = [row("a"), row("b", payload=b'{"content":"' + b"x" * 9000 + b'"}'), row("c")]
    events = [event_of(part)["data"] for part in codec.encode_snapshot(snapshot(*rows), max_frame_bytes=4096)]
    assert [[entity["id"] for entity in event["entities"]] for event in events] == [["a"], ["b"], ["c"]]


def test_a_payload_is_spliced_as_it_is() -> None:
    oddly_spaced = b'{ "content" : 1.50 }'
    assert oddly_spaced in next(codec.encode_snapshot(snapshot(row("a", payload=oddly_spaced)), max_frame_bytes=9999))


def test_a_tombstone_has_no_payload() -> None:
    assert json.loads(bytes(codec.encode_entity(row("a", payload=b"", removed=True)))) == {
        "kind": "ChatMessage",
        "id": "a",
        "created": "1",
        "updated": "1",
        "removed": True,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ("", "JSON"),
        ("\ud800", "JSON"),
        ("[]", "object"),
        ("{}", "`type`"),
        ('{"type":"nonsense"}', "$.type"),
        ('{"type":"subscribe"}', "`conv_id`"),
        ('{"type":"subscribe","conv_id":7}', "$.conv_id"),
        ('{"type":"subscribe","conv_id":"c","since":{"seq":"1"}}', "`epoch`"),
        ('{"type":"subscribe","conv_id":"c","since":{"epoch":"e","seq":"-1"}}', "$.since.seq"),
        ('{"type":"subscribe","conv_id":"c","since":{"epoch":"e","seq":"9999999999999999"}}', "since.seq"),
        ('{"type":"subscribe","conv_id":"c","window":0}', "$.window"),
        ('{"type":"subscribe","conv_id":"c","widnow":1}', "`widnow`"),
        ('{"type":"command","id":"1","conv_id":"c"}', "`name`"),
        ('{"type":"command","id":"","name":"x","conv_id":"c"}', "$.id"),
    ],
)
@pytest.mark.rule("FR10")
def test_what_is_wrong_with_a_frame_is_named(text: str, said: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        codec.decode_client(text)
    assert said in refused.value.message


def test_client_frames_are_read() -> None:
    asked = codec.decode_client('{"type":"subscribe","conv_id":"c","since":{"epoch":"e","seq":"17"},"window":5}')
    assert asked == frames.Subscribe(conv_id="c", since=frames.Since(epoch="e", seq="17"), window=5)
    assert codec.decode_client("ping") == frames.Ping()
    assert codec.decode_client(b'{"type":"ws.ping","nonce":"n"}') == frames.Ping(nonce="n")


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", " 1", "1.0", "9007199254740992", "٣"])
def test_a_bad_ordinal_in_an_url_is_named(text: str) -> None:
    with pytest.raises(BadRequestError, match=r"^after: "):
        codec.read_ordinal("after", text)


def test_the_largest_ordinal_is_read() -> None:
    assert codec.read_ordinal("after", "9007199254740991") == frames.MAX_ORDINAL
