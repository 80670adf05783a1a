"""The size of the browser's half (G11)."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from importlib import resources

from tests.bench.measurement import Measurement, measured


def run(is_quick: bool) -> Iterable[Measurement]:
    """The widget's module and what it loads, as they are shipped; nothing when they were not built."""
    static = resources.files("webchat_nb") / "static"
    widget, markdown = static / "widget.js", static / "markdown.js"
    if not widget.is_file() or not markdown.is_file():
        return []
    core, lazy = widget.read_bytes(), markdown.read_bytes()
    return [
        measured("bundle.bytes", "bytes", [len(core)], at_most=150_000),
        measured("bundle.markdown.bytes", "bytes", [len(lazy)], at_most=90_000),
        measured("G11.bundle.gz", "bytes", [len(gzip.compress(core, 9))], at_most=45 * 1024),
        measured("G11.markdown.gz", "bytes", [len(gzip.compress(lazy, 9))]),
    ]
