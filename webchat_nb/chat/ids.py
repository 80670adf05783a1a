"""New ids, short because they are in every event."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

IdFactory = Callable[[], str]
"""Makes a fresh id; passed in so that tests can have readable ones."""


def random_id() -> str:
    """60 random bits in 12 characters of ``a-z 2-7``."""
    return base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]


def derived_id(*parts: str) -> str:
    """The same id for the same parts, in 20 characters of ``a-z 2-7``."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:20]
