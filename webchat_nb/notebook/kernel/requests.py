"""What a job in the kernel asks of the server, and what it is answered.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, final

from webchat_nb.errors import ToolError
from webchat_nb.notebook.kernel.messages import Answered, FromKernel, Told
from webchat_nb.notebook.kernel.records import unpack


@final
class Requests:
    """Open requests of all jobs. For the main thread's loop.

    Args:
        tell: Sends a message.
    """

    def __init__(self, tell: Callable[[FromKernel], None]) -> None:
        self._tell = tell
        self._ids = count(1)
        self._open: dict[int, tuple[asyncio.Future[Answered], Callable[[Any], None] | None]] = {}

    async def ask(self, make: Callable[[int], FromKernel], hear: Callable[[Any], None] | None = None) -> Answered:
        """Ask, and wait for the answer.

        Args:
            make: Makes the message from the request's id.
            hear: Is given the news that come before the answer.

        Raises:
            ToolError: The server says why there is no answer.
        """
        request_id = next(self._ids)
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._open[request_id] = (future, hear)
        try:
            self._tell(make(request_id))
            answer = await future
        finally:
            del self._open[request_id]
        if answer.error:
            raise ToolError(answer.error)
        return answer

    def take(self, message: Told | Answered) -> None:
        """News or an answer came; one that nobody waits for any more is passed over."""
        future, hear = self._open.get(message.request_id, (None, None))
        if future is None or future.done():
            return
        if isinstance(message, Answered):
            future.set_result(message)
        elif hear is not None:
            hear(unpack(message.news))
