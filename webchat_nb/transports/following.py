"""The conversations that one connection follows: hydration, live frames, hydration again after a lag.

Rule: FR2, FR4, FR8, FR14, AC4.
"""

from __future__ import annotations

from typing import final

import msgspec

from webchat_nb.errors import WebchatError
from webchat_nb.stream.fanout import Subscription
from webchat_nb.stream.model import Epoch, SessionId
from webchat_nb.transports.outbox import Outbox
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.refusal import is_internal
from webchat_nb.transports.subscriber import Subscribe
from webchat_nb.wire import codec
from webchat_nb.wire.requests import Principal


class _Follow(msgspec.Struct, frozen=True):
    subscription: Subscription
    asked: Subscribe


class Lag(msgspec.Struct, frozen=True):
    """A backlog was dropped: hydrate again, as ``asked`` says; ``epoch`` is what was followed."""

    asked: Subscribe
    epoch: Epoch


@final
class Following:
    """Subscriptions of one connection. Each ends by ``unfollow``, ``drop_all``, or by following the same again."""

    def __init__(self, *, backend: ChatBackend, who: Principal, outbox: Outbox) -> None:
        self._backend = backend
        self._who = who
        self._outbox = outbox
        self._follows: dict[SessionId, _Follow] = {}
        self._is_open = True

    @property
    def conversations(self) -> tuple[SessionId, ...]:
        """What is followed."""
        return tuple(self._follows)

    async def follow(self, asked: Subscribe, *, lag: Lag | None = None) -> None:
        """Hydrate, and deliver what is live from then on.

        ``ws.subscribed`` and what follows it are put into the outbox in one go, before any live frame (FR2).

        Raises:
            WebchatError: The application refused; nothing is followed.
        """
        self.unfollow(asked.conv_id)
        subscription = await self._backend.subscribe(
            self._who, asked.conv_id, since=asked.since, window=asked.window, reason=asked.reason
        )
        if not self._is_open:
            subscription.close()
            return
        hydration = subscription.hydration
        if lag is not None and hydration.epoch != lag.epoch:
            hydration = msgspec.structs.replace(hydration, reason="epoch_changed")
        limit = self._backend.limits.max_frame_bytes
        frames = codec.encode_hydration(hydration, max_frame_bytes=limit)
        self._follows[asked.conv_id] = _Follow(subscription, asked)
        subscription.on_ready = self._outbox.wake
        self._outbox.put_all(frames)  # before what is live already: the outbox is emptied first

    def unfollow(self, conv_id: SessionId) -> None:
        """Let go of a conversation; harmless when it is not followed."""
        follow = self._follows.pop(conv_id, None)
        if follow is not None:
            follow.subscription.close()

    def drop_all(self) -> None:
        """Let go of all, and of those that are still being hydrated."""
        self._is_open = False
        for conv_id in self.conversations:
            self.unfollow(conv_id)

    async def drop_unreadable(self) -> list[tuple[SessionId, WebchatError]]:
        """Let go of what the login may no longer read, and say why (AC4). A store that fails is no such reason."""
        dropped: list[tuple[SessionId, WebchatError]] = []
        for conv_id in self.conversations:
            try:
                await self._backend.authorize(self._who, "read", conv_id)
            except WebchatError as error:
                if not is_internal(error) and not error.retryable:
                    self.unfollow(conv_id)
                    dropped.append((conv_id, error))
        return dropped

    def take(self) -> tuple[list[bytes], list[Lag]]:
        """The live frames that wait, and the conversations that have to be hydrated again (FR8)."""
        frames: list[bytes] = []
        lags: list[Lag] = []
        for conv_id, follow in tuple(self._follows.items()):
            if follow.subscription.is_lagging:
                self.unfollow(conv_id)
                again = Subscribe(conv_id=conv_id, since=None, window=follow.asked.window, reason="gap_too_large")
                lags.append(Lag(again, follow.subscription.hydration.epoch))
            else:
                frames += [codec.encode_delivery(delivery) for delivery in follow.subscription.take()]
        return frames, lags
