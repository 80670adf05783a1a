"""Where Redis is: the URL as given, checked, and as it may be shown."""

from __future__ import annotations

import re
from typing import final
from urllib.parse import urlsplit

from webchat_nb.errors import ConfigError

_SCHEMES = ("redis", "rediss", "unix")
"""Plain, over TLS, on a Unix socket: those that redis-py knows."""

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")


@final
class Address:
    """A Redis and the prefix of our keys in it.

    Args:
        url: ``redis://[[user]:password@]host[:port][/db]``, or the same with ``rediss`` or ``unix``.
        prefix: 1-64 characters of ``A-Z a-z 0-9 . _ -``; no colon, so that no prefix's keys are another's.

    Attributes:
        shown: The URL without its user, password and parameters; stands in messages.

    Raises:
        ConfigError: One of them is not of that form.
    """

    def __init__(self, url: str, prefix: str) -> None:
        scheme = url.partition("://")[0] if "://" in url else "none"
        if scheme not in _SCHEMES:
            raise ConfigError(
                f"db: expected a URL that begins with redis://, rediss:// or unix://, got scheme {scheme}"
            )
        if not _PREFIX.fullmatch(prefix):
            raise ConfigError(f"prefix: expected 1-64 characters of A-Z a-z 0-9 . _ -, got {prefix[:40]!r}")
        where = _shown(url, scheme)
        if where is None:  # the message names no part of it: it may hold the password
            raise ConfigError(
                f"db: expected {scheme}://[[user]:password@]host[:port][/db], with numbers as port and db"
            )
        self.url = url
        self.prefix = prefix
        self.shown = where


def _shown(url: str, scheme: str) -> str | None:
    """The URL without what is secret; None when it is not of the form that is wanted."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    if scheme == "unix":
        return f"{scheme}://{parts.path}" if parts.path else None
    if not parts.hostname or not re.fullmatch(r"(/[0-9]*)?", parts.path):
        return None
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
