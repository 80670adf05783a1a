"""ChatWidget: a chat in a notebook cell.

The widget in the browser opens the server's websocket by itself; nothing of the conversation is kept in traits (MG4), so a
chat survives a kernel restart and is not saved with the notebook. Functions of the notebook may be the chat's tools, or
answer themselves: the server then talks to the kernel, see ``kernel``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, final, overload

import anywidget
import traitlets

from webchat_nb.chat.tools import Approval, Tool
from webchat_nb.chat.tools.functions.declared import FunctionTool, as_tool
from webchat_nb.chat.tools.functions.declared import tool as declare
from webchat_nb.engines.functions import EngineFunction, FunctionFactory
from webchat_nb.notebook.conversation import conversation_id
from webchat_nb.notebook.kernel.line import kernel_line

P = ParamSpec("P")
R = TypeVar("R")

_STATIC = Path(__file__).parent.parent / "static"

_KERNEL_PROFILE = "kernel"
"""The profile in which a function of the notebook answers."""

DEFAULT_HEIGHT_PX = 460


@final
class ChatWidget(anywidget.AnyWidget):
    """A chat in a cell's output.

    Example:
        >>> from webchat_nb import ChatWidget
        >>> chat = ChatWidget(profile="default")
        >>> @chat.tool
        ... def add(a: int, b: int) -> int:
        ...     "Add two numbers."
        ...     return a + b

    Args:
        profile: Slug of the profile that answers; left out with an ``engine``.
        conversation: None shows the notebook's own conversation, the same one each time the cell runs; ``"new"``
            starts a fresh one; any other text is a conversation's id.
        name: Tells several chats of one notebook apart.
        height: Height in pixels.
        placeholder: What the empty input field says.
        tools: Functions of this notebook that the model may call; see ``tool``.
        engine: A function of this notebook that answers; see ``engine``.

    Raises:
        InvalidIdError: ``conversation`` is not 1-128 characters of ``A-Z a-z 0-9 . _ : -``.
        ConfigError: A function cannot be a tool, or cannot answer; the message says why.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    conversation = traitlets.Unicode(read_only=True, help="Id of the conversation that is shown.").tag(sync=True)
    profile = traitlets.Unicode("default", help="Slug of the profile that answers.").tag(sync=True)
    height = traitlets.Int(DEFAULT_HEIGHT_PX, min=160, max=4000, help="Height in pixels.").tag(sync=True)
    placeholder = traitlets.Unicode("", help="What the empty input field says.").tag(sync=True)
    _kernel = traitlets.Unicode("", read_only=True, help="Id of the kernel that this widget was made in.").tag(
        sync=True
    )

    def __init__(
        self,
        profile: str | None = None,
        conversation: str | None = None,
        *,
        name: str | None = None,
        height: int = DEFAULT_HEIGHT_PX,
        placeholder: str = "",
        tools: Iterable[Tool | Callable[..., Any]] = (),
        engine: EngineFunction | None = None,
    ) -> None:
        profile = profile or ("default" if engine is None else _KERNEL_PROFILE)
        given = [as_tool(item) for item in tools]
        factory = None if engine is None else FunctionFactory(engine)
        super().__init__(profile=profile, height=height, placeholder=placeholder)
        self.set_trait("conversation", conversation_id(conversation, profile=profile, name=name))
        line = kernel_line()
        for item in given:
            line.offers.put_tool(self.conversation, item)
        if factory is not None:
            line.offers.put_engine(self.conversation, factory)
        self.set_trait("_kernel", line.kernel_id)

    @overload
    def tool(self, function: Callable[P, R], /) -> FunctionTool[P, R]: ...

    @overload
    def tool(
        self, /, *, name: str = "", description: str = "", approval: Approval = "never", timeout_s: float | None = None
    ) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...

    def tool(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Let the model call a function of this notebook: ``@chat.tool``, or ``@chat.tool(approval="always")``.

        It works in this kernel, with the notebook's variables, and is a tool of this conversation alone. A plain function
        works like a cell: one at a time, and the notebook's stop button interrupts it. What it prints goes with its
        result. Running the cell again replaces it.

        Args:
            function: A function, async function, generator or async generator; its name, docstring and type hints say
                what the model is told of it.
            **options: ``name``, ``description``, ``approval`` (``never``, ``always``, or a function of the arguments),
                ``timeout_s``.

        Raises:
            ConfigError: The function cannot be a tool; the message says why. Nothing is changed.

        Rule: TL6.
        """

        def offer(function: Callable[..., Any]) -> Any:
            made = declare(**options)(function) if options else as_tool(function)
            kernel_line().offers.put_tool(self.conversation, made)
            return made

        return offer if function is None else offer(function)

    @property
    def tools(self) -> list[str]:
        """Names of the tools that this notebook offers to the conversation."""
        return kernel_line().offers.names(self.conversation)

    def remove_tool(self, name: str) -> None:
        """Offer a tool no more, from the next prompt on.

        Raises:
            KeyError: There is none of this name.
        """
        if not kernel_line().offers.drop_tool(self.conversation, name):
            raise KeyError(name)

    def engine(self, function: EngineFunction) -> EngineFunction:
        """Let a function of this notebook answer: ``@chat.engine``. The profile becomes ``kernel``.

        Running the cell again replaces it, from the next prompt on.

        Args:
            function: A function, async function, generator or async generator; it gets the messages so far, see
                ``engines.functions``.

        Raises:
            ConfigError: The function wants an argument that nobody has. Nothing is changed.

        Rule: EN9.
        """
        kernel_line().offers.put_engine(self.conversation, FunctionFactory(function))
        self.profile = _KERNEL_PROFILE
        return function

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a sentence for places that cannot show it, such as an export of the notebook."""
        shown: Any = super()._repr_mimebundle_(**kwargs)
        sentence = f"webchat_nb chat, conversation {self.conversation}: open the notebook in Jupyter to see it."
        texts = {"text/plain": sentence, "text/html": f"<p><em>{html.escape(sentence)}</em></p>"}
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        return {**data, **texts}, metadata
