"""One HTML file that needs nothing else: no script, no network; light and dark as the reader likes it.

The policy in its head forbids a browser all that the page does not need, should something have slipped through.

Rule: EX5, RD1.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from html import escape
from importlib import resources
from typing import final

from webchat_nb.chat.attachments.checking import IMAGE_TYPES
from webchat_nb.chat.exports.document import ExportDocument, ExportedAttachment
from webchat_nb.chat.exports.safe_html import SafeHtml
from webchat_nb.chat.exports.turns import (
    Answer,
    Notice,
    OtherEntity,
    Piece,
    Prompt,
    Thought,
    ToolUse,
    Turn,
    pretty,
    shown_size,
    turns_of,
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
<p>{subtitle}</p>
</header>
{turns}
</main>
</body>
</html>
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def to_html(document: ExportDocument) -> bytes:
    """The conversation as one page."""
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    pieces = _Pieces()
    return _PAGE.format(
        policy=_POLICY.format(digest=digest),
        title=escape(document.title) or "Conversation",
        style=style,
        subtitle=escape(_subtitle(document)),
        turns="\n".join(pieces.turn(turn) for turn in turns_of(document)),
    ).encode()


def _subtitle(document: ExportDocument) -> str:
    begun = datetime.fromtimestamp(document.created_at_ms / 1000, UTC)
    day = f"{begun.day} {begun:%B %Y}"
    return f"{day} · {document.profile}" if document.profile else day


@final
class _Pieces:
    """Pieces of a conversation as HTML."""

    def __init__(self) -> None:
        self._rich = SafeHtml()

    def turn(self, turn: Turn) -> str:
        """A section of its own."""
        inner = "\n".join(self.piece(piece) for piece in turn)
        return f'<section class="turn">\n{inner}\n</section>'

    def piece(self, piece: Piece) -> str:
        """One piece."""
        match piece:
            case Prompt():
                attached = "".join(_attachment(one) for one in piece.attachments)
                return f'<article class="prompt" aria-label="You">{attached}<div class="text" dir="auto">{escape(piece.text)}</div></article>'
            case Answer():
                return f'<article class="rich" dir="auto" aria-label="Assistant">{self._rich.of_markdown(piece.text)}</article>'
            case Thought():
                inner = f'<div class="rich" dir="auto">{self._rich.of_markdown(piece.text)}</div>'
                return f'<details class="fold thought"><summary>Thoughts</summary>{inner}</details>'
            case ToolUse():
                return _tool_use(piece)
            case Notice():
                return f'<p class="notice {piece.level}">{escape(piece.text)}</p>'
            case OtherEntity():
                data = json.dumps(piece.payload, ensure_ascii=False, indent=2)
                return _fold(f"<code>{escape(piece.kind)}</code>", f"<pre>{escape(data)}</pre>")


def _tool_use(piece: ToolUse) -> str:
    failed = ' class="error"' if piece.status == "failed" else ""
    status = f"<small{failed}>{escape(piece.status)}</small>" if piece.status else ""
    parts = []
    if piece.input:
        parts.append(f"<h2>Arguments</h2><pre>{escape(pretty(piece.input)[0])}</pre>")
    if piece.result is not None:
        parts.append(f"<h2>Result</h2><pre>{escape(pretty(piece.result)[0])}</pre>")
    parts += [_attachment(one) for one in piece.attachments]
    if piece.error:
        parts.append(f'<p class="notice error">{escape(piece.error)}</p>')
    return _fold(f"<code>{escape(piece.name)}</code>{status}", "".join(parts))


def _fold(summary: str, inner: str) -> str:
    return f'<details class="fold"><summary>{summary}</summary><div>{inner}</div></details>'


def _attachment(one: ExportedAttachment) -> str:
    """A picture in itself; of any other file what it is."""
    if one.data is not None and one.media_type in IMAGE_TYPES:
        source = f"data:{one.media_type};base64,{base64.b64encode(one.data).decode()}"
        return f'<img src="{source}" alt="{escape(one.filename)}">'
    return f'<div class="file">{escape(one.filename)}<small>{shown_size(one.size_bytes)}</small></div>'
