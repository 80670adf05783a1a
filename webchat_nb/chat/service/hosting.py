"""What a program asks of a chat, under short names.

Rule: HO1, HO2. Source: seed 000 §4.1, 001 (``Service``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webchat_nb.chat.answer import Answer
from webchat_nb.chat.service.library import Library
from webchat_nb.chat.service.prompts import Prompts
from webchat_nb.chat.service.timelines import Timelines
from webchat_nb.stream import Session, Snapshot
from webchat_nb.wire.requests import CancelAnswer, CancelRequest, OnBusy, Principal, SubmitRequest


class Hosting(Prompts, Timelines, Library):
    """The service of programs."""

    def chat(
        self,
        who: Principal,
        prompt: str,
        *,
        conv_id: str | None = None,
        profile: str | None = None,
        overrides: dict[str, Any] | None = None,
        on_busy: OnBusy | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """A prompt and its answer; see ``Answer``. Nothing is sent yet.

        Args:
            who: Whose prompt it is.
            prompt: The prompt.
            conv_id: The conversation that it goes on with; None begins a new one.
            profile: Slug; None: the conversation's, else the default one.
            overrides: What the prompt changes of the profile (HT4).
            on_busy: What happens while a run is active; None: as the profile says.
            idempotency_key: Repeats the same prompt in another process; None: one is made.
        """
        request = SubmitRequest(
            prompt=prompt,
            conv_id=conv_id,
            profile=profile,
            overrides=overrides,
            on_busy=on_busy,
            idempotency_key=idempotency_key or f"k-{self.new_id()}",
        )
        return Answer(self, who, request)

    async def stop(self, who: Principal, conv_id: str, *, run_id: str | None = None) -> CancelAnswer:
        """Stop a run, or the one under way; as ``cancel``."""
        return await self.cancel(who, CancelRequest(conv_id=conv_id, run_id=run_id))

    async def snapshot(self, who: Principal, conv_id: str, *, window: int | None = None) -> Snapshot:
        """The newest entities of a conversation at its head.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """
        session = await self.guard.existing(who, "read", conv_id)
        return await self.hub.snapshot(session.session_id, window=self.window(window))

    async def list(
        self, who: Principal, *, limit: int | None = None, cursor: str | None = None, query: str | None = None
    ) -> tuple[Sequence[Session], str | None]:
        """A page of the principal's conversations; as ``list_sessions``."""
        return await self.list_sessions(who, limit=limit, cursor=cursor, query=query)
