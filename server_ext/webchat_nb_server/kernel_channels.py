"""The channels of one kernel, as zmq sockets of this server's own.

Source: Jupyter's messaging protocol.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any, final

from jupyter_client.asynchronous.client import AsyncKernelClient

from webchat_nb.errors import NoKernelsError

_log = logging.getLogger("webchat_nb.server")


@final
class KernelChannels:
    """Shell, control and iopub, open until they are closed.

    Args:
        kernel: Its manager.

    Raises:
        NoKernelsError: It is a gateway's: there are no sockets to it.
    """

    def __init__(self, kernel: Any) -> None:
        client = kernel.client()
        if not isinstance(client, AsyncKernelClient):
            raise NoKernelsError("kernels of a gateway cannot be bound")
        self._client: Any = client
        client.session.session = secrets.token_hex(16)  # its own, so that answers come here
        client.start_channels(stdin=False, hb=False)

    def send(self, msg_type: str, content: dict[str, Any]) -> None:
        """Send on the shell channel: it waits while a cell works."""
        self._send(self._client.shell_channel, msg_type, content)

    def send_control(self, msg_type: str, content: dict[str, Any]) -> str:
        """Send on the control channel; the id of the message."""
        return self._send(self._client.control_channel, msg_type, content)

    async def receive_iopub(self) -> dict[str, Any] | None:
        """What the kernel tells everybody next; None for what is not signed as it should be."""
        return await self._receive(self._client.iopub_channel)

    async def receive_control(self) -> dict[str, Any] | None:
        """The next answer on the control channel; None for what is not signed as it should be."""
        return await self._receive(self._client.control_channel)

    def close(self) -> None:
        """Close the sockets; what is waited for is cancelled."""
        self._client.stop_channels()

    def _send(self, channel: Any, msg_type: str, content: dict[str, Any]) -> str:
        """Send a message.

        Not by the channel's own ``send``: that one goes around the socket's event loop, which then now and then does not
        see that an answer is there.
        """
        session = self._client.session
        message = session.msg(msg_type, content)
        channel.socket.send_multipart(session.serialize(message))
        return str(message["header"]["msg_id"])

    async def _receive(self, channel: Any) -> dict[str, Any] | None:
        session, frames = self._client.session, await channel.socket.recv_multipart()
        try:
            message: dict[str, Any] = session.deserialize(session.feed_identities(frames)[1])
        except (ValueError, TypeError) as error:
            _log.warning("a message of a kernel cannot be read: %s", error)
            return None
        return message
