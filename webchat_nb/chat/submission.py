"""A prompt as it comes in: what it may be, and what tells it from another one.

Rule: HT3, HT4, AC6.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from google.protobuf.message import Message

from webchat_nb.errors import BadRequestError, EmptyPromptError, TooLargeError
from webchat_nb.wire.requests import Limits, SubmitRequest

MAX_KEY_CHARS = 200
"""Longest idempotency key."""


def check_submission(request: SubmitRequest, limits: Limits) -> None:
    """Refuse a prompt that nothing can be done with; the message names the field and the limit.

    Raises:
        EmptyPromptError: It holds nothing but white space.
        TooLargeError: It is over the limit.
        BadRequestError: The key is empty or too long, or ``regenerate`` comes with what it cannot be combined with.
    """
    if request.regenerate is not None:
        _check_alone(request)
    else:
        _check_prompt(request.prompt, limits.max_prompt_chars)
    check_key(request.idempotency_key)


def _check_prompt(prompt: str | None, most: int) -> None:
    if prompt is None:
        raise BadRequestError("prompt: missing")
    if not prompt.strip():
        raise EmptyPromptError("prompt: expected some text")
    if len(prompt) > most:
        raise TooLargeError(f"prompt: {len(prompt)} characters, the limit is {most}")


def _check_alone(request: SubmitRequest) -> None:
    """An answer is made again to the same prompt at the same place."""
    for name in ("prompt", "parent", "attachments"):
        if getattr(request, name):
            raise BadRequestError(f"{name}: expected none with regenerate")


def check_key(key: str | None) -> None:
    """Refuse an idempotency key that cannot be kept; None is none.

    Raises:
        BadRequestError: It is empty or too long.
    """
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
        raise BadRequestError(f"idempotency_key: expected 1-{MAX_KEY_CHARS} characters")


def fingerprint(request: SubmitRequest) -> str:
    """Equal for a repetition of the same request, different for another one with the same key (HT3)."""
    asked: tuple[Any, ...] = (request.prompt, request.profile, request.overrides, request.attachments, request.on_busy)
    if request.parent is not None or request.regenerate is not None:
        asked = (*asked, request.parent, request.regenerate)
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def fingerprint_of(command: Message) -> str:
    """The same for any other command."""
    name = command.DESCRIPTOR.name.encode()
    return hashlib.sha256(name + b"\0" + command.SerializeToString(deterministic=True)).hexdigest()


def overrides_json(raw: dict[str, Any] | None) -> str:
    """Checked overrides as they are stored; empty for none."""
    return msgspec.json.encode(raw, order="sorted").decode() if raw else ""
