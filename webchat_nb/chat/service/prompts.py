"""Prompts in, and what stops them.

Rule: HT3, HT6, RN1, RN4, EP1, AC5. Source: seeds 000 §4.1, 001 (``Service``), 003.
"""

from __future__ import annotations

from typing import Any

import msgspec

from webchat_nb.chat.plan import read_overrides
from webchat_nb.chat.service.profiles import Profiles
from webchat_nb.chat.submission import check_submission, fingerprint, overrides_json
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import UnknownSessionError
from webchat_nb.stream import (
    Command,
    Receipt,
    SessionId,
    session_id,
)
from webchat_nb.wire.requests import (
    CancelAnswer,
    CancelRequest,
    Principal,
    SubmitAnswer,
    SubmitRequest,
)


class Prompts(Profiles):
    """Submit, cancel, wait."""

    async def submit(
        self, who: Principal, request: SubmitRequest, *, cookie_profile: str | None = None
    ) -> SubmitAnswer:
        """Accept a prompt: start it, let it wait, or answer a repetition as the first time.

        The plan is checked before the conversation is touched (EP1); the events are committed when this returns (HT6).

        Raises:
            EmptyPromptError, TooLargeError, InvalidIdError, InvalidOverrideError: Nothing is started.
            UnknownProfileError, OverridesLockedError: Nothing is started.
            UnknownSessionError: The principal may not write to this conversation.
            BusyError, QueueFullError: A run is active. Nothing is started.
            IdempotencyConflictError: The key was used with another payload (HT3).
            StoreError: Nothing is stored.
        """
        check_submission(request, self.limits)
        conv_id = self.resolver.conversation_id(who, request)
        session = await self.guard.authorized(who, "submit", conv_id)
        profile = self._profile(request.profile, session, cookie_profile)
        overrides = read_overrides(request.overrides)
        self.planner.check(profile, overrides)
        key = request.idempotency_key or f"k-{self.new_id()}"
        receipt = await self.hub.submit(
            Command(
                session_id=conv_id,
                name="ChatStartInference",
                payload=cmd.ChatStartInference(
                    prompt=request.prompt,
                    profile=profile,
                    overrides_json=overrides_json(request.overrides),
                    on_busy=request.on_busy or self.planner.profiles.get(profile).on_busy,
                ),
                actor=who.user,
                key=key,
                fingerprint=fingerprint(request),
            )
        )
        self.guard.exists_now(conv_id)
        return await self._submit_answer(conv_id, receipt)

    async def _submit_answer(self, conv_id: SessionId, receipt: Receipt) -> SubmitAnswer:
        answer, status, position = receipt.answer, receipt.answer["status"], receipt.answer.get("queue_position")
        session = await self.hub.session(conv_id)
        if receipt.deduplicated:
            run = await self.hub.entity(conv_id, "ChatRun", answer["run_id"])
            if run is not None:
                payload: Any = run.payload
                status, position = payload.status, payload.queue_position or None
        return SubmitAnswer(
            status=status,
            conv_id=conv_id,
            run_id=answer["run_id"],
            turn_id=answer["turn_id"],
            idempotency_key=receipt.key,
            epoch=session.epoch,
            seq=str(receipt.ordinal),
            profile=answer["profile"],
            queue_position=position,
            queue_depth=answer.get("queue_depth") if position else None,
            deduplicated=receipt.deduplicated,
        )

    async def cancel(self, who: Principal, request: CancelRequest) -> CancelAnswer:
        """Stop a run or drop a waiting one; repeatable, durable (RN4).

        Raises:
            UnknownSessionError: No such conversation for this principal.
            UnknownRunError: The conversation has no such run.
        """
        conv_id = session_id(request.conv_id)
        session = await self.guard.authorized(who, "cancel", conv_id)
        if not session.exists:
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        receipt = await self.hub.submit(
            Command(
                session_id=conv_id,
                name="ChatStopInference",
                payload=cmd.ChatStopInference(
                    run_id=request.run_id or "", idempotency_key=request.idempotency_key or ""
                ),
                actor=who.user,
            )
        )
        return msgspec.convert(receipt.answer, CancelAnswer)

    async def wait_idle(self, who: Principal, conv_id: str) -> None:
        """Return when the conversation has no run and an empty queue."""
        session = await self.guard.authorized(who, "read", session_id(conv_id))
        await self.runs.wait_idle(session.session_id)
