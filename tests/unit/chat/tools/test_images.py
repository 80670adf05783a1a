"""TL3: images that a function returned. matplotlib is played by what is used of it."""

from __future__ import annotations

import base64
import io
from typing import Any

import PIL.Image
import pytest

from webchat_nb.chat.tools import ToolContent, ToolOutcome
from webchat_nb.chat.tools.results.images import image_size, shown_of
from webchat_nb.chat.tools.results.outcomes import outcome_of

pytestmark = pytest.mark.rule("TL3")

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def picture(*, mode: str = "RGB") -> PIL.Image.Image:
    return PIL.Image.new(mode, (300, 20))


def written(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, kind, **options)
    return buffer.getvalue()


class Figure:
    """As matplotlib's."""

    def __init__(self) -> None:
        self.saved: list[dict[str, Any]] = []

    def savefig(self, file: io.BytesIO, **options: Any) -> None:
        self.saved.append(options)
        file.write(written("PNG"))


class Axes:
    def __init__(self, figure: Figure) -> None:
        self.figure = figure


@pytest.mark.parametrize("kind", TYPES)
def test_bytes_of_an_image_are_shown(kind: str) -> None:
    data = written(kind)

    for value in (data, bytearray(data), memoryview(data)):
        outcome = outcome_of(value)
        assert outcome.shown == ToolContent(TYPES[kind], data)
        assert outcome.result == (
            f"An image was shown to the user: {TYPES[kind]}, 300 × 20 pixels, {len(data):,} bytes."
        )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": False}),
        ("WEBP", {"exif": b"Exif\x00\x00" + b"x" * 40}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"comment": b"c" * 500}),
    ],
)
def test_each_form_of_a_type_says_its_size(kind: str, options: dict[str, Any]) -> None:
    assert image_size(TYPES[kind], written(kind, **options)) == (300, 20)


def test_a_jpeg_may_say_other_things_first() -> None:
    data = written("JPEG")
    for kind in (0xC4, 0xC8, 0xCC):
        segment = bytes([0xFF, 0xFF, kind, 0, 10]) + b"\x01" * 8
        assert image_size("image/jpeg", data[:2] + segment + data[2:]) == (300, 20)
    assert image_size("image/jpeg", data[:2] + b"\x00\x00" + data[2:]) is None


@pytest.mark.parametrize("kind", TYPES)
def test_an_image_that_is_cut_off_has_no_size_and_no_error(kind: str) -> None:
    data = written(kind)
    sizes = {image_size(TYPES[kind], data[:length]) for length in range(len(data))}
    assert sizes <= {None, (300, 20)}


def test_a_picture_of_pillow_is_shown() -> None:
    outcome = outcome_of(picture())

    assert outcome.shown is not None
    assert outcome.shown.media_type == "image/png"
    assert isinstance(outcome.shown.data, bytes)
    assert PIL.Image.open(io.BytesIO(outcome.shown.data)).size == (300, 20)
    assert outcome.result.startswith("An image was shown to the user: image/png, 300 × 20 pixels, ")


def test_a_picture_that_cannot_be_a_png_is_a_jpeg() -> None:
    outcome = outcome_of(picture(mode="CMYK"))
    assert outcome.shown is not None
    assert outcome.shown.media_type == "image/jpeg"


def test_a_figure_is_drawn() -> None:
    figure = Figure()

    assert outcome_of(figure).shown == outcome_of(Axes(figure)).shown == ToolContent("image/png", written("PNG"))
    assert figure.saved == [{"format": "png", "bbox_inches": "tight"}] * 2


@pytest.mark.parametrize("data", [written("PNG"), base64.b64encode(written("PNG")).decode()])
@pytest.mark.parametrize("has_metadata", [False, True])
def test_a_bundle_is_shown_with_its_words(data: bytes | str, has_metadata: bool) -> None:
    class Chart:
        asked = 0

        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
            self.asked += 1
            bundle = {"text/html": "<b>", "image/png": data, "text/plain": "a chart"}
            return (bundle, {"image/png": {"width": 5}}) if has_metadata else bundle

    chart = Chart()
    outcome = outcome_of(chart)

    assert outcome.shown == ToolContent("image/png", written("PNG"))
    assert outcome.result.startswith("An image was shown to the user: image/png, 300 × 20 pixels")
    assert outcome.result.endswith("\na chart")
    assert chart.asked == 1


def test_what_calls_itself_an_image_and_is_none_is_not_shown() -> None:
    class Liar:
        def __init__(self, data: Any) -> None:
            self.data = data

        def _repr_png_(self) -> Any:
            return self.data

        def __str__(self) -> str:
            return "a liar"

    for data in (None, b"<svg/>", b"", "no base64!", ("x",), 5, (None, {})):
        assert outcome_of(Liar(data)) == ToolOutcome(result='"a liar"')
    assert outcome_of(Liar((written("GIF"), {}))).shown == ToolContent("image/gif", written("GIF"))


def test_a_class_shows_nothing() -> None:
    assert shown_of(PIL.Image.Image) is None
    assert shown_of(Figure) is None
