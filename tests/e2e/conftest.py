"""A real JupyterLab and a real Chromium, shared by all tests; a notebook, a kernel and a browser context for each."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, WebSocket, expect, sync_playwright

from tests.e2e.chats import Chats
from tests.e2e.jupyter import App, JupyterServer
from tests.e2e.scripts import write_profiles
from tests.e2e.standalone import serving_page
from tests.e2e.truth import Truth
from webchat_nb.testing.page import TIMEOUT_S, ChatPage, NotebookPage

RESULTS = Path(__file__).resolve().parents[2] / "test-results"

BROWSER_VARIABLE = "WEBCHAT_TEST_BROWSER"
"""Names a Chromium to use; else one on the PATH, else Playwright's own."""

_BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)

_FAILED = pytest.StashKey[bool]()

CHAT_CELL = "from webchat_nb import ChatWidget\nChatWidget(profile='numbers')"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures know at their end whether the test failed."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=TIMEOUT_S * 1000)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = os.environ.get(BROWSER_VARIABLE) or next(filter(None, map(shutil.which, _BROWSER_NAMES)), None)
    # Without one this fails, and so does every test: a skip would look like a proof.
    started = playwright.chromium.launch(executable_path=found, args=_BROWSER_FLAGS)
    yield started
    started.close()


StartServer = Callable[..., JupyterServer]


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts servers; ends them all."""
    started: list[JupyterServer] = []

    def start(*, app: App = "lab", base_url: str = "/") -> JupyterServer:
        folder = tmp_path_factory.mktemp(app)
        profiles = write_profiles(folder / "profiles")
        server = JupyterServer(folder, token=secrets.token_hex(16), profiles=profiles, app=app, base_url=base_url)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def lab(start_server: StartServer) -> JupyterServer:
    """The JupyterLab that tests share; nobody kills it."""
    return start_server()


@final
class Desk:
    """A test's place to work: browser contexts, notebooks, and what is kept of them at the end.

    Args:
        browser: Where contexts are made.
        test: Whose place it is.
    """

    def __init__(self, browser: Browser, test: pytest.Item) -> None:
        self._browser = browser
        self._test = test
        self._name = re.sub(r"[^A-Za-z0-9_]+", "-", test.name).removeprefix("test_").strip("-")
        self._contexts: list[BrowserContext] = []
        self._servers: dict[int, JupyterServer] = {}
        self._notebook_count = 0
        self.console: list[str] = []

    def write_notebook(self, server: JupyterServer, *cells: str) -> str:
        """Put a notebook into the server's folder; its name belongs to this test alone."""
        self._notebook_count += 1
        name = f"{self._name[:60]}-{self._notebook_count}.ipynb"
        (server.notebooks / name).write_text(json.dumps(_notebook(cells or (CHAT_CELL,))), encoding="utf-8")
        return name

    def name_of(self, notebook: NotebookPage) -> str:
        """The file of a notebook that is open."""
        return PurePosixPath(urlsplit(notebook.page.url).path).name

    def new_page(self, **settings: Any) -> Page:
        """A page in a browser context of its own."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        context.tracing.start(snapshots=True)
        context.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: self.console.append(f"uncaught: {error.error}"))
        context.on("page", self._listen)
        self._contexts.append(context)
        return context.new_page()

    def open(
        self,
        server: JupyterServer,
        *cells: str,
        name: str | None = None,
        page: Page | None = None,
        port: int | None = None,
    ) -> NotebookPage:
        """Open a notebook and wait for its kernel; a new notebook unless ``name`` says which."""
        self._servers[server.port] = server
        notebook = NotebookPage(page or self.new_page())
        notebook.open(server.notebook_url(name or self.write_notebook(server, *cells), port=port))
        return notebook

    def open_chat(self, server: JupyterServer, *cells: str, **settings: Any) -> tuple[NotebookPage, ChatPage]:
        """Open a new notebook, run it, and wait until its chat is live."""
        notebook = self.open(server, *cells, **settings)
        notebook.run_all()
        chat = notebook.chat()
        chat.wait_live()
        return notebook, chat

    def truth(self, server: JupyterServer, chat: ChatPage) -> Truth:
        """What the server says of the conversation that a chat shows."""
        return Truth(server, chat.conversation)

    def record(self, name: str, value: object) -> None:
        """Put a measurement into the report."""
        self._test.user_properties.append((name, value))

    def shoot(self, chat: ChatPage, moment: str = "chat") -> None:
        """Keep a picture of the chat alone."""
        chat.root.screenshot(path=RESULTS / "screenshots" / f"{self._name}-{moment}.png")

    def _listen(self, page: Page) -> None:
        """Note what is said to the kernel and by it: not what, only of which type."""

        def note(direction: str) -> Callable[[str | bytes], None]:
            def write(frame: str | bytes) -> None:
                text = frame if isinstance(frame, str) else frame.decode(errors="replace")
                kinds = re.findall(r'"(?:msg_type|execution_state)":\s*"(\w+)"', text)
                self.console.append(f"kernel {direction} {' '.join(kinds)}")

            return write

        def listen(socket: WebSocket) -> None:
            if "/api/kernels/" in socket.url:
                socket.on("framesent", note("<-"))
                socket.on("framereceived", note("->"))

        page.on("websocket", listen)

    def leave(self) -> None:
        """Keep a picture of each page, and of a failure all that helps to understand it."""
        failed = self._test.stash.get(_FAILED, False)
        failure = RESULTS / "failures" / self._name
        shutil.rmtree(failure, ignore_errors=True)
        pages = [page for context in self._contexts for page in context.pages]
        for number, page in enumerate(pages, 1):
            suffix = f"-page{number}" if len(pages) > 1 else ""
            page.screenshot(path=RESULTS / "screenshots" / f"{self._name}{suffix}.png")
        for number, context in enumerate(self._contexts, 1):
            if failed:
                context.tracing.stop(path=failure / f"trace-{number}.zip")
            else:
                context.tracing.stop()
            context.close()
        if failed:
            failure.mkdir(parents=True, exist_ok=True)
            console = "\n".join(self.console)
            for server in self._servers.values():
                console = console.replace(server.token, "[token]")
            (failure / "console.log").write_text(console, encoding="utf-8")
            for port, server in self._servers.items():
                (failure / f"kernels-{port}.log").write_text(server.dump_kernels(), encoding="utf-8")
                (failure / f"server-{port}.log").write_text(server.read_log(), encoding="utf-8")
        for server in self._servers.values():
            server.end_kernels()


@pytest.fixture
def desk(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(browser, request.node)
    yield made
    made.leave()


@pytest.fixture(scope="session")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our own page that tests share, with its token."""
    with serving_page(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture
def chats(desk: Desk, lab: JupyterServer, page_address: str) -> Chats:
    return Chats(desk, lab, page_address)


def _notebook(cells: tuple[str, ...]) -> dict[str, Any]:
    return {
        "cells": [
            {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for n, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
