"""The tools of a notebook's kernel, as the server's runs see them.

Rule: TL6.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, final

from webchat_nb.chat.tools import Approval, ToolContext, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.errors import ToolError, WebchatError
from webchat_nb.notebook.kernel.messages import (
    Answered,
    AskApproval,
    CallTool,
    Executing,
    NeedsApproval,
    OfferedTool,
    Outcome,
    Progress,
    Question,
)
from webchat_nb_server.kernel_jobs import KernelGoneError, KernelJob
from webchat_nb_server.kernel_link import KernelLink

_BUSY: Final = "The notebook's kernel is busy; the call was not begun."


@final
class KernelTool:
    """One of them; fits ``Tool``.

    Args:
        link: The kernel.
        conv_id: The conversation.
        offered: What the kernel says of it.
        busy_timeout_s: How long a busy kernel is waited for.
    """

    def __init__(self, link: KernelLink, conv_id: str, offered: OfferedTool, *, busy_timeout_s: float) -> None:
        self._link = link
        self._conv_id = conv_id
        self._offered = offered
        self._busy_timeout_s = busy_timeout_s

    @property
    def schema(self) -> ToolSchema:
        """What a model is told of it."""
        return self._offered.schema

    @property
    def approval(self) -> Approval:
        """Whether a person is asked first; a function that says so is asked in the kernel."""
        if self._offered.approval == "asks":
            return self._needs_approval
        return "always" if self._offered.approval == "always" else "never"

    @property
    def timeout_s(self) -> float | None:
        """How long it may work, in seconds."""
        return self._offered.timeout_s

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        """Do it in the kernel.

        Raises:
            ToolError: The kernel is busy, was restarted or has died.
        """
        message = CallTool(job_id="", conv_id=self._conv_id, use=use, run_id=context.run_id, actor=context.actor)
        try:
            async with self._link.job() as job:
                return await _Following(job, context).follow(await self._begin(job, message))
        except KernelGoneError as error:
            raise ToolError(f"{error} The call has no result.") from None

    async def _begin(self, job: KernelJob, message: CallTool | AskApproval) -> Any:
        """Send it; the first thing that the kernel says."""
        try:
            async with asyncio.timeout(self._busy_timeout_s):
                await job.start(message)
                return await job.next()
        except TimeoutError:
            raise ToolError(_BUSY) from None

    async def _needs_approval(self, arguments: dict[str, Any]) -> bool:
        message = AskApproval(job_id="", conv_id=self._conv_id, name=self.schema.name, arguments=arguments)
        try:
            async with self._link.job() as job:
                answer = await self._begin(job, message)
                job.is_done = True
        except KernelGoneError as error:
            raise ToolError(str(error)) from None
        if not isinstance(answer, NeedsApproval) or answer.error:
            raise ToolError(getattr(answer, "error", "") or "the kernel's answer cannot be read")
        return answer.is_needed


@final
class _Following:
    """From the first thing that the kernel says to the outcome."""

    def __init__(self, job: KernelJob, context: ToolContext) -> None:
        self._job = job
        self._context = context
        self._questions: set[asyncio.Task[None]] = set()

    async def follow(self, first: Any) -> ToolOutcome:
        message = first
        try:
            while not isinstance(message, Outcome):
                self._pass_on(message)
                message = await self._job.next()
            result = message.result or await self._job.fetch()
        finally:
            for question in self._questions:
                question.cancel()
        self._job.is_done = True
        if result is None:
            raise ToolError("the kernel's answer cannot be read")
        return result.to_outcome()

    def _pass_on(self, message: Any) -> None:
        if isinstance(message, Executing):
            self._context.executing(place="kernel")
        elif isinstance(message, Progress):
            self._context.progress(message.text)
        elif isinstance(message, Question):
            self._questions.add(asyncio.create_task(self._ask(message)))

    async def _ask(self, question: Question) -> None:
        try:
            answer: dict[str, Any] = {"decision": await self._context.ask(question.ask)}
        except (WebchatError, ValueError) as error:
            answer = {"error": str(error)}
        self._job.send(Answered(job_id=self._job.job_id, request_id=question.request_id, **answer))
