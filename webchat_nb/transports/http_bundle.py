"""The part of the browser bundle that does not travel with each widget.

It lies beside the API, so that the address, the login and the permissions are those of every other request, whatever
the host serves as static files and to whom.

Rule: AC1, MG7.
"""

from __future__ import annotations

import hashlib
from importlib import resources

from webchat_nb.errors import NotFoundError
from webchat_nb.transports.http_base import ApiHandler

_STATIC = resources.files("webchat_nb") / "static"

_KEPT_S = 365 * 24 * 3600
"""How long a browser keeps what it asked for by its digest."""


class MarkdownHandler(ApiHandler):
    """``static/markdown.js``."""

    async def get(self) -> None:
        """The newest there is, whichever is asked for; it is kept only under its own digest."""
        file = _STATIC / "markdown.js"
        if not file.is_file():
            raise NotFoundError("the browser bundle is not here: static/markdown.js is missing")
        content = file.read_bytes()
        is_meant = self.text_argument("v") == hashlib.sha256(content).hexdigest()[:16]
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Content-Length", str(len(content)))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", f"private, max-age={_KEPT_S}, immutable" if is_meant else "no-cache")
        self.write(content)
        await self.flush()  # before ``finish``, where Jupyter's handlers would call it JSON
        self.finish()
