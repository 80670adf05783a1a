"""The page of our own server: one HTML file that loads the browser bundle, and the bundle.

No script and no style is in the page itself, so that the content security policy can forbid both.

Rule: AC1, RD1.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from tornado import web

from webchat_nb.transports.token_login import TokenLogin, close_to_strangers

STATIC = Path(__file__).resolve().parents[1] / "static"
"""Where the browser bundle is installed, or built by ``js/``."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self' data:; "
    "img-src 'self' data: blob: https: http:; connect-src 'self' {socket}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Images of other sites are allowed here, because the page loads them only after a click (RD1); blobs are images that
tools drew."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="webchat-base" content="{path}">
<title>Chat</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{path}static/widget.css">
<script type="module" src="{path}static/page.js"></script>
</head>
<body>
<main id="webchat"></main>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
"""

_MISSING = (
    "The browser bundle is not here: {file} is missing. In a checkout, run `npm ci && npm run build` in the folder js/; "
    "an installed package brings it along, so install it again.\n"
)

_STRANGER = "Who are you? Open the address with the token: {path}?token=…\n"


class _Page(TokenLogin):
    def initialize(self, static: Path) -> None:
        self._static = static

    def get(self) -> None:
        if not self.current_user:
            self._tell(401, _STRANGER.format(path=self.settings["webchat_path"]))
            return
        missing = [name for name in ("page.js", "widget.css") if not (self._static / name).is_file()]
        if missing:
            self._tell(503, _MISSING.format(file=f"static/{missing[0]}"))
            return
        if self.sends_token:
            self.remember_login()
        _ = self.xsrf_token  # sets the cookie that later POSTs repeat
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", _POLICY.format(socket=self._socket_origin()))
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(_PAGE.format(path=escape(self.settings["webchat_path"], quote=True)))

    def _socket_origin(self) -> str:
        """The websocket's origin by name: older browsers do not count it as 'self'."""
        scheme = "wss" if self.request.protocol == "https" else "ws"
        host = self.request.host
        is_plain = all(char.isalnum() or char in ".-:[]" for char in host)
        return f"{scheme}://{host}" if is_plain else ""

    def _tell(self, status: int, text: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(text)


class _Static(TokenLogin, web.StaticFileHandler):
    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")


def ui_routes(prefix: str, *, static: Path = STATIC) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The page at the mount and the bundle below ``static/``; both want the login."""
    methods = {verb: close_to_strangers(getattr(_Static, verb), status=401) for verb in ("get", "head")}
    files = type("StaticHandler", (_Static,), methods)
    return [
        (rf"{prefix}", _Page, {"static": static}),
        (rf"{prefix}static/(.*)", files, {"path": str(static)}),
    ]
