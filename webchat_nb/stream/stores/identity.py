"""Random identities: the default source of epochs."""

from __future__ import annotations

import secrets


def random_id() -> str:
    """A new identity of 12 characters (72 random bits): ``A-Z a-z 0-9 _ -``."""
    return secrets.token_urlsafe(9)
