"""The size of the browser's half (G11)."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from importlib import resources

from tests.bench.measurement import Measurement, measured


def run(is_quick: bool) -> Iterable[Measurement]:
    """The widget's module as it is shipped; nothing when it was not built."""
    script = resources.files("webchat_nb") / "static" / "widget.js"
    if not script.is_file():
        return []
    content = script.read_bytes()
    return [
        measured("bundle.bytes", "bytes", [len(content)], at_most=150_000),
        measured("G11.bundle.gz", "bytes", [len(gzip.compress(content, 9))], at_most=45 * 1024),
    ]
