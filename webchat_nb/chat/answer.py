"""A prompt and its answer, for a program: ``async for piece in app.chat("hello")``.

Rule: HO1, RN4. Source: seed 000 §4.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol, final

from webchat_nb.chat.answer_pieces import AnswerPiece, AnswerReader, RunEnd, TextPiece
from webchat_nb.contracts.encode import json_dict
from webchat_nb.errors import RunFailedError, UnknownRunError
from webchat_nb.stream import Cursor, Epoch, Hub, Ordinal, Snapshot, Subscription, session_id
from webchat_nb.wire.requests import CancelAnswer, CancelRequest, Limits, Principal, SubmitAnswer, SubmitRequest


class AnswerSource(Protocol):
    """What an answer asks of the chat's service."""

    hub: Hub
    limits: Limits

    async def submit(self, who: Principal, request: SubmitRequest) -> SubmitAnswer:
        """Accept a prompt."""

    async def cancel(self, who: Principal, request: CancelRequest) -> CancelAnswer:
        """Stop a run."""

    async def subscribe(
        self, who: Principal, conv_id: str, *, since: Cursor | None = None, window: int | None = None
    ) -> Subscription:
        """Follow a conversation."""


@final
class Answer:
    """What ``chat`` gives: nothing is sent before it is iterated, read or submitted.

    Leaving the loop, or being cancelled in it, does not stop the run: the answer goes on in the conversation, as it does
    when a browser is closed (RN4). ``stop`` stops it. Iterating again tells the same answer from its beginning, also in
    another process when the request has an idempotency key.

    Args:
        source: The chat's service.
        who: Whose prompt it is.
        request: The prompt; its key makes ``submit`` repeatable.

    Rule: HO1.
    """

    def __init__(self, source: AnswerSource, who: Principal, request: SubmitRequest) -> None:
        self._source = source
        self._who = who
        self._request = request
        self._accepted: SubmitAnswer | None = None

    async def submit(self) -> SubmitAnswer:
        """Send the prompt, once; it is durable when this returns. Tells the ids of conversation and run.

        Raises:
            WebchatError: As ``ChatService.submit``; nothing is started.
        """
        if self._accepted is None:
            self._accepted = await self._source.submit(self._who, self._request)
        return self._accepted

    async def __aiter__(self) -> AsyncIterator[AnswerPiece]:
        """Send the prompt, wait for its turn, and tell the answer piece by piece; the last is ``AnswerFinished``.

        Raises:
            WebchatError: As ``ChatService.submit``; nothing is started.
            RunFailedError: The run failed, was stopped or was interrupted; the pieces before are what there is of it.
            UnknownRunError: The conversation was erased meanwhile.
        """
        accepted = await self.submit()
        since: Cursor | None = Cursor(Epoch(accepted.epoch), Ordinal(int(accepted.seq)))
        reader = AnswerReader(accepted.run_id, Ordinal(int(accepted.seq)))
        while (end := reader.end) is None:
            subscription = await self._source.subscribe(
                self._who, accepted.conv_id, since=since, window=self._source.limits.max_window
            )
            since = None  # should it fall behind, it starts over with a snapshot
            try:
                async for piece in self._follow(subscription, accepted, reader):
                    yield piece
            finally:
                subscription.close()
        if end.status != "finished":
            raise _failure(end)
        yield end.finished

    async def text(self) -> str:
        """The answer's whole text, once it is finished.

        Raises:
            WebchatError: As iterating.
        """
        return "".join([piece.text async for piece in self if isinstance(piece, TextPiece)])

    async def stop(self) -> CancelAnswer:
        """Stop the run, or drop it while it waits; repeatable. A prompt that was not sent is not sent now."""
        if self._accepted is None:
            return CancelAnswer(status="idle")
        request = CancelRequest(conv_id=self._accepted.conv_id, run_id=self._accepted.run_id)
        return await self._source.cancel(self._who, request)

    async def _follow(
        self, subscription: Subscription, accepted: SubmitAnswer, reader: AnswerReader
    ) -> AsyncIterator[AnswerPiece]:
        """The pieces of one subscription, until the run ends or the subscriber fell behind."""
        snapshot = subscription.hydration.snapshot
        if snapshot is not None:
            for piece in reader.read_snapshot(snapshot):
                yield piece
            await self._look_at_run(accepted, reader, snapshot)
        if reader.has_ended():
            return
        async for delivery in subscription:
            for piece in reader.read_delivery(delivery):
                yield piece
            if reader.has_ended():
                return

    async def _look_at_run(self, accepted: SubmitAnswer, reader: AnswerReader, snapshot: Snapshot) -> None:
        """The run may be older than the snapshot's window, or gone with its conversation."""
        if any(row.kind == "ChatRun" and row.id == accepted.run_id for row in snapshot.entities):
            return
        run = await self._source.hub.entity(session_id(accepted.conv_id), "ChatRun", accepted.run_id)
        if run is None:
            raise UnknownRunError(f"run {accepted.run_id}: its conversation was erased")
        if run.updated <= snapshot.ordinal:  # what came later is still to be told by the subscription
            payload: Any = run.payload
            reader.see_run(json_dict(payload))


def _failure(end: RunEnd) -> RunFailedError:
    told = {"stopped": "the run was stopped", "interrupted": "the run was interrupted"}.get(
        end.status, "the run failed"
    )
    return RunFailedError(end.error or told, status=end.status, retryable=end.retryable)
