"""Kernels of notebooks that work for conversations.

Rule: TL6, EN9, AC3.
"""

from __future__ import annotations

from typing import Any

from webchat_nb.chat.kernels import Kernels
from webchat_nb.chat.service.base import ServicePart
from webchat_nb.errors import NoKernelsError
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import Principal


class KernelParts(ServicePart):
    """Which kernel works for which conversation.

    Attributes:
        kernels: The host's; None where there are none.
    """

    kernels: Kernels | None = None

    async def bind_kernel(self, who: Principal, conv_id: str, kernel_id: str) -> dict[str, Any]:
        """Let a kernel work for the principal's prompts in a conversation, which need not exist yet.

        Whether the principal may use kernels at all, the host has checked.

        Returns:
            What the kernel offers now: names of ``tools``, and whether it has an ``engine``.

        Raises:
            NoKernelsError: The host has no kernels.
            UnknownKernelError: There is no such kernel.
            UnknownSessionError, ForbiddenError: The principal may not submit prompts there.
        """
        if self.kernels is None:
            raise NoKernelsError("this server has no kernels")
        session = await self.guard.authorized(who, "submit", session_id(conv_id))
        binding = await self.kernels.bind(session.session_id, who.user, kernel_id)
        return {"tools": list(binding.tools), "engine": binding.has_engine}
