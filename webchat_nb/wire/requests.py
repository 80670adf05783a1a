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

OnBusy = Literal["queue", "reject", "replace"]

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
    """A prompt (POST ``v1/chat``, command ``chat.submit``)."""

    prompt: str
    conv_id: str | None = None
    profile: str | None = None
    overrides: dict[str, Any] | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy | None = None
    idempotency_key: str | None = None


class MessageRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A prompt in the session routes: the same in camelCase, the conversation is in the path."""

    prompt: str
    profile: str | None = None
    overrides: dict[str, Any] | None = None
    attachments: list[str] | None = None
    on_busy: OnBusy | None = None
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
            idempotency_key=self.idempotency_key,
        )


class SubmitAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an accepted prompt is answered; its events are committed (HT6).

    Attributes:
        status: ``started`` or ``queued``; of a repeated key the run's present status (HT3).
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
        max_queue: Prompts that may wait in one conversation.
        max_window: Most entities in one snapshot or page.
        max_connection_conversations: Subscriptions of one connection.
        max_client_errors_per_minute: Faulty frames before a connection is closed with 4500 (FR10).
    """

    max_frame_bytes: int = 1 << 20
    max_body_bytes: int = 1 << 20
    max_prompt_chars: int = 100_000
    max_title_chars: int = 200
    max_queue: int = 20
    max_window: int = 1000
    max_connection_conversations: int = 100
    max_client_errors_per_minute: int = 10


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


def convert(data: Any, into: type[_T]) -> _T:
    """The same for JSON that is decoded already, such as a command frame's ``data``."""
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        raise BadRequestError(str(error)) from None
