"""The chat as its hosts use it: submit, cancel, read, subscribe. No sockets, no HTTP.

Both route families, the websocket's commands and Python callers come through here, so what one writes the other shows
(HT1). Every method checks the right of the principal by itself (AC3). Each file of this folder is one part of the one
object: prompts, timelines, the library of conversations, profiles, and what programs use.

Rule: HT1-HT6, AC3, AC5. Source: seeds 000 §4.1, 001 (``Service``), 003.
"""

from __future__ import annotations

from typing import final

from webchat_nb.chat.access import AccessPolicy, OwnerPolicy
from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.claims import Claims
from webchat_nb.chat.guard import Guard
from webchat_nb.chat.ids import IdFactory, random_id
from webchat_nb.chat.kernels import Kernels
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.resolver import DefaultResolver, RequestResolver
from webchat_nb.chat.runs import Runs
from webchat_nb.chat.service.approvals import Approvals
from webchat_nb.chat.service.attachments import AttachmentParts
from webchat_nb.chat.service.browser_tools import BrowserToolParts
from webchat_nb.chat.service.exports import Exports
from webchat_nb.chat.service.feedback import Feedback
from webchat_nb.chat.service.hosting import Hosting
from webchat_nb.chat.service.kernels import KernelParts
from webchat_nb.chat.service.queue import Queue
from webchat_nb.chat.tools.browser.browser_tools import BrowserTools
from webchat_nb.stream import Hub, session_id
from webchat_nb.wire.requests import Action, Limits, Principal

__all__ = ["ChatService"]


@final
class ChatService(Queue, Feedback, Approvals, Hosting, Exports, AttachmentParts, KernelParts, BrowserToolParts):
    """Everything that can be done with conversations.

    Args:
        hub: The stream; started by the application.
        runs: The command handlers.
        planner: Profiles and engines.
        attachments: What was uploaded.
        browser_tools: What pages offer.
        limits: What clients may send and get.
        policy: Who may do what.
        resolver: Which conversation and profile a request means.
        kernels: Of notebooks, where the host has any.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        runs: Runs,
        planner: ProfilePlanner,
        attachments: Attachments,
        browser_tools: BrowserTools,
        limits: Limits | None = None,
        policy: AccessPolicy | None = None,
        resolver: RequestResolver | None = None,
        kernels: Kernels | None = None,
        new_id: IdFactory = random_id,
    ) -> None:
        super().__init__(
            hub=hub,
            runs=runs,
            planner=planner,
            attachments=attachments,
            browser_tools=browser_tools,
            guard=Guard(hub, policy or OwnerPolicy(), Claims()),
            resolver=resolver or DefaultResolver(),
            limits=limits or Limits(),
            new_id=new_id,
        )
        self.kernels = kernels

    async def authorize(self, who: Principal, action: Action, conv_id: str) -> None:
        """Check a right again, as long-lived sockets do (AC4)."""
        await self.guard.authorized(who, action, session_id(conv_id))
