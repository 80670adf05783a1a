"""What all parts of the service share."""

from __future__ import annotations

from google.protobuf.message import Message

from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.guard import Guard
from webchat_nb.chat.ids import IdFactory, derived_id
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.resolver import RequestResolver
from webchat_nb.chat.runs import Runs
from webchat_nb.chat.submission import check_key, fingerprint_of
from webchat_nb.chat.tools.browser.browser_tools import BrowserTools
from webchat_nb.stream import Command, Hub, Receipt, SessionId, session_id
from webchat_nb.stream.hub import DEFAULT_WINDOW
from webchat_nb.wire.requests import Limits, Principal


class ServicePart:
    """One part of ``ChatService``; all of them are one object.

    Attributes:
        limits: What clients may send and get.
        hub: The stream; started by the application.
        runs: The command handlers.
        planner: Profiles and engines.
        attachments: What was uploaded.
        browser_tools: What pages offer.
        guard: Who may do what.
        resolver: Which conversation and profile a request means.
        new_id: Where ids come from.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        runs: Runs,
        planner: ProfilePlanner,
        attachments: Attachments,
        browser_tools: BrowserTools,
        guard: Guard,
        resolver: RequestResolver,
        limits: Limits,
        new_id: IdFactory,
    ) -> None:
        self.limits = limits
        self.hub = hub
        self.runs = runs
        self.planner = planner
        self.attachments = attachments
        self.browser_tools = browser_tools
        self.guard = guard
        self.resolver = resolver
        self.new_id = new_id

    async def change(
        self, who: Principal, conv_id: SessionId, command: Message, *, key: str | None, fingerprint: str = ""
    ) -> Receipt:
        """Carry out a command, once per key: the one way in which anything is changed (HT3).

        Args:
            who: Who asks; the right was checked.
            conv_id: Which conversation.
            command: Its message; the command has its name.
            key: The idempotency key; None: each time is another one.
            fingerprint: What tells a repetition from another request with the same key; default: the whole command.

        Raises:
            BadRequestError: The key is empty or too long. Nothing is done.
            IdempotencyConflictError: The key was used for something else. Nothing is done.
            WebchatError: What the command's handler raised, or the store. Nothing is stored.
        """
        check_key(key)
        return await self.hub.submit(
            Command(
                session_id=conv_id,
                name=command.DESCRIPTOR.name,
                payload=command,
                actor=who.user,
                key=key or "",
                fingerprint=fingerprint or fingerprint_of(command),
            )
        )

    def new_conversation_id(self, who: Principal, key: str | None) -> SessionId:
        """The id of a new conversation; it follows from the key, so that a repetition finds it (RN9)."""
        return session_id(f"c-{derived_id(who.user, key) if key else self.new_id()}")

    def window(self, asked: int | None, default: int = DEFAULT_WINDOW) -> int:
        """How many of something a page has."""
        return min(asked or default, self.limits.max_window)
