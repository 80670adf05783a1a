"""Prompts in, and what stops them.

Rule: HT3, HT6, RN1, RN4, EP1, AC5. Source: seeds 000 §4.1, 001 (``Service``), 003.
"""

from __future__ import annotations

from typing import Any

import msgspec

from webchat_nb.chat.plan import read_overrides
from webchat_nb.chat.resolver import ChatRequest, ResolvedRequest
from webchat_nb.chat.service.profiles import Profiles
from webchat_nb.chat.submission import check_submission, fingerprint, overrides_json
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import UnknownSessionError, UsageError
from webchat_nb.stream import (
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
            UnknownProfileError, OverridesLockedError, ProfileIncompleteError: Nothing is started.
            UsageError: The request policy refuses (EP2). Nothing is started.
            UnknownSessionError: The principal may not write to this conversation.
            BusyError, QueueFullError: A run is active. Nothing is started.
            IdempotencyConflictError: The key was used with another payload (HT3).
            BadRequestError: An attachment is unknown here. Nothing is started.
            StoreError: Nothing is stored.
        """
        check_submission(request, self.limits)
        asked = ChatRequest(
            purpose="submit",
            conv_id=request.conv_id,
            profile=request.profile,
            overrides=request.overrides,
            cookie_profile=cookie_profile,
            submission=request,
        )
        resolved = await self.resolve(who, asked)
        conv_id = resolved.conv_id or self.new_conversation_id(who, request.idempotency_key)
        await self.guard.authorized(who, "submit", conv_id)
        profile = await self._checked_profile(who, conv_id, request, resolved)
        attachments = await self.attachments.bind(conv_id, who.user, request.attachments)
        key = request.idempotency_key or f"k-{self.new_id()}"
        command = cmd.ChatStartInference(
            prompt=request.prompt or "",
            profile=profile,
            overrides_json=overrides_json(resolved.overrides),
            on_busy=request.on_busy or self.planner.profiles.get(profile).on_busy,
            parent_message_id=request.parent,
            regenerate=request.regenerate or "",
            attachments=attachments,
        )
        receipt = await self.change(who, conv_id, command, key=key, fingerprint=fingerprint(request))
        self.guard.exists_now(conv_id)
        return await self._submit_answer(conv_id, receipt)

    async def _checked_profile(
        self, who: Principal, conv_id: SessionId, request: SubmitRequest, resolved: ResolvedRequest
    ) -> str:
        """The slug of the profile; the plan that it gives can be built.

        A prompt that was accepted before is answered again whatever has become of its profile (HT3).
        """
        try:
            return self.planner.check(resolved.profile, read_overrides(resolved.overrides)).profile
        except UsageError:
            key = request.idempotency_key
            if key is None or await self.hub.store.receipt(conv_id, who.user, key) is None:
                raise
            return self.planner.profiles.default  # nothing is started with it

    async def _submit_answer(self, conv_id: SessionId, receipt: Receipt) -> SubmitAnswer:
        answer, status, position = receipt.answer, receipt.answer["status"], receipt.answer.get("queue_position")
        session = await self.hub.session(conv_id)
        run_id = answer["run_id"]
        if receipt.deduplicated:
            run = await self.hub.entity(conv_id, "ChatRun", answer.get("own_run_id") or run_id)
            if run is not None:  # a prompt that was steered, and taken, has none of its own
                payload: Any = run.payload
                run_id, status, position = payload.run_id, payload.status, payload.queue_position or None
        return SubmitAnswer(
            status=status,
            conv_id=conv_id,
            run_id=run_id,
            turn_id=answer["turn_id"] if run_id == answer["run_id"] else answer["own_turn_id"],
            idempotency_key=receipt.key,
            epoch=session.epoch,
            seq=str(receipt.ordinal),
            profile=answer["profile"],
            queue_position=position,
            queue_depth=answer.get("queue_depth") if position else None,
            deduplicated=receipt.deduplicated,
        )

    async def cancel(self, who: Principal, request: CancelRequest, *, key: str | None = None) -> CancelAnswer:
        """Stop a run or drop a waiting one; repeatable, durable (RN4).

        Args:
            who: Who asks.
            request: Which run; its ``idempotency_key`` is that of the prompt.
            key: The idempotency key of this very request: repeated, it does not stop a run that began meanwhile.

        Raises:
            UnknownSessionError: No such conversation for this principal.
            UnknownRunError: The conversation has no such run.
        """
        conv_id = session_id(request.conv_id)
        session = await self.guard.authorized(who, "cancel", conv_id)
        if not session.exists:
            raise UnknownSessionError(f"no conversation {conv_id!r}")
        command = cmd.ChatStopInference(run_id=request.run_id or "", idempotency_key=request.idempotency_key or "")
        receipt = await self.change(who, conv_id, command, key=key)
        return msgspec.convert({**receipt.answer, "deduplicated": receipt.deduplicated}, CancelAnswer)

    async def wait_idle(self, who: Principal, conv_id: str) -> None:
        """Return when the conversation has no run and an empty queue."""
        session = await self.guard.authorized(who, "read", session_id(conv_id))
        await self.runs.wait_idle(session.session_id)
