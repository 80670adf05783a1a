"""The formats by name: how a file of each is made, and what it is called.

Rule: EX1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from webchat_nb.chat.attachments.checking import safe_filename
from webchat_nb.chat.exports.document import ExportDocument
from webchat_nb.chat.exports.to_html import to_html
from webchat_nb.chat.exports.to_ipynb import to_ipynb
from webchat_nb.chat.exports.to_json import to_json
from webchat_nb.chat.exports.to_markdown import to_markdown
from webchat_nb.chat.exports.to_yaml import to_yaml

FIXTURE = "fixture"
"""The one format that is made of the log."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One format.

    Attributes:
        ending: Of the file's name.
        render: None for the fixture, which is made of the log.
    """

    ending: str
    media_type: str
    render: Callable[[ExportDocument], bytes] | None = None


FORMATS: Mapping[str, Format] = {
    "json": Format(ending=".json", media_type="application/json", render=to_json),
    "yaml": Format(ending=".yaml", media_type="application/yaml", render=to_yaml),
    "markdown": Format(ending=".md", media_type="text/markdown; charset=utf-8", render=to_markdown),
    "html": Format(ending=".html", media_type="text/html; charset=utf-8", render=to_html),
    "ipynb": Format(ending=".ipynb", media_type="application/x-ipynb+json", render=to_ipynb),
    FIXTURE: Format(ending=".fixture.json", media_type="application/json"),
}


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A file for a browser to save."""

    filename: str
    media_type: str
    content: bytes


def filename_of(title: str, form: Format) -> str:
    """A name that every file system takes, out of a conversation's title."""
    words = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", title)
    return safe_filename(words, default="conversation")[:80].rstrip(". ") + form.ending
