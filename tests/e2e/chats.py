"""Chats that tests open in JupyterLab or on our own page, and what waits in them for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

import pytest
from playwright.sync_api import Locator, Page

from tests.e2e.jupyter import JupyterServer
from webchat_nb.testing.page import ChatPage, NotebookPage

if TYPE_CHECKING:
    from tests.e2e.conftest import Desk

Place = Literal["lab", "page"]

EVERYWHERE = pytest.mark.parametrize("place", ["lab", "page"])


@final
class Chats:
    """Opens chats of a profile, in JupyterLab or on the page."""

    def __init__(self, desk: Desk, lab: JupyterServer, page_address: str) -> None:
        self.desk, self._lab, self._page_address = desk, lab, page_address
        self._notebook: NotebookPage | None = None

    def open(self, place: Place, profile: str = "asking", height: int = 700, **settings: Any) -> ChatPage:
        """A new conversation, live."""
        page = self.desk.new_page(**settings)
        if place == "lab":
            cell = f"from webchat_nb import ChatWidget\nChatWidget(profile={profile!r}, height={height})"
            self._notebook, chat = self.desk.open_chat(self._lab, cell, page=page)
            self._notebook.save()
            return chat
        page.goto(f"{self._page_address}&profile={profile}")
        return self._live(page)

    def open_again(self, chat: ChatPage) -> ChatPage:
        """The same conversation on the page in another tab of the same person."""
        page = chat.page.context.new_page()
        page.goto(f"{self._page_address}&conv_id={chat.conversation}")
        return self._live(page)

    def reload(self, chat: ChatPage) -> None:
        """Load its page anew."""
        if self._notebook is not None:
            self._notebook.reload()
        else:
            chat.page.reload()
        chat.wait_live()

    def _live(self, page: Page) -> ChatPage:
        chat = ChatPage(page)
        chat.wait_live()
        return chat


def handle(chat: ChatPage | Locator, name: str) -> Locator:
    root = chat.root if isinstance(chat, ChatPage) else chat
    return root.locator(f'[data-webchat="{name}"]')


def asked(chat: ChatPage, status: str = "pending") -> Locator:
    return chat.entities("ChatApproval", status=status)
