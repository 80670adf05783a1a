"""One connection: a client's frames against the application, whatever carries them.

A websocket, a notebook comm and the loopback of the tests all drive this. Reading, writing and working are apart:
``receive`` does not wait for the application, whoever has something new writes it at once unless a write is still
under way, and work goes on in order per conversation. So a live frame costs no turn of the event loop, and an idle
connection no task.

Rule: FR1, FR2, FR8, FR9, FR12, FR14, RN4, AC4.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import final

from webchat_nb.stream.clock import Clock, SystemClock, Timer
from webchat_nb.transports import commands, subscriber
from webchat_nb.transports.following import Following, Lag
from webchat_nb.transports.greeting import Join, greet
from webchat_nb.transports.lanes import Lanes
from webchat_nb.transports.outbox import Outbox
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.refusal import log_fault
from webchat_nb.transports.sink import ConnectionSettings, HostCheck, Sink, SinkClosedError, always
from webchat_nb.transports.subscriber import CloseCode, Subscriber
from webchat_nb.wire import codec, frames
from webchat_nb.wire.requests import Principal

_log = logging.getLogger(__name__)

_TICK_S = 1.0
"""How often deadlines are looked at; all of them are many seconds long."""

_MAX_WAITING_JOBS = 64
"""Jobs of one connection that may wait; above this its frames are not read (back-pressure, not an error)."""

_INTERNAL_ERROR = 1011
"""Close code of the websocket protocol: clients come back and hydrate again."""

_WorkAction = subscriber.Subscribe | subscriber.Unsubscribe | subscriber.RunCommand


@final
class Connection:
    """Give it what the client sends (``receive``), tell it of pongs (``hear``) and of the end (``detach``).

    Args:
        backend: The application.
        sink: Where frames go.
        who: From the host's login (AC5).
        connection_id: Told in ``ws.hello``.
        join: What the URL says.
        host_check: Asks the host's authorizer again.
        clock: Time.
        settings: Heartbeat and time-outs.
    """

    __slots__ = (
        "_backend",
        "_clock",
        "_following",
        "_host_check",
        "_is_open",
        "_join",
        "_lanes",
        "_next_recheck_s",
        "_outbox",
        "_recheck",
        "_sending",
        "_sending_since_s",
        "_settings",
        "_sink",
        "_subscriber",
        "_timer",
        "_who",
        "_why",
        "id",
    )

    def __init__(
        self,
        *,
        backend: ChatBackend,
        sink: Sink,
        who: Principal,
        connection_id: str,
        join: Join | None = None,
        host_check: HostCheck = always,
        clock: Clock | None = None,
        settings: ConnectionSettings | None = None,
    ) -> None:
        self.id = connection_id
        self._backend = backend
        self._sink = sink
        self._who = who
        self._join = join or Join()
        self._host_check = host_check
        self._clock = clock or SystemClock()
        self._settings = settings or ConnectionSettings()
        now_s = self._clock.steady_s()
        self._subscriber = Subscriber(limits=backend.limits, heartbeat=self._settings.heartbeat, now_s=now_s)
        self._outbox = Outbox(self._write)
        self._following = Following(backend=backend, who=who, outbox=self._outbox)
        self._lanes = Lanes()
        self._sending: asyncio.Future[None] | None = None
        self._sending_since_s: float | None = None
        self._next_recheck_s = now_s + self._settings.recheck_interval_s
        self._recheck: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._why: CloseCode | None = None
        self._is_open = False

    async def start(self) -> None:
        """Say hello, then subscribe to the conversation of the URL (FR1)."""
        self._is_open = True
        interval_s = self._settings.heartbeat.interval_s
        join = self._join
        greeting, conv_id = await greet(
            self._backend, self._who, join, self.id, now_ms=self._clock.now_ms(), heartbeat_s=interval_s
        )
        for frame in greeting:
            self._put(frame)
        self._schedule_tick()
        if conv_id is not None:
            self._act(self._subscriber.join(conv_id=conv_id, epoch=join.epoch, since=join.since, window=join.window))

    async def receive(self, text: str | bytes) -> None:
        """Take a frame of the client. Waits only when the client sends faster than it reads or than we can work."""
        if not self._is_live():
            return
        self._act(self._subscriber.receive(text, now_s=self._clock.steady_s(), now_ms=self._clock.now_ms()))
        while self._is_live() and (self._outbox.is_full or self._lanes.waiting_count > _MAX_WAITING_JOBS):
            await self._outbox.wait_for_room()

    def hear(self) -> None:
        """A pong came."""
        self._subscriber.hear()

    def close(self, why: CloseCode) -> None:
        """Send what is due, then close; harmless when called twice."""
        if self._is_live():
            self._why = why
            self._following.drop_all()
            self._outbox.wake()
            self._outbox.wake_readers()

    def detach(self) -> None:
        """The other side is gone. Runs go on (RN4), and so do commands that came before."""
        self._is_open = False
        self._following.drop_all()
        if self._timer is not None:
            self._timer.cancel()
        for waiting in (self._sending, self._recheck):
            if waiting is not None and waiting is not asyncio.current_task():
                waiting.cancel()
        self._outbox.wake_readers()

    async def settle(self) -> None:
        """Return when all that the client asked for is done."""
        await self._lanes.settle()

    def _is_live(self) -> bool:
        return self._is_open and self._why is None

    def _act(self, actions: Sequence[subscriber.Action]) -> None:
        for action in actions:
            if isinstance(action, subscriber.Reply):
                self._put(action.frame)
            elif isinstance(action, subscriber.Close):
                self._end(action.why)
            elif isinstance(action, subscriber.SendPing):
                self._sink.ping()
            else:
                self._lanes.add(action.conv_id, self._job(action))

    def _job(self, action: _WorkAction, lag: Lag | None = None) -> Callable[[], Awaitable[None]]:
        async def job() -> None:
            if isinstance(action, subscriber.RunCommand):
                answer = await commands.answer_command(
                    self._backend, self._who, action, self._host_check, cookie_profile=self._join.cookie_profile
                )
                self._put(answer)
            elif not self._is_live():
                return
            elif isinstance(action, subscriber.Subscribe):
                await self._follow(action, lag)
            else:
                self._following.unfollow(action.conv_id)
                self._put(frames.Unsubscribed(conv_id=action.conv_id))
            self._outbox.wake_readers()

        return job

    async def _follow(self, asked: subscriber.Subscribe, lag: Lag | None) -> None:
        conv_id = asked.conv_id
        if lag is not None and (not self._subscriber.follows(conv_id) or conv_id in self._following.conversations):
            return  # the client unsubscribed or subscribed meanwhile
        try:
            await self._following.follow(asked, lag=lag)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged when it is our fault
            log_fault(error)
            self._subscriber.forget(conv_id)
            self._put(subscriber.failure(error, conv_id))
            if lag is not None:
                self._put(frames.Unsubscribed(conv_id=conv_id))

    def _write(self) -> None:
        """Send what is due; when the sink has to wait, go on when it has room. Never raises: publishers call this."""
        if not self._is_open or self._sending is not None:
            return
        try:
            while due := self._collect():
                self._sending_since_s = self._clock.steady_s()
                sending = self._sink.send(due)
                if sending is not None:
                    self._sending = asyncio.ensure_future(sending)
                    self._sending.add_done_callback(self._go_on)
                    return
                self._sending_since_s = None
                self._outbox.wake_readers()
            if self._why is not None:
                self._sink.close(self._why.code, self._why.reason)
                self.detach()
        except Exception as error:  # noqa: BLE001 - the end of this connection, of nothing else
            self._fail(error)

    def _go_on(self, sent: asyncio.Future[None]) -> None:
        """The sink has room again, or is gone."""
        self._sending = self._sending_since_s = None
        if sent.cancelled():
            return
        error = sent.exception()
        if error is not None:
            self._fail(error)
            return
        self._outbox.wake_readers()
        self._write()

    def _fail(self, error: BaseException) -> None:
        self.detach()
        if not isinstance(error, SinkClosedError):  # a fault of ours must end the connection, not silence it
            _log.error("connection %s: writing failed", self.id, exc_info=error)
            self._sink.close(_INTERNAL_ERROR, "internal")

    def _collect(self) -> list[bytes]:
        """All that is due: replies and hydrations, then what is live in each conversation (FR2)."""
        due = self._outbox.take()
        live, lags = self._following.take()
        for lag in lags:
            self._lanes.add(lag.asked.conv_id, self._job(lag.asked, lag))
        return due + live

    def _schedule_tick(self) -> None:
        self._timer = self._clock.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        if not self._is_open:
            return
        self._schedule_tick()
        now_s = self._clock.steady_s()
        since_s = self._sending_since_s
        if since_s is not None and now_s - since_s >= self._settings.stuck_timeout_s:
            self._end(subscriber.SLOW_CLIENT)
            return
        self._act(self._subscriber.tick(now_s=now_s))
        if now_s >= self._next_recheck_s and (self._recheck is None or self._recheck.done()):
            self._next_recheck_s = now_s + self._settings.recheck_interval_s
            self._recheck = asyncio.ensure_future(self._check_rights())

    async def _check_rights(self) -> None:
        """Ask again whether this login may read at all, and each of its conversations (AC4)."""
        if not await self._host_check("read"):
            self.close(subscriber.AUTH_EXPIRED)
            return
        for conv_id, error in await self._following.drop_unreadable():
            self._subscriber.forget(conv_id)
            self._put(subscriber.failure(error, conv_id))
            self._put(frames.Unsubscribed(conv_id=conv_id))

    def _end(self, why: CloseCode) -> None:
        """Close: after what is due, or at once when nothing goes through any more."""
        if why not in (subscriber.NO_PONG, subscriber.SLOW_CLIENT):
            self.close(why)
            return
        self.detach()
        self._sink.close(why.code, why.reason)

    def _put(self, frame: frames.ControlFrame) -> None:
        if self._is_open:
            self._outbox.put_all([codec.encode_control(frame)])
