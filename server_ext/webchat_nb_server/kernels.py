"""Which kernels work for which conversation, and for whom.

A widget says which kernel it was made in, as the person who is logged in. A run uses the kernels of the person whose
prompt it is: nobody's prompt works in a kernel that only somebody else has bound.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, final

from webchat_nb.chat.kernels import Binding
from webchat_nb.chat.tools import Tool
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.errors import UnknownKernelError
from webchat_nb.stream import SessionId
from webchat_nb_server.kernel_jobs import KernelForgotError, KernelGoneError
from webchat_nb_server.kernel_link import KernelLink
from webchat_nb_server.kernel_tools import KernelTool

BUSY_TIMEOUT_S = 30.0

_SHARE_TO_BEGIN = 0.8
"""Of a tool's own time: so that it is said in time why nothing came."""


@final
class JupyterKernels:
    """Fits ``Kernels`` and ``ToolSource``.

    Args:
        manager: Jupyter's kernels.
        tool_limits: The limits of tools that do not say otherwise.
        busy_timeout_s: How long a kernel may be busy with a cell before a call or a prompt is given up.
    """

    def __init__(
        self,
        manager: Any,
        *,
        tool_limits: ToolLimits = ToolLimits(),  # noqa: B008 - frozen
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.busy_timeout_s = busy_timeout_s
        self._tool_limits = tool_limits
        self._manager = manager
        self._links: dict[str, KernelLink] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._bound: dict[SessionId, dict[tuple[str, str], None]] = {}

    async def bind(self, session_id: SessionId, actor: str, kernel_id: str) -> Binding:
        """Let a kernel work for a conversation, for one person; what it offers may change later.

        Raises:
            UnknownKernelError: There is no such kernel.
            NoKernelsError: It is a gateway's, which this server cannot talk to by itself.
        """
        if kernel_id not in self._manager:
            raise UnknownKernelError(f"kernel_id: there is no kernel {kernel_id[:64]!r}")
        async with self._opening.setdefault(kernel_id, asyncio.Lock()):
            try:
                link = await self._open(kernel_id)
            except (KernelForgotError, KernelGoneError):
                return Binding()
        pairs = self._bound.setdefault(session_id, {})
        pairs.pop((actor, kernel_id), None)  # the newest comes last
        pairs[actor, kernel_id] = None
        offer = link.offers.get(session_id)
        if offer is None:
            return Binding()
        return Binding(tools=tuple(tool.schema.name for tool in offer.tools), has_engine=offer.has_engine)

    def tools(self, session_id: SessionId, actor: str) -> Sequence[Tool]:
        """What the kernels offer that this person has bound; of two with the same name, the one bound last."""
        return [
            KernelTool(
                link,
                session_id,
                offered,
                busy_timeout_s=min(
                    self.busy_timeout_s, _SHARE_TO_BEGIN * (offered.timeout_s or self._tool_limits.timeout_s)
                ),
            )
            for link in self._links_of(session_id, actor)
            for offered in (link.offers[session_id].tools if session_id in link.offers else ())
        ]

    def engine(self, session_id: SessionId, actor: str) -> KernelLink | None:
        """The kernel whose function answers this person's prompts."""
        for link in self._links_of(session_id, actor):
            offer = link.offers.get(session_id)
            if offer is not None and offer.has_engine:
                return link
        return None

    async def close(self) -> None:
        """Let go of all kernels; they live on."""
        for link in list(self._links.values()):
            link.lose("The server is ending.")
        await asyncio.sleep(0)  # what was cancelled ends

    def _links_of(self, session_id: SessionId, actor: str) -> Iterator[KernelLink]:
        for bound_by, kernel_id in reversed(self._bound.get(session_id, {})):
            if bound_by == actor and (link := self._links.get(kernel_id)) is not None:
                yield link

    async def _open(self, kernel_id: str) -> KernelLink:
        link = self._links.get(kernel_id)
        if link is None:
            link = KernelLink(kernel_id, self._manager, self._ended)
            self._links[kernel_id] = link
            try:
                await link.open()
            except BaseException:
                self._links.pop(kernel_id, None)
                raise
        return link

    def _ended(self, link: KernelLink) -> None:
        """What was bound to it is bound no more: another process of the kernel knows nothing of it."""
        if self._links.get(link.kernel_id) is link:
            del self._links[link.kernel_id]
        for session_id, pairs in list(self._bound.items()):
            for pair in [pair for pair in pairs if pair[1] == link.kernel_id]:
                del pairs[pair]
            if not pairs:
                del self._bound[session_id]
