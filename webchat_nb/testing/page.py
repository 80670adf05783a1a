"""Page objects for Playwright: a notebook in JupyterLab or Notebook 7, and a chat in it.

A chat is found by the handles of MG6 alone, so the same object drives the widget and the standalone page. Every wait
ends: with what was waited for, or with Playwright's ``AssertionError`` or ``TimeoutError``.

Rule: MG6.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, final

from playwright.sync_api import Dialog, Locator, Page, TimeoutError, expect

State = Literal["connecting", "live", "reconnecting", "offline", "ended"]
Theme = Literal["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]

TIMEOUT_S: Final = 30.0
"""How long anything may take unless a test says otherwise; a busy CI machine included."""

KERNEL_TIMEOUT_S: Final = 60.0
"""How long a kernel may take to start."""

DEAF_AFTER_S: Final = 12.0
"""A kernel that says nothing for so long is connected to once more.

ipykernel 7.0 to 7.3 now and then overlook a request until somebody connects; 7.4 does not.

Source: ipykernel issue 1554.
"""

ROOT: Final = '[data-webchat="root"]'
CONTENT: Final = '[data-webchat="content"]'

_PANEL: Final = "window.jupyterapp?.shell.currentWidget"

# The page's own "idle" indicator comes too early: a cell that is run then may hang for good. The kernel's answer to the
# first question has been all the way there and back.
_KERNEL_READY: Final = f"""() => {{
  const context = {_PANEL}?.sessionContext, kernel = context?.session?.kernel;
  if (!context?.isReady || kernel?.connectionStatus !== "connected") return false;
  const answered = (window.answeredKernels ??= new WeakSet());
  kernel.info.then(() => answered.add(kernel));
  return answered.has(kernel) && kernel.status === "idle";
}}"""

_RECONNECT: Final = f"() => {{ {_PANEL}?.sessionContext?.session?.kernel?.reconnect(); }}"

_EXECUTE: Final = """([command, args, timeoutMs]) => Promise.race([
  window.jupyterapp.commands.execute(command, args).then(() => null),
  new Promise((_, fail) => setTimeout(() => fail(new Error(`${command} did not end in ${timeoutMs} ms`)), timeoutMs)),
])"""

_RUN_ALL: Final = f"""([deafMs, ...rest]) => {{
  const timer = setTimeout({_RECONNECT}, deafMs);
  return ({_EXECUTE})(rest).finally(() => clearTimeout(timer));
}}"""

_READ_ENTITIES: Final = """(root) => [...root.querySelectorAll("[data-entity-id]")].map((card) => ({
  kind: card.dataset.kind, id: card.dataset.entityId, role: card.dataset.role ?? "",
  text: (card.dataset.kind === "ChatMessage" ? card.querySelector('[data-webchat="content"]') : card).textContent,
}))"""


@final
class NotebookPage:
    """A notebook that is open in JupyterLab or Notebook 7.

    The application must have been started with ``LabApp.expose_app_in_browser`` (or ``JupyterNotebookApp.…``).

    Args:
        page: Where it is or will be shown. From now on its "leave this page?" questions are answered with yes.
        timeout_s: How long each wait may take.
    """

    def __init__(self, page: Page, *, timeout_s: float = TIMEOUT_S) -> None:
        self.page = page
        self._timeout_s = timeout_s
        page.on("dialog", _accept)

    def open(self, url: str) -> None:
        """Go to a notebook's address and wait for its kernel."""
        self.page.goto(url)
        self.wait_for_kernel()

    def reload(self) -> None:
        """Reload the page. Widgets come back only if the notebook was saved with their outputs; nothing is awaited."""
        self.page.reload(wait_until="commit")

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is connected and idle."""
        try:
            self.page.wait_for_function(_KERNEL_READY, timeout=DEAF_AFTER_S * 1000)
        except TimeoutError:
            self.page.evaluate(_RECONNECT)
            self.page.wait_for_function(_KERNEL_READY, timeout=KERNEL_TIMEOUT_S * 1000)

    def run_all(self) -> None:
        """Run all cells and wait for their end."""
        limits = [DEAF_AFTER_S * 1000, "notebook:run-all-cells", {}, KERNEL_TIMEOUT_S * 1000]
        self.page.evaluate(_RUN_ALL, limits)

    def save(self) -> None:
        """Save the notebook's file."""
        self.execute("docmanager:save")

    def restart_kernel(self) -> None:
        """Restart the kernel, without a question, and wait until it is idle."""
        self.page.evaluate(f"() => {_PANEL}.sessionContext.session.kernel.restart()")
        self.wait_for_kernel()

    def use_theme(self, theme: Theme) -> None:
        """Choose a theme of JupyterLab; it is kept in the user's settings."""
        self.execute("apputils:change-theme", theme=theme)
        is_light = str(theme == "JupyterLab Light").lower()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)

    def execute(self, command: str, **arguments: Any) -> None:
        """Run a command of the application and wait for its end."""
        self.page.evaluate(_EXECUTE, [command, arguments, self._timeout_s * 1000])

    def dismiss_dialogs(self) -> None:
        """Close the application's own modal dialogs, such as the one that tells of a lost server."""
        dialogs = self.page.locator(".jp-Dialog")
        while count := dialogs.count():
            dialogs.last.press("Escape", timeout=self._timeout_s * 1000)
            expect(dialogs).not_to_have_count(count)

    def chat(self, nth: int = 0) -> ChatPage:
        """Take the nth chat of the notebook; it need not be there yet."""
        return ChatPage(self.page, nth=nth, timeout_s=self._timeout_s)


@final
class ChatPage:
    """A chat on a page, driven by keyboard, read as a person reads it.

    Args:
        page: Where it is shown.
        conversation: Which one; None takes any.
        nth: Which one of them, from the top.
        timeout_s: How long each wait may take.
    """

    def __init__(
        self, page: Page, *, conversation: str | None = None, nth: int = 0, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.page = page
        wanted = "" if conversation is None else f'[data-conversation="{conversation}"]'
        self.root: Locator = page.locator(f"{ROOT}{wanted}").nth(nth)
        self.timeline: Locator = self.root.locator('[data-webchat="timeline"]')
        self.composer: Locator = self.root.locator('textarea[data-webchat="composer"]')
        self.send_button: Locator = self.root.locator('[data-webchat="send"]')
        self.stop_button: Locator = self.root.locator('[data-webchat="stop"]')
        self._timeout_ms = timeout_s * 1000

    @property
    def conversation(self) -> str:
        """The id of the conversation that is shown."""
        return self.root.get_attribute("data-conversation", timeout=self._timeout_ms) or ""

    @property
    def state(self) -> str:
        """What the root says of the connection."""
        return self.root.get_attribute("data-state", timeout=self._timeout_ms) or ""

    def entities(self, kind: str, **handles: str) -> Locator:
        """Cards of a kind, narrowed down by further handles: ``entities("ChatMessage", role="user")``."""
        narrowed = "".join(f'[data-{name}="{value}"]' for name, value in handles.items())
        return self.root.locator(f'[data-kind="{kind}"]{narrowed}')

    def messages(self, role: str) -> Locator:
        """The texts of all messages of a role: ``user``, ``assistant``, ``thinking`` and so on."""
        return self.entities("ChatMessage", role=role).locator(CONTENT)

    def answer(self, nth: int = -1) -> Locator:
        """The text of an answer; the last one unless another is asked for."""
        answers = self.messages("assistant")
        return answers.last if nth == -1 else answers.nth(nth)

    def words(self, nth: int = -1) -> list[str]:
        """The words of an answer, as they are on the screen; none while there is no such answer."""
        answer = self.answer(nth)
        return answer.inner_text(timeout=self._timeout_ms).split() if answer.count() else []

    def transcript(self) -> list[dict[str, str]]:
        """Everything on the timeline from top to bottom: kind, id, role and text of each entity."""
        read: list[dict[str, str]] = self.root.evaluate(_READ_ENTITIES, timeout=self._timeout_ms)
        return read

    def run_statuses(self) -> list[str]:
        """How each run is going or has ended, oldest first."""
        return [run.get_attribute("data-status") or "" for run in self.entities("ChatRun").all()]

    def write(self, text: str) -> None:
        """Go to the composer by focus alone and type; a newline in ``text`` is typed as Shift+Enter."""
        self.composer.focus(timeout=self._timeout_ms)
        for index, line in enumerate(text.split("\n")):
            if index:
                self.page.keyboard.press("Shift+Enter")
            self.page.keyboard.type(line)

    def send(self, prompt: str) -> None:
        """Type a prompt and press Enter. It may be accepted later; ``wait_text`` and ``wait_settled`` tell."""
        self.write(prompt)
        self.page.keyboard.press("Enter")

    def stop(self) -> None:
        """Stop the answer by keyboard."""
        self.stop_button.focus(timeout=self._timeout_ms)
        self.page.keyboard.press("Enter")

    def wait_state(self, *states: State, timeout_s: float | None = None) -> None:
        """Wait until the root says one of these states."""
        wanted = re.compile(f"^(?:{'|'.join(states)})$")
        expect(self.root).to_have_attribute("data-state", wanted, timeout=self._in_ms(timeout_s))

    def wait_live(self, timeout_s: float | None = None) -> None:
        """Wait until what is shown is complete and followed."""
        self.wait_state("live", timeout_s=timeout_s)

    def wait_text(self, text: str, nth: int = -1, timeout_s: float | None = None) -> None:
        """Wait until an answer contains a text."""
        expect(self.answer(nth)).to_contain_text(text, timeout=self._in_ms(timeout_s))

    def wait_settled(self, runs: int, timeout_s: float | None = None) -> None:
        """Wait until there are so many runs, none of them is open and nothing is streaming."""
        timeout = self._in_ms(timeout_s)
        expect(self.entities("ChatRun")).to_have_count(runs, timeout=timeout)
        still_open = '[data-kind="ChatRun"]:is([data-status="queued"], [data-status="running"])'
        expect(self.root.locator(f'{still_open}, [data-streaming="true"]')).to_have_count(0, timeout=timeout)

    def _in_ms(self, timeout_s: float | None) -> float:
        return self._timeout_ms if timeout_s is None else timeout_s * 1000


def _accept(dialog: Dialog) -> None:
    dialog.accept()
