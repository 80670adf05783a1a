"""One connection's side of the protocol as a pure state machine: a client's text in, actions out.

It reads no clock and does no I/O: the caller passes the time as a number and carries the actions out in order. So every
rule about frames, errors and heartbeats is tested without a socket.

Rule: FR1, FR2, FR9-FR11, FR14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import msgspec
from msgspec import UNSET

from webchat_nb.errors import BadRequestError, TooLargeError, WebchatError
from webchat_nb.stream.model import Cursor, Epoch, Ordinal, SessionId, SnapshotReason, session_id
from webchat_nb.transports.refusal import refusal_of
from webchat_nb.wire import codec, frames
from webchat_nb.wire.requests import Limits

_ERROR_WINDOW_S = 60.0
"""``max_client_errors_per_minute`` counts over this many seconds."""


class CloseCode(msgspec.Struct, frozen=True):
    """Why a server ends a connection (FR11): 40xx ask to come back, 45xx not to."""

    code: int
    reason: str


SHUTDOWN = CloseCode(4000, "shutdown")
SLOW_CLIENT = CloseCode(4001, "slow_client")
NO_PONG = CloseCode(4002, "no_pong")
AUTH_EXPIRED = CloseCode(4004, "auth_expired")
PROTOCOL = CloseCode(4500, "protocol")
TOO_MANY_CONNECTIONS = CloseCode(4504, "too_many_connections")


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """How life is checked (FR9).

    Attributes:
        interval_s: Between two pings of the server; they are protocol pings, which every websocket client answers.
        timeout_s: Silence after a ping before the connection is closed with 4002. Any frame counts as life.
    """

    interval_s: float = 25.0
    timeout_s: float = 10.0


class Reply(msgspec.Struct, frozen=True):
    """Send this frame."""

    frame: frames.ControlFrame


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """Hydrate and follow; an earlier subscription of the same conversation ends."""

    conv_id: SessionId
    since: Cursor | None
    window: int | None
    reason: SnapshotReason


class Unsubscribe(msgspec.Struct, frozen=True):
    """Stop following, then say ``ws.unsubscribed``."""

    conv_id: SessionId


class RunCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Carry out a command and answer ``ws.ack`` or ``ws.nack``."""

    id: str
    name: str
    conv_id: SessionId
    data: dict[str, Any]


class SendPing(msgspec.Struct, frozen=True):
    """Send a ping of the transport."""


class Close(msgspec.Struct, frozen=True):
    """Send what is due, then close; nothing of the client is read any more."""

    why: CloseCode


Action = Reply | Subscribe | Unsubscribe | RunCommand | SendPing | Close


@final
class Subscriber:
    """What a connection has said so far, and what follows from what it says next.

    Args:
        limits: What is refused.
        heartbeat: When to ping and when to give up.
        now_s: The time at the start, in seconds of a steady clock.
    """

    __slots__ = (
        "_errors_s",
        "_followed",
        "_heartbeat",
        "_is_closed",
        "_limits",
        "_next_ping_s",
        "_unanswered_since_s",
    )

    def __init__(self, *, limits: Limits, heartbeat: Heartbeat, now_s: float) -> None:
        self._limits = limits
        self._heartbeat = heartbeat
        self._followed: set[SessionId] = set()
        self._errors_s: list[float] = []  # never longer than the limit; a deque weighs 700 bytes while empty
        self._next_ping_s = now_s + heartbeat.interval_s
        self._unanswered_since_s: float | None = None
        self._is_closed = False

    def join(self, *, conv_id: str, epoch: str | None, since: str | None, window: str | None) -> Sequence[Action]:
        """The query of the URL, as if its ``subscribe`` frame had come (FR1). Faults in it are not counted."""
        about: SessionId | None = None
        try:
            about = session_id(conv_id)
            cursor = _read_cursor(epoch, since)
            size = None if window is None else codec.read_ordinal("window", window)
            if size == 0:
                raise BadRequestError("window: expected 1 or more, got 0")
            return [self._follow(about, cursor, size)]
        except WebchatError as error:
            return [Reply(failure(error, about))]

    def receive(self, text: str | bytes, *, now_s: float, now_ms: int) -> Sequence[Action]:
        """What a frame of the client asks for; what is wrong with it, when something is (FR10)."""
        if self._is_closed:
            return []
        self.hear()
        try:
            if len(text) > self._limits.max_frame_bytes:
                raise TooLargeError(f"the frame is larger than max_frame_bytes ({self._limits.max_frame_bytes})")
            return [self._act(codec.decode_client(text), now_ms)]
        except WebchatError as error:
            return [Reply(failure(error)), *self._count_error(now_s)]

    def hear(self) -> None:
        """The client lives: a frame or a pong came."""
        self._unanswered_since_s = None

    def tick(self, *, now_s: float) -> Sequence[Action]:
        """What is due by now: a ping, or the end of patience (FR9)."""
        if self._is_closed:
            return []
        waiting_since_s = self._unanswered_since_s
        if waiting_since_s is not None and now_s - waiting_since_s >= self._heartbeat.timeout_s:
            self._is_closed = True
            return [Close(NO_PONG)]
        if now_s >= self._next_ping_s:
            self._next_ping_s = now_s + self._heartbeat.interval_s
            if waiting_since_s is None:
                self._unanswered_since_s = now_s
            return [SendPing()]
        return []

    def follows(self, conv_id: SessionId) -> bool:
        """Whether the client wants this conversation, as far as it has said."""
        return conv_id in self._followed

    def forget(self, conv_id: SessionId) -> None:
        """The subscription could not be made, or the right to it was lost."""
        self._followed.discard(conv_id)

    def _act(self, frame: frames.ClientFrame, now_ms: int) -> Action:
        if isinstance(frame, frames.Ping):
            return Reply(frames.Pong(nonce=UNSET if frame.nonce is None else frame.nonce, server_time_ms=now_ms))
        if isinstance(frame, frames.Subscribe):
            since = frame.since
            cursor = None if since is None else Cursor(Epoch(since.epoch), Ordinal(int(since.seq)))
            return self._follow(frame.conv_id, cursor, frame.window)
        if isinstance(frame, frames.Unsubscribe):
            conv_id = session_id(frame.conv_id)
            self._followed.discard(conv_id)
            return Unsubscribe(conv_id)
        try:
            conv_id = session_id(frame.conv_id)
        except WebchatError as error:
            return Reply(nack(frame.id, error))
        return RunCommand(id=frame.id, name=frame.name, conv_id=conv_id, data=frame.data)

    def _follow(self, text: str, since: Cursor | None, window: int | None) -> Subscribe:
        conv_id = session_id(text)
        is_again = conv_id in self._followed
        most = self._limits.max_connection_conversations
        if not is_again and len(self._followed) >= most:
            raise TooLargeError(f"conv_id: one connection follows at most {most} conversations")
        self._followed.add(conv_id)
        size = None if window is None else min(window, self._limits.max_window)
        return Subscribe(conv_id=conv_id, since=since, window=size, reason="client_asked" if is_again else "first")

    def _count_error(self, now_s: float) -> list[Action]:
        self._errors_s = [error_s for error_s in self._errors_s if error_s > now_s - _ERROR_WINDOW_S]
        self._errors_s.append(now_s)
        if len(self._errors_s) < self._limits.max_client_errors_per_minute:
            return []
        self._is_closed = True
        return [Close(PROTOCOL)]


def failure(error: BaseException, conv_id: str | None = None) -> frames.Failure:
    """An error as ``ws.error`` tells it."""
    told = refusal_of(error)
    about = UNSET if conv_id is None else conv_id
    return frames.Failure(code=told.code, message=told.message, retryable=told.retryable, conv_id=about)


def nack(command_id: str, error: BaseException) -> frames.Nack:
    """An error as ``ws.nack`` tells it."""
    told = refusal_of(error)
    return frames.Nack(id=command_id, code=told.code, message=told.message, retryable=told.retryable)


def _read_cursor(epoch: str | None, since: str | None) -> Cursor | None:
    if epoch is None and since is None:
        return None
    if epoch is None or since is None:
        missing = "epoch" if epoch is None else "since"
        raise BadRequestError(f"{missing}: missing; a cursor is epoch and since")
    return Cursor(Epoch(epoch), Ordinal(codec.read_ordinal("since", since)))
