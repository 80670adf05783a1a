"""Markdown: for a repository, an issue, another editor.

Prompts are quoted, so that nothing in them is taken for a part of the document; answers are Markdown already.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from markdown_it import MarkdownIt

from webchat_nb.chat.exports.document import ExportDocument, ExportedAttachment
from webchat_nb.chat.exports.turns import (
    Answer,
    Notice,
    OtherEntity,
    Piece,
    Prompt,
    Thought,
    ToolUse,
    pretty,
    shown_size,
    turns_of,
)

_HTML_ENDS = (
    (r"<(script|pre|style|textarea)\b", r"</\1>"),
    (r"<!--", "-->"),
    (r"<\?", "?>"),
    (r"<!\[CDATA\[", "]]>"),
    (r"<![a-z]", ">"),
)
"""HTML that goes on until its end, whatever comes between: CommonMark §4.6."""


def to_markdown(document: ExportDocument) -> bytes:
    """The conversation as one Markdown document."""
    parts = [f"# {plain(document.title) or 'Conversation'}", f"*{subtitle(document)}*"]
    for turn in turns_of(document):
        parts.append("---")
        parts += [markdown_of(piece) for piece in turn]
    return ("\n\n".join(parts) + "\n").encode()


def subtitle(document: ExportDocument) -> str:
    """When, and with which profile."""
    begun = datetime.fromtimestamp(document.created_at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{begun} · profile {plain(document.profile)}" if document.profile else begun


def markdown_of(piece: Piece) -> str:
    """One piece, with a heading that says who speaks."""
    match piece:
        case Prompt():
            attached = "".join(f"\n- {_attachment(one)}" for one in piece.attachments)
            return f"**You**\n\n{quoted(piece.text)}" + (f"\n{attached}" if attached else "")
        case Answer():
            return f"**Assistant**\n\n{closed(piece.text)}"
        case Thought():
            return f"**Thoughts**\n\n{quoted(piece.text)}"
        case ToolUse():
            return _tool_use(piece)
        case Notice():
            return f"*{plain(piece.text)}*"
        case OtherEntity():
            payload = json.dumps(piece.payload, ensure_ascii=False, indent=2)
            return f"**{plain(piece.kind)}**\n\n{fenced(payload, 'json')}"


def _tool_use(piece: ToolUse) -> str:
    parts = [f"**Tool** {code(piece.name)}" + (f" · {plain(piece.status)}" if piece.status else "")]
    if piece.input:
        parts.append(fenced(*pretty(piece.input)))
    if piece.result is not None:
        parts += ["Result:", fenced(*pretty(piece.result))]
    parts += [f"- {_attachment(one)}" for one in piece.attachments]
    if piece.error:
        parts.append(f"*{plain(piece.error)}*")
    return "\n\n".join(parts)


def _attachment(one: ExportedAttachment) -> str:
    return f"{code(one.filename)} ({plain(one.media_type)}, {shown_size(one.size_bytes)})"


def closed(text: str) -> str:
    """A Markdown text that does not go on into what follows: an answer may end in the middle of a block of code."""
    tokens = MarkdownIt("commonmark").parse(text)
    last = tokens[-1] if tokens else None
    if last is not None and last.type == "fence" and last.map is not None:
        lines = lines_of(text)[last.map[0] : last.map[1]]
        is_open = len(lines) < 2 or not re.fullmatch(rf" {{0,3}}{re.escape(last.markup)}+[ \t]*", lines[-1])
        return f"{text}\n{last.markup}" if is_open else text
    if last is not None and last.type == "html_block":
        for beginning, end in _HTML_ENDS:
            found = re.match(beginning, last.content.lstrip(), re.IGNORECASE)
            if found and found.expand(end).lower() not in last.content.lower():
                return f"{text}\n{found.expand(end)}"
    return text


def quoted(text: str) -> str:
    """A block quote of all lines."""
    return "\n".join(f"> {line}".rstrip() for line in lines_of(text))


def lines_of(text: str) -> list[str]:
    """Its lines as Markdown counts them: ``str.splitlines`` knows more ends of lines."""
    return re.split(r"\r\n|\r|\n", text)


def fenced(text: str, language: str = "") -> str:
    """A code block that the text cannot end."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def code(text: str) -> str:
    """Code in a line, that the text cannot end."""
    line = " ".join(text.split())
    marks = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{marks}{space}{line}{space}{marks}"


def plain(text: str) -> str:
    """Text in a line, in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", " ".join(text.split()))
