"""``%load_ext webchat_nb``: the magics.

``%chat`` shows a chat; ``%webchat status`` says what is installed and whether the server extension answers.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, misc"
# (IPython's decorators carry no types)

from __future__ import annotations

from typing import final

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from webchat_nb.notebook.status import read_status
from webchat_nb.notebook.widget import ChatWidget


@final
@magics_class
class WebchatMagics(Magics):
    """The magics of webchat_nb."""

    @magic_arguments()
    @argument("profile", nargs="?", default="default", help="slug of the profile that answers")
    @argument("--conversation", "-c", default=None, help="a conversation's id, or new")
    @argument("--name", "-n", default=None, help="tells several chats of one notebook apart")
    @line_magic
    def chat(self, line: str) -> ChatWidget:
        """Show a chat: ``%chat``, ``%chat PROFILE``, ``%chat --conversation new``."""
        given = parse_argstring(self.chat, line)
        return ChatWidget(profile=given.profile, conversation=given.conversation, name=given.name)

    @magic_arguments()
    @argument("what", nargs="?", default="status", choices=["status"], help="status: versions and the server")
    @line_magic
    def webchat(self, line: str) -> None:
        """Say what is installed and whether the server extension answers."""
        parse_argstring(self.webchat, line)
        print(read_status())  # noqa: T201 - a magic's answer is what it prints


def load(shell: InteractiveShell) -> None:
    """Register the magics; a second ``%load_ext`` changes nothing."""
    shell.register_magics(WebchatMagics)


def unload(shell: InteractiveShell) -> None:
    """Take the magics away again."""
    magics = shell.magics_manager
    for name in ("chat", "webchat"):
        magics.magics["line"].pop(name, None)
    magics.registry.pop(WebchatMagics.__name__, None)
