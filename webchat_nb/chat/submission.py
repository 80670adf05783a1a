"""A prompt as it comes in: what it may be, and what tells it from another one.

Rule: HT3, HT4, AC6.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from webchat_nb.errors import BadRequestError, EmptyPromptError, TooLargeError
from webchat_nb.wire.requests import Limits, SubmitRequest

MAX_KEY_CHARS = 200
"""Longest idempotency key."""


def check_submission(request: SubmitRequest, limits: Limits) -> None:
    """Refuse a prompt that nothing can be done with; the message names the field and the limit.

    Raises:
        EmptyPromptError: It holds nothing but white space.
        TooLargeError: It is over the limit.
        BadRequestError: The key is empty or too long, or there are attachments.
    """
    if not request.prompt.strip():
        raise EmptyPromptError("prompt: expected some text")
    if len(request.prompt) > limits.max_prompt_chars:
        raise TooLargeError(f"prompt: {len(request.prompt)} characters, the limit is {limits.max_prompt_chars}")
    if request.idempotency_key is not None and not 0 < len(request.idempotency_key) <= MAX_KEY_CHARS:
        raise BadRequestError(f"idempotency_key: expected 1-{MAX_KEY_CHARS} characters")
    if request.attachments:
        raise BadRequestError("attachments: this server takes none")


def fingerprint(request: SubmitRequest) -> str:
    """Equal for a repetition of the same request, different for another one with the same key (HT3)."""
    asked = (request.prompt, request.profile, request.overrides, request.attachments, request.on_busy)
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def overrides_json(raw: dict[str, Any] | None) -> str:
    """Checked overrides as they are stored; empty for none."""
    return msgspec.json.encode(raw, order="sorted").decode() if raw else ""
