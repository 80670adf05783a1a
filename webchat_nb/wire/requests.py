"""The JSON edge: what clients ask over HTTP or in a command frame, and what they are answered.

Both route families (``v1/chat`` in snake_case, ``v1/sessions/…`` in camelCase) are read into the same records and
answered from the same records (HT1). Unknown fields are refused, and the message names the field.

Rule: HT1, HT6, AC5, AC6. Source: PROTOCOL §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

from webchat_nb.contracts.encode import json_name
from webchat_nb.errors import BadRequestError
from webchat_nb.stream.model import EntityRow, Ordinal

OnBusy = Literal["queue", "reject", "replace", "steer"]

Action = Literal["read", "submit", "cancel", "decide", "administer"]
"""What a principal may do with a conversation (AC3)."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the host's login says; never from the client's JSON (AC5).

    Attributes:
        user: Stable id of the user; "" for the one owner of a single-user server.
        name: For people to read.
    """

    user: str = ""
    name: str = ""


class SubmitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prompt (POST ``v1/chat``, command ``chat.submit``).

    Attributes:
        prompt: Left out with ``regenerate`` only.
        parent: The message that it follows; "" begins anew at the beginning. None: the turn that was begun last (RN10).
        regenerate: An answer to make again, or the prompt of one (RN14).
    """

    prompt: str | None = None
    conv_id: str | None = None
    profile: str | None = None
    overrides: dict[str, Any] | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy | None = None
    parent: str | None = None
    regenerate: str | None = None
    idempotency_key: str | None = None


class MessageRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A prompt in the session routes: the same in camelCase, the conversation is in the path."""

    prompt: str | None = None
    profile: str | None = None
    overrides: dict[str, Any] | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy | None = None
    parent: str | None = None
    regenerate: str | None = None
    idempotency_key: str | None = None

    def to_submit(self, conv_id: str) -> SubmitRequest:
        """The same request as ``v1/chat`` would take it."""
        return SubmitRequest(
            prompt=self.prompt,
            conv_id=conv_id,
            profile=self.profile,
            overrides=self.overrides,
            attachments=self.attachments,
            on_busy=self.on_busy,
            parent=self.parent,
            regenerate=self.regenerate,
            idempotency_key=self.idempotency_key,
        )


class SubmitAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an accepted prompt is answered; its events are committed (HT6).

    Attributes:
        status: ``started``, ``queued``, or ``steered`` to the run that is under way, whose ids the answer then has; of
            a repeated key the run's present status (HT3).
        seq: The head right after the prompt's events, a decimal string.
    """

    status: str
    conv_id: str
    run_id: str
    turn_id: str
    idempotency_key: str
    epoch: str
    seq: str
    profile: str
    queue_position: int | None = None
    queue_depth: int | None = None
    deduplicated: bool = False

    @property
    def http_status(self) -> int:
        """202 while the prompt waits, else 200."""
        return 202 if self.status == "queued" else 200

    def to_snake(self) -> dict[str, Any]:
        """As ``v1/chat`` and ``ws.ack`` answer."""
        builtins: dict[str, Any] = msgspec.to_builtins(self)
        return builtins

    def to_camel(self) -> dict[str, Any]:
        """As the session routes answer."""
        answer = {json_name(name): value for name, value in self.to_snake().items()}
        answer["sessionId"] = answer.pop("convId")
        return answer


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop a run: by id, by the key of its prompt, or the running one (POST ``v1/cancel``, ``chat.cancel``)."""

    conv_id: str
    run_id: str | None = None
    idempotency_key: str | None = None


class CancelAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``stopping`` a running one, ``dequeued`` a waiting one, or ``idle``: there was nothing to stop."""

    status: Literal["stopping", "dequeued", "idle"]
    run_id: str | None = None
    deduplicated: bool = False


class TimelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of GET ``v1/timeline``.

    Attributes:
        version: The session's head.
        next: What to send as ``since_version`` (or ``before``) for the next page; None at the end.
    """

    conv_id: str
    epoch: str
    version: Ordinal
    server_time_ms: int
    entities: Sequence[EntityRow]
    next: str | None = None


class CreateSessionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST ``v1/sessions``."""

    profile: str | None = None


class RenameRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH ``v1/sessions/{id}``."""

    title: str


class MoveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH ``v1/sessions/{id}/queue/{run_id}``: 1 is the next one to start."""

    position: int


class MoveAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a waiting run stands now."""

    run_id: str
    queue_position: int
    queue_depth: int
    deduplicated: bool = False


class WaitingPrompt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A prompt in the line.

    Attributes:
        position: 1 for the next one to start.
        message_id: The user message; of one that is answered again, the same as before.
        actor: Who submitted it; "" for the one owner of a single-user server.
    """

    run_id: str
    turn_id: str
    message_id: str
    position: int
    prompt: str
    profile: str
    actor: str


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST ``v1/sessions/{id}/approvals/{approvalId}``.

    Attributes:
        input: JSON text of an object that replaces the arguments; only with ``approve``.
    """

    decision: Literal["approve", "deny"]
    input: str | None = None
    reason: str = ""


class DecideCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in a frame: command ``tool.decide``."""

    conv_id: str
    approval_id: str
    decision: Literal["approve", "deny"]
    input: str | None = None
    reason: str = ""

    def to_request(self) -> DecisionRequest:
        """Without the ids."""
        return DecisionRequest(decision=self.decision, input=self.input, reason=self.reason)


class FeedbackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """POST ``v1/sessions/{id}/feedback``: ``none`` takes back what was said of an answer before."""

    message_id: str
    value: Literal["up", "down", "none"]
    comment: str = ""


class FeedbackCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in a frame: command ``chat.feedback``."""

    conv_id: str
    message_id: str
    value: Literal["up", "down", "none"]
    comment: str = ""

    def to_request(self) -> FeedbackRequest:
        """The same request as the route would take it."""
        return FeedbackRequest(message_id=self.message_id, value=self.value, comment=self.comment)


class BindKernelCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Command ``kernel.bind``: the widget in the browser says which kernel it was made in."""

    conv_id: str
    kernel_id: str


class SelectProfileRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST ``v1/profile``."""

    slug: str


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every limit on what clients send or get; told in ``ws.hello`` (AC6).

    Attributes:
        max_frame_bytes: Largest frame either way; larger snapshots come in parts (FR13).
        max_body_bytes: Largest HTTP body.
        max_prompt_chars: Longest prompt, in characters.
        max_title_chars: Longest title.
        max_comment_chars: Longest comment on an answer.
        max_queue: Prompts that may wait in one conversation.
        max_window: Most entities in one snapshot or page.
        max_connection_conversations: Subscriptions of one connection.
        max_client_errors_per_minute: Faulty frames before a connection is closed with 4500 (FR10).
        max_attachment_bytes: Largest file that may be attached.
        max_message_attachments: Most attachments of one prompt.
        attachment_types: Media types that may be attached; ``text/*`` allows all that begin with ``text/``.
        max_browser_tools: Most tools that one page may offer.
        max_tool_chars: Longest description, and longest schema as JSON, of one of them.
        max_tool_result_chars: Longest answer of a page to a call.
        max_import_bytes: Largest export that may be imported.
        max_import_entities: Most entities in it.
    """

    max_frame_bytes: int = 1 << 20
    max_body_bytes: int = 1 << 20
    max_prompt_chars: int = 100_000
    max_title_chars: int = 200
    max_comment_chars: int = 2000
    max_queue: int = 20
    max_window: int = 1000
    max_connection_conversations: int = 100
    max_client_errors_per_minute: int = 10
    max_attachment_bytes: int = 10 << 20
    max_message_attachments: int = 10
    attachment_types: tuple[str, ...] = (
        "text/*",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "application/pdf",
        "application/json",
    )
    max_browser_tools: int = 64
    max_tool_chars: int = 20_000
    max_tool_result_chars: int = 200_000
    max_import_bytes: int = 32 << 20
    max_import_entities: int = 10_000


_T = TypeVar("_T", bound=msgspec.Struct)


def decode(body: bytes, into: type[_T]) -> _T:
    """Read a JSON body into a request.

    Raises:
        BadRequestError: Not JSON, or a field is missing, unknown or of the wrong type; the message names it.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=into)
    except msgspec.ValidationError as error:
        raise BadRequestError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None


def convert(data: Any, into: type[_T]) -> _T:
    """The same for JSON that is decoded already, such as a command frame's ``data``."""
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        raise BadRequestError(str(error)) from None
