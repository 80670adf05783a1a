"""What may be attached: its type, its size, its name.

Rule: AT2, AC6.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.wire.requests import Limits

MAX_FILENAME_CHARS = 120
"""Longest file name that is kept; its ending stays."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")

_BEGINNINGS: dict[str, re.Pattern[bytes]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "application/pdf": re.compile(rb"%PDF-"),
}
"""How files of these types begin."""

IMAGE_TYPES = tuple(media_type for media_type in _BEGINNINGS if media_type.startswith("image/"))
"""Types that are shown as pictures."""


def read_media_type(header: str | None) -> str:
    """The media type of a ``Content-Type``, without its parameters.

    Raises:
        BadRequestError: It is left out or is none.
    """
    media_type = (header or "").partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise BadRequestError(f"Content-Type: expected a media type such as image/png, got {media_type[:40]!r}")
    return media_type


def check_media_type(media_type: str, allowed: Sequence[str]) -> None:
    """Refuse a type that is not allowed; ``text/*`` allows all that begin with ``text/``.

    Raises:
        BadRequestError: It is not; the message names the limit.
    """
    family = f"{media_type.partition('/')[0]}/*"
    if media_type not in allowed and family not in allowed:
        raise BadRequestError(
            f"Content-Type: {media_type} may not be attached, attachment_types allows {', '.join(allowed)}"
        )


def check_content(media_type: str, content: bytes, limits: Limits) -> None:
    """Refuse what is empty, too large, or not what it says it is.

    Raises:
        BadRequestError: It is empty, or does not begin as its type does.
        TooLargeError: It is larger than ``max_attachment_bytes``.
    """
    if not content:
        raise BadRequestError("the body is empty: expected the bytes of the file")
    if len(content) > limits.max_attachment_bytes:
        raise TooLargeError(
            f"the file has {len(content)} bytes, the limit is max_attachment_bytes ({limits.max_attachment_bytes})"
        )
    beginning = _BEGINNINGS.get(media_type)
    if beginning is not None and not beginning.match(content):
        raise BadRequestError(f"Content-Type: the file is not {media_type}: it begins with {content[:8].hex(' ')}")


def image_type_of(content: bytes) -> str | None:
    """The type of an image that is shown as a picture, by how it begins; None when it is none of them."""
    return next((media_type for media_type in IMAGE_TYPES if _BEGINNINGS[media_type].match(content)), None)


def safe_filename(name: str | None, *, default: str) -> str:
    """A file name for people: no folders, nothing invisible, not too long.

    Args:
        name: As a client says.
        default: When nothing of it is left.
    """
    last = re.split(r"[/\\]", name or "")[-1]
    shown = "".join(char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char)[0] != "C")
    shown = " ".join(shown.split()).strip(". ")
    if len(shown) > MAX_FILENAME_CHARS:
        stem, dot, ending = shown.rpartition(".")
        ending = f"{dot}{ending}" if stem and len(ending) <= 10 else ""
        shown = shown[: MAX_FILENAME_CHARS - len(ending)].rstrip(". ") + ending
    return shown or default
