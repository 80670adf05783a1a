"""The chat inside Jupyter's server: started once, and never the server's undoing.

Rule: ST5.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import final

from webchat_nb.app import ChatApp
from webchat_nb.errors import ConfigError, OperationError, ShuttingDownError, StoreError, WebchatError
from webchat_nb.transports.connections import Connections
from webchat_nb.transports.port import ChatBackend

_RETRY_AFTER_S = 10.0
"""How long a failed start is not tried again; a lock may be gone by then."""

_log = logging.getLogger("webchat_nb.server")


class NotConfiguredError(OperationError):
    """A setting of the extension cannot be used; its routes answer 503 until that is put right."""

    code = "bad_config"
    http_status = 503


@final
class ChatRuntime:
    """Builds and starts the chat at the first need.

    Args:
        build: Puts it together; may raise ``WebchatError``.

    Attributes:
        connections: The open sockets.
    """

    def __init__(self, build: Callable[[], ChatApp]) -> None:
        self.connections = Connections()
        self._build = build
        self._app: ChatApp | None = None
        self._failure: WebchatError | None = None
        self._failed_at_s = 0.0
        self._starting = asyncio.Lock()
        self._is_ended = False

    @property
    def app(self) -> ChatApp | None:
        """The chat, while it runs."""
        return self._app

    async def ready(self) -> None:
        """Start the chat unless it runs, has just failed to, or has ended. Does not raise; ``backend`` does."""
        if self._is_wanted():
            async with self._starting:
                if self._is_wanted():
                    await self._start()

    def backend(self) -> ChatBackend:
        """The chat's service.

        Raises:
            StoreError: The store could not be opened.
            NotConfiguredError: A setting cannot be used.
            ShuttingDownError: The server is ending, or the chat has not been started.
        """
        if self._failure is not None:
            raise self._failure
        if self._app is None:
            raise ShuttingDownError("the chat is not running")
        return self._app.service

    async def stop(self) -> None:
        """Close all connections with 4000, settle what runs, close the store. Harmless when called twice."""
        self._is_ended = True
        await self.connections.close_all()
        app, self._app = self._app, None
        if app is not None:
            await app.stop()

    def _is_wanted(self) -> bool:
        if self._app is not None or self._is_ended:
            return False
        return self._failure is None or asyncio.get_running_loop().time() - self._failed_at_s >= _RETRY_AFTER_S

    async def _start(self) -> None:
        try:
            app = self._build()
            await app.start()
        except WebchatError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the rest of the Jupyter server goes on
            _log.exception("webchat_nb: the chat could not be started")
            self._fail(StoreError(f"the chat could not be started: {type(error).__name__}"))
        else:
            self._app, self._failure = app, None

    def _fail(self, error: WebchatError) -> None:
        failure = NotConfiguredError(error.message) if isinstance(error, ConfigError) else error
        if self._failure is None or self._failure.message != failure.message:
            _log.error("webchat_nb: its routes answer 503, the rest of the server goes on: %s", failure.message)
        self._failure, self._failed_at_s = failure, asyncio.get_running_loop().time()
