"""A notebook: prompts and answers as Markdown cells, the answers' code blocks as code cells.

Only blocks in Python, or in no language, become code cells, for a notebook runs nothing else; others stay in their text.
Pictures that were attached travel in the cell of their prompt, those that a tool gave in the cell of its call.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt

from webchat_nb.chat.attachments.checking import IMAGE_TYPES
from webchat_nb.chat.exports.document import ExportDocument
from webchat_nb.chat.exports.to_markdown import lines_of, markdown_of, plain, subtitle
from webchat_nb.chat.exports.turns import Answer, Piece, Prompt, ToolUse, turns_of

_PYTHON = ("", "python", "py", "python3", "ipython")

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def to_ipynb(document: ExportDocument) -> bytes:
    """The conversation as a notebook of format 4.5."""
    import nbformat  # here: it takes longer to import than all of ours

    title = f"# {plain(document.title) or 'Conversation'}\n\n*{subtitle(document)}*"
    cells = [
        ("markdown", title, {}),
        *(cell for turn in turns_of(document) for piece in turn for cell in _cells(piece)),
    ]
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(metadata=_METADATA)
    for number, (kind, source, more) in enumerate(cells, start=1):
        make = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
        notebook.cells.append(make(source=source, id=f"cell-{number}", **more))
    nbformat.validate(notebook)
    text: str = v4.writes(notebook)
    return text.encode() + b"\n"


def _cells(piece: Piece) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if isinstance(piece, Answer):
        for number, (kind, source) in enumerate(split_code(piece.text)):
            is_first_text = kind == "markdown" and number == 0
            yield kind, f"**Assistant**\n\n{source}" if is_first_text else source, {}
        return
    pictures = _pictures(piece) if isinstance(piece, Prompt | ToolUse) else {}
    shown = "".join(f"\n\n![{plain(name)}](attachment:{name})" for name in pictures)
    yield "markdown", markdown_of(piece) + shown, {"attachments": pictures} if pictures else {}


def _pictures(piece: Prompt | ToolUse) -> dict[str, dict[str, str]]:
    """Attached pictures as a cell keeps them: names without anything that Markdown could take for something else."""
    pictures: dict[str, dict[str, str]] = {}
    for number, one in enumerate(piece.attachments, start=1):
        if one.data is not None and one.media_type in IMAGE_TYPES:
            ending = one.media_type.partition("/")[2]
            pictures[f"picture-{number}.{ending}"] = {one.media_type: base64.b64encode(one.data).decode()}
    return pictures


def split_code(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a Markdown text: ``markdown``, and ``code`` for each block of code in Python."""
    lines = lines_of(text)
    end = 0
    for token in MarkdownIt("commonmark").parse(text):
        language = token.info.strip().split(" ")[0].lower() if token.info.strip() else ""
        if token.type == "fence" and token.level == 0 and token.map is not None and language in _PYTHON:
            before = "\n".join(lines[end : token.map[0]]).strip("\n")
            if before.strip():
                yield "markdown", before
            if token.content.strip():
                yield "code", token.content.rstrip("\n")
            end = token.map[1]
    rest = "\n".join(lines[end:]).strip("\n")
    if rest.strip():
        yield "markdown", rest
