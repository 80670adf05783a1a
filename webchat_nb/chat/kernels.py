"""Kernels of notebooks that work for conversations: the port; a host that has kernels brings them.

Rule: TL6, EN9.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from webchat_nb.stream.model import SessionId


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What a kernel offers a conversation at the moment.

    Attributes:
        tools: Names.
        has_engine: Whether a function of it answers prompts.
    """

    tools: tuple[str, ...] = ()
    has_engine: bool = False


class Kernels(Protocol):
    """The kernels of a host."""

    async def bind(self, session_id: SessionId, actor: str, kernel_id: str) -> Binding:
        """Let a kernel work for a conversation, for the prompts of one person; doing it again is harmless.

        Raises:
            UnknownKernelError: There is no such kernel.
        """
