"""ChatWidget: a chat in a notebook cell.

The widget in the browser opens the server's websocket by itself; nothing of the conversation goes through the kernel
and nothing of it is kept in traits (MG4), so a chat survives a kernel restart and is not saved with the notebook.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, final

import anywidget
import traitlets

from webchat_nb.notebook.conversation import conversation_id

_STATIC = Path(__file__).parent.parent / "static"

DEFAULT_HEIGHT_PX = 460


@final
class ChatWidget(anywidget.AnyWidget):
    """A chat in a cell's output.

    Example:
        >>> from webchat_nb import ChatWidget
        >>> chat = ChatWidget(profile="default")

    Args:
        profile: Slug of the profile that answers.
        conversation: None shows the notebook's own conversation, the same one each time the cell runs; ``"new"``
            starts a fresh one; any other text is a conversation's id.
        name: Tells several chats of one notebook apart.
        height: Height in pixels.
        placeholder: What the empty input field says.

    Raises:
        InvalidIdError: ``conversation`` is not 1-128 characters of ``A-Z a-z 0-9 . _ : -``.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    conversation = traitlets.Unicode(read_only=True, help="Id of the conversation that is shown.").tag(sync=True)
    profile = traitlets.Unicode("default", help="Slug of the profile that answers.").tag(sync=True)
    height = traitlets.Int(DEFAULT_HEIGHT_PX, min=160, max=4000, help="Height in pixels.").tag(sync=True)
    placeholder = traitlets.Unicode("", help="What the empty input field says.").tag(sync=True)

    def __init__(
        self,
        profile: str = "default",
        conversation: str | None = None,
        *,
        name: str | None = None,
        height: int = DEFAULT_HEIGHT_PX,
        placeholder: str = "",
    ) -> None:
        super().__init__(profile=profile, height=height, placeholder=placeholder)
        self.set_trait("conversation", conversation_id(conversation, profile=profile, name=name))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a sentence for places that cannot show it, such as an export of the notebook."""
        shown: Any = super()._repr_mimebundle_(**kwargs)
        sentence = f"webchat_nb chat, conversation {self.conversation}: open the notebook in Jupyter to see it."
        texts = {"text/plain": sentence, "text/html": f"<p><em>{html.escape(sentence)}</em></p>"}
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        return {**data, **texts}, metadata
