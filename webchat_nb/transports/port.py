"""What the transports ask of the application: the port that ``chat.service.ChatService`` fits.

Transports parse, authenticate through their host, call one of these and write the answer. Every method checks the
right of the principal by itself (AC3) and raises a ``WebchatError`` whose code and status the transport passes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from webchat_nb.stream.fanout import Subscription
from webchat_nb.stream.model import Cursor, EntityRow, LoggedEvent, Session, SnapshotReason
from webchat_nb.wire.requests import (
    Action,
    CancelAnswer,
    CancelRequest,
    DecisionRequest,
    FeedbackRequest,
    Limits,
    MoveAnswer,
    Principal,
    SubmitAnswer,
    SubmitRequest,
    TimelinePage,
    WaitingPrompt,
)
from webchat_nb.wire.tool_requests import ManifestAnswer, ManifestRequest, ToolResultRequest


class Download(Protocol):
    """A file to save, as transports see it."""

    @property
    def filename(self) -> str:
        """What to call it."""

    @property
    def media_type(self) -> str:
        """What it is."""

    @property
    def content(self) -> bytes:
        """All of it."""


class UploadedFile(Protocol):
    """What is known of an attachment, as transports see it."""

    @property
    def attachment_id(self) -> str:
        """What prompts name it by."""

    @property
    def media_type(self) -> str:
        """What it is."""

    @property
    def filename(self) -> str:
        """For people."""

    @property
    def size_bytes(self) -> int:
        """How long it is."""


class ChatBackend(Protocol):
    """The application, as transports see it."""

    limits: Limits

    def describe_profiles(self) -> Sequence[Mapping[str, Any]]:
        """The profiles, as GET ``v1/profiles`` lists them."""

    def profile_problems(self) -> Sequence[str]:
        """Why the newest version of a profiles file is not in use; empty when every file is."""

    def profile_slug(self, slug: str | None) -> str:
        """Check a slug; None is the default one.

        Raises:
            UnknownProfileError: No profile has it.
        """

    async def submit(self, who: Principal, request: SubmitRequest, *, cookie_profile: str | None) -> SubmitAnswer:
        """Accept a prompt: its events are committed when this returns (HT6)."""

    async def cancel(self, who: Principal, request: CancelRequest, *, key: str | None) -> CancelAnswer:
        """Stop a run or drop a waiting one; repeatable. The key is this request's own."""

    async def queue(self, who: Principal, conv_id: str) -> Sequence[WaitingPrompt]:
        """The waiting prompts, the next one first."""

    async def move(self, who: Principal, conv_id: str, run_id: str, position: int, *, key: str | None) -> MoveAnswer:
        """Give a waiting prompt another place in the line."""

    async def drop(self, who: Principal, conv_id: str, run_id: str, *, key: str | None) -> CancelAnswer:
        """Take a waiting prompt out of the line.

        Raises:
            NotWaitingError: It has begun, and goes on.
        """

    async def decide(
        self, who: Principal, conv_id: str, approval_id: str, request: DecisionRequest, *, key: str | None
    ) -> str:
        """Decide whether a tool call may be made; the status that the approval has now."""

    async def bind_kernel(self, who: Principal, conv_id: str, kernel_id: str) -> dict[str, Any]:
        """Let a notebook's kernel work for the principal's prompts here; what it offers now (TL6).

        Raises:
            UnknownKernelError: There is no such kernel.
            NoKernelsError: This server has none.
        """

    async def offer_tools(self, who: Principal, conv_id: str, request: ManifestRequest) -> ManifestAnswer:
        """Take what a page offers for the principal's runs here, instead of what it offered before."""

    async def answer_tool_call(
        self, who: Principal, conv_id: str, request: ToolResultRequest, *, key: str | None
    ) -> bool:
        """Take a page's answer to a call, or its claim to make it; False when another page was faster to claim it."""

    async def give_feedback(self, who: Principal, conv_id: str, request: FeedbackRequest, *, key: str | None) -> bool:
        """Keep what somebody thinks of an answer; whether this was a repetition."""

    async def timeline(
        self, who: Principal, conv_id: str, *, since_version: int | None, limit: int | None, before: int | None
    ) -> TimelinePage:
        """A page of the timeline (HT5)."""

    async def create_session(
        self, who: Principal, *, profile: str | None, cookie_profile: str | None, key: str | None
    ) -> Session:
        """A new conversation; for the same key the same one."""

    async def list_sessions(
        self, who: Principal, *, limit: int | None, cursor: str | None, query: str | None
    ) -> tuple[Sequence[Session], str | None]:
        """Conversations that the principal may read, newest activity first, and the next cursor."""

    async def get_session(self, who: Principal, conv_id: str) -> tuple[Session, Sequence[EntityRow]]:
        """One conversation with the newest window of its entities.

        Raises:
            UnknownSessionError: It does not exist, or the principal may not read it.
        """

    async def rename_session(self, who: Principal, conv_id: str, title: str, *, key: str | None) -> Session:
        """Give it another title."""

    async def erase_session(self, who: Principal, conv_id: str) -> None:
        """Erase it: log, entities, runs."""

    async def list_events(
        self, who: Principal, conv_id: str, *, after: int, limit: int | None
    ) -> Sequence[LoggedEvent]:
        """The log, page by page."""

    async def export_session(self, who: Principal, conv_id: str, *, format: str) -> Download:
        """A conversation as a file (EX1)."""

    async def import_session(self, who: Principal, body: bytes, *, key: str | None) -> str:
        """A new conversation out of an export in JSON (EX2); its id."""

    async def upload_attachment(
        self, who: Principal, conv_id: str, *, content_type: str | None, filename: str | None, content: bytes
    ) -> UploadedFile:
        """Keep a file for a prompt to come (AT1, AT2)."""

    async def read_attachment(self, who: Principal, conv_id: str, attachment_id: str) -> tuple[UploadedFile, bytes]:
        """A file of a conversation, and its bytes (AT1)."""

    async def join(
        self, who: Principal, conv_id: str | None, *, profile: str | None, cookie_profile: str | None
    ) -> tuple[str | None, str]:
        """The conversation and the profile that a websocket join means (HT2); changes nothing."""

    async def subscribe(
        self, who: Principal, conv_id: str, *, since: Cursor | None, window: int | None, reason: SnapshotReason
    ) -> Subscription:
        """Follow a conversation; one that does not exist yet is empty at ordinal 0."""

    async def authorize(self, who: Principal, action: Action, conv_id: str) -> None:
        """Check a right again, as long-lived sockets do (AC4).

        Raises:
            UnknownSessionError: The principal may not even read it.
            ForbiddenError: It may read, but not do this.
        """

    def describe_schemas(self) -> Sequence[Mapping[str, Any]]:
        """Every registered name with its category, message type and fields."""
