"""What is expected of a host that serves the part of the browser bundle that widgets load."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import resources
from typing import Any


async def prove_markdown_is_served(fetch: Callable[..., Any], path: str) -> None:
    """The file as it was built; kept under its own digest, and under no other.

    Args:
        fetch: A GET with the login.
        path: Where it should be.
    """
    static = resources.files("webchat_nb") / "static"
    built = (static / "markdown.js").read_bytes()
    digest = hashlib.sha256(built).hexdigest()[:16]
    assert f"static/markdown.js?v={digest}".encode() in (static / "widget.js").read_bytes()
    for query, is_kept in ((f"?v={digest}", True), ("?v=0123456789abcdef", False), ("", False)):
        answer = await fetch(path + query)
        assert answer.code == 200 and answer.body == built
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert ("immutable" in answer.headers["Cache-Control"]) is is_kept
        assert "public" not in answer.headers["Cache-Control"]
