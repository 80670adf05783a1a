"""The state machine of one connection, without a socket and without a clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from webchat_nb.stream import Cursor, Epoch, Ordinal
from webchat_nb.stream.model import session_id
from webchat_nb.transports import subscriber as sub
from webchat_nb.wire import frames
from webchat_nb.wire.requests import Limits

C1 = session_id("c1")


def made(**limits: int) -> sub.Subscriber:
    return sub.Subscriber(limits=Limits(**limits), heartbeat=sub.Heartbeat(), now_s=0.0)


def say(machine: sub.Subscriber, frame: Any, now_s: float = 0.0) -> Sequence[sub.Action]:
    return machine.receive(frame if isinstance(frame, str) else json.dumps(frame), now_s=now_s, now_ms=5)


def told(actions: Sequence[sub.Action]) -> frames.Failure:
    action = actions[0]
    assert isinstance(action, sub.Reply) and isinstance(action.frame, frames.Failure)
    return action.frame


def test_the_first_subscription_says_first_and_the_second_that_the_client_asked() -> None:
    machine = made()
    expected = sub.Subscribe(conv_id=C1, since=None, window=None, reason="first")
    assert say(machine, {"type": "subscribe", "conv_id": "c1"}) == [expected]
    (again,) = say(machine, {"type": "subscribe", "conv_id": "c1"})
    assert isinstance(again, sub.Subscribe) and again.reason == "client_asked"


def test_a_cursor_and_a_window_are_passed_on_and_the_window_cut_to_the_limit() -> None:
    frame = {"type": "subscribe", "conv_id": "c1", "since": {"epoch": "e", "seq": "7"}, "window": 999_999}
    (asked,) = say(made(max_window=50), frame)
    assert isinstance(asked, sub.Subscribe)
    assert (asked.since, asked.window) == (Cursor(Epoch("e"), Ordinal(7)), 50)


def test_pings_are_answered_with_their_nonce() -> None:
    assert say(made(), "ping") == [sub.Reply(frames.Pong(server_time_ms=5))]
    assert say(made(), {"type": "ws.ping", "nonce": "n"}) == [sub.Reply(frames.Pong(nonce="n", server_time_ms=5))]


@pytest.mark.rule("FR10")
def test_nine_faulty_frames_are_told_and_the_tenth_in_a_minute_closes() -> None:
    machine = made()
    for second in range(9):
        actions = say(machine, "{", now_s=second)
        assert len(actions) == 1 and told(actions).code == "protocol"
    tenth = say(machine, "{", now_s=9)
    assert tenth[1:] == [sub.Close(sub.PROTOCOL)] and sub.PROTOCOL.code == 4500
    assert say(machine, "ping", now_s=9) == []


@pytest.mark.rule("FR10")
def test_faults_older_than_a_minute_are_forgotten() -> None:
    machine = made()
    for minute in range(30):
        assert len(say(machine, "{", now_s=minute * 7)) == 1


def test_a_bad_conversation_id_is_told_with_its_own_code() -> None:
    assert told(say(made(), {"type": "subscribe", "conv_id": "a/b"})).code == "invalid_conv_id"


def test_a_bad_conversation_id_in_a_command_is_answered_to_the_command() -> None:
    (action,) = say(made(), {"type": "command", "id": "k", "name": "chat.submit", "conv_id": "", "data": {}})
    assert isinstance(action, sub.Reply) and isinstance(action.frame, frames.Nack)
    assert (action.frame.id, action.frame.code) == ("k", "invalid_conv_id")


def test_a_frame_above_the_limit_is_refused_before_it_is_parsed() -> None:
    failure = told(say(made(max_frame_bytes=10), "[" * 11))
    assert failure.code == "too_large" and "max_frame_bytes" in failure.message


@pytest.mark.rule("FR14")
def test_one_connection_follows_as_many_conversations_as_the_limit_says() -> None:
    machine = made(max_connection_conversations=2)
    for name in ("a", "b", "b"):
        assert isinstance(say(machine, {"type": "subscribe", "conv_id": name})[0], sub.Subscribe)
    assert told(say(machine, {"type": "subscribe", "conv_id": "c"})).code == "too_large"
    say(machine, {"type": "unsubscribe", "conv_id": "a"})
    assert isinstance(say(machine, {"type": "subscribe", "conv_id": "c"})[0], sub.Subscribe)


@pytest.mark.rule("FR9")
def test_the_server_pings_every_25_seconds_and_gives_up_after_10_seconds_of_silence() -> None:
    machine = made()
    assert machine.tick(now_s=24.9) == []
    assert machine.tick(now_s=25) == [sub.SendPing()]
    assert machine.tick(now_s=34.9) == []
    assert machine.tick(now_s=35) == [sub.Close(sub.NO_PONG)] and sub.NO_PONG.code == 4002
    assert machine.tick(now_s=60) == []


@pytest.mark.rule("FR9")
def test_a_pong_or_any_frame_counts_as_life() -> None:
    machine = made()
    machine.tick(now_s=25)
    machine.hear()
    assert machine.tick(now_s=49) == []
    assert machine.tick(now_s=50) == [sub.SendPing()]
    say(machine, "nonsense", now_s=51)
    assert machine.tick(now_s=70) == []


@pytest.mark.rule("FR1")
def test_the_query_of_the_url_is_a_subscription() -> None:
    (asked,) = made().join(conv_id="c1", epoch="e", since="3", window="10")
    cursor = Cursor(Epoch("e"), Ordinal(3))
    assert asked == sub.Subscribe(conv_id=C1, since=cursor, window=10, reason="first")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "x", "epoch": "e"}, "since"),
        ({"since": "3"}, "epoch"),
        ({"epoch": "e"}, "since"),
        ({"window": "0"}, "window"),
        ({"window": "many"}, "window"),
    ],
)
def test_a_bad_query_is_told_by_field_and_for_its_conversation(query: dict[str, str], field: str) -> None:
    arguments: dict[str, str | None] = {"epoch": None, "since": None, "window": None, **query}
    failure = told(made().join(conv_id="c1", **arguments))
    assert failure.message.startswith(f"{field}:") and failure.conv_id == "c1"
