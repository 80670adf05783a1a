"""Images that a tool gives: pictures of imaging libraries, figures, bytes.

They are known by what they can do, as notebooks know them, so no such library is imported here. SVG and HTML are not
taken: they could run what a model wrote.

Rule: TL3.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from webchat_nb.chat.attachments.checking import IMAGE_TYPES, image_type_of

_REPRESENTATIONS: Final = ("_repr_png_", "_repr_jpeg_")
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a JPEG's frame, which says how large the image is; the three left out mark something else."""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image, checked to begin as its type does.

    Attributes:
        said: What the value says of itself in words; may be empty.
    """

    media_type: str
    data: bytes
    said: str = ""

    def sentence(self) -> str:
        """What a model is told in its stead."""
        size = image_size(self.media_type, self.data)
        pixels = f"{size[0]} × {size[1]} pixels, " if size else ""
        told = f"An image was shown to the user: {self.media_type}, {pixels}{len(self.data):,} bytes."
        return f"{told}\n{self.said}" if self.said else told


def shown_of(value: Any) -> Image | str | None:
    """What a rich value is or can show itself as: an image, else what it says of itself in words; None: neither."""
    if isinstance(value, bytes | bytearray | memoryview):
        return _read(value)
    if isinstance(value, type):  # a class has the methods, but nothing to show
        return None
    bundle = _bundle_of(value)
    said = bundle.get("text/plain")
    words = said if isinstance(said, str) else ""
    for shown in _images(value, bundle):
        if (image := _read(shown)) is not None:
            return msgspec.structs.replace(image, said=words)
    return words or None


def image_size(media_type: str, data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the image does not say."""
    try:
        match media_type:
            case "image/png":
                width, height = struct.unpack_from(">II", data, 16)
            case "image/gif":
                width, height = struct.unpack_from("<HH", data, 6)
            case "image/jpeg":
                return _jpeg_size(data)
            case _:
                return _webp_size(data)
    except (struct.error, IndexError):
        return None
    return width, height


def _images(value: Any, bundle: Mapping[str, Any]) -> Iterator[Any]:
    """What may be an image of the value, one by one: the next is drawn only when it is needed."""
    yield from (bundle.get(media_type) for media_type in IMAGE_TYPES)
    for name in _REPRESENTATIONS:
        if callable(show := getattr(value, name, None)):
            yield _first(show())
    figure: Any = value if hasattr(value, "savefig") else getattr(value, "figure", None)  # axes are on a figure
    if callable(getattr(figure, "savefig", None)):
        written = io.BytesIO()
        figure.savefig(written, format="png", bbox_inches="tight")
        yield written.getvalue()


def _bundle_of(value: Any) -> Mapping[str, Any]:
    show = getattr(value, "_repr_mimebundle_", None)
    bundle = _first(show(include=None, exclude=None)) if callable(show) else None
    return bundle if isinstance(bundle, Mapping) else {}


def _first(shown: Any) -> Any:
    """What a representation shows; it may come with metadata."""
    return shown[0] if isinstance(shown, tuple) and shown else shown


def _read(data: Any) -> Image | None:
    if isinstance(data, str):  # in a bundle an image may be written in base64
        try:
            data = base64.b64decode(data)
        except (binascii.Error, ValueError):
            return None
    if not isinstance(data, bytes | bytearray | memoryview):
        return None
    media_type = image_type_of(content := bytes(data))
    return Image(media_type=media_type, data=content) if media_type else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position < len(data):
        mark, kind = data[position], data[position + 1]
        if mark != 0xFF:
            return None
        if kind == 0xFF:  # filling
            position += 1
            continue
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            width, height = data[24:27], data[27:30]
            if len(height) < 3:
                return None
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None
