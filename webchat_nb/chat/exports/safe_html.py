"""Markdown of strangers as HTML that does nothing: no script, no style, no picture from elsewhere.

Sanitised last, after all that Markdown makes of it.

Rule: RD1, EX5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

# fmt: off
_TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "kbd", "li", "mark", "ol", "p", "pre", "s", "samp", "small", "span", "strong", "sub", "summary",
    "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul", "var",
}
# fmt: on

_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "td": {"align"}, "th": {"align"}}

_ALIGN = "text-align:"


@final
class _Renderer(RendererHTML):
    """As Markdown's own, but a picture is a link to it, and a column's alignment is no style."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """A link: nothing is loaded unless somebody clicks."""
        token = tokens[idx]
        source = str(token.attrGet("src") or "")
        shown = self.renderInlineAsText(token.children, options, env) or "picture"
        return f'<a href="{escape(source)}">{escape(shown)}</a>'

    def renderToken(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: N802
        """A column's alignment as an attribute."""
        style = str(tokens[idx].attrs.pop("style", ""))
        if style.startswith(_ALIGN):
            tokens[idx].attrSet("align", style.removeprefix(_ALIGN))
        return super().renderToken(tokens, idx, options, env)


@final
class SafeHtml:
    """Turns Markdown into safe HTML; one may be used for many texts."""

    def __init__(self) -> None:
        self._markdown = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer)
        self._markdown.enable(["table", "strikethrough"])
        self._cleaner: Mapping[str, Any] = {
            "tags": _TAGS,
            "attributes": {tag: set(names) for tag, names in _ATTRIBUTES.items()},
            "url_schemes": {"http", "https", "mailto"},
            "link_rel": "noopener noreferrer",
            "set_tag_attribute_values": {"a": {"target": "_blank"}},
        }

    def of_markdown(self, text: str) -> str:
        """The HTML of a Markdown text."""
        return nh3.clean(self._markdown.render(text), **self._cleaner)
