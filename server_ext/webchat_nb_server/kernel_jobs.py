"""One thing that a kernel does for the server, from its announcement to its end.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
import secrets
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, final

import msgspec

from webchat_nb.notebook.kernel.messages import FromKernel, FromServer, StateRequest
from webchat_nb.notebook.kernel.records import Result

if TYPE_CHECKING:
    from webchat_nb_server.kernel_link import KernelLink


RESTARTED: Final = "The notebook's kernel was restarted."
DEAD: Final = "The notebook's kernel has died."
LOST: Final = "The result was lost on its way from the notebook's kernel."

_LOST_AFTER: Final = 3
"""So often a job is found done, about once a second, before its last message is given up."""


class KernelForgotError(Exception):
    """The kernel answers, but knows nothing of us: another process than before, or none with ``webchat_nb``."""


class KernelGoneError(Exception):
    """The kernel's process has ended, or its answer was lost; the message says which."""


@final
class KernelJob:
    """``async with link.job() as job``: leaving it before its end calls it off.

    Args:
        link: The kernel's line.

    Attributes:
        job_id: Its own.
        is_done: Whether the kernel has nothing more to say; set by whoever knows its last message.
    """

    def __init__(self, link: KernelLink) -> None:
        self.job_id = secrets.token_hex(8)
        self.is_done = False
        self._link = link
        self._messages: asyncio.Queue[FromKernel | KernelGoneError] = asyncio.Queue()
        self._done_count = 0

    async def __aenter__(self) -> Self:
        self._link.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.discard(self, is_done=self.is_done)

    async def start(self, message: FromServer) -> None:
        """Announce it, and then send it.

        Raises:
            KernelGoneError: The kernel is not there any more.
        """
        while True:
            try:
                await self._link.ask(StateRequest())
            except TimeoutError:
                continue  # whoever waits for the job says how long
            except KernelForgotError:
                self._link.lose(RESTARTED)
                raise KernelGoneError(RESTARTED) from None
            self._link.send(msgspec.structs.replace(message, job_id=self.job_id))
            return

    async def next(self) -> FromKernel:
        """What the kernel says next.

        Raises:
            KernelGoneError: It says nothing more.
        """
        message = await self._messages.get()
        if isinstance(message, KernelGoneError):
            raise message
        return message

    def send(self, message: FromServer) -> None:
        """Send an answer."""
        self._link.send(message)

    async def fetch(self) -> Result | None:
        """The result that was too large for the comm."""
        while True:
            try:
                return (await self._link.ask(StateRequest(fetch=self.job_id))).result
            except TimeoutError:
                continue
            except KernelForgotError:
                raise KernelGoneError(RESTARTED) from None

    # For the link

    def hear(self, message: FromKernel) -> None:
        """The kernel said something."""
        self._messages.put_nowait(message)

    def lose(self, reason: str) -> None:
        """It will say nothing more."""
        self.is_done = True
        self._messages.put_nowait(KernelGoneError(reason))

    def look(self, *, is_done: bool, reason: str) -> None:
        """The kernel says how the job is getting on; when it is done again and again and was not heard, its end was lost."""
        self._done_count += is_done
        if self._done_count >= _LOST_AFTER and self._messages.empty():
            self.lose(reason)
