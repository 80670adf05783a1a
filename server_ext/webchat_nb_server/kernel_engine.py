"""The engine ``kernel``: a function in a notebook's kernel answers.

Rule: EN9.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.engine import AttachedFile, Engine, EngineEvent, RunRequest
from webchat_nb.chat.plan import EnginePlan, Profile
from webchat_nb.chat.tools import ToolNews
from webchat_nb.errors import EngineError, WebchatError
from webchat_nb.notebook.kernel.messages import (
    RECORDS_AHEAD,
    Answered,
    DecisionAsked,
    FileAsked,
    Records,
    RunEnded,
    StartRun,
    Taken,
    Told,
    ToolAsked,
)
from webchat_nb.notebook.kernel.records import File, Message, Result, pack, unpack
from webchat_nb.stream import SessionId
from webchat_nb_server.kernel_jobs import KernelGoneError, KernelJob
from webchat_nb_server.kernels import JupyterKernels

KERNEL: Final = "kernel"
"""Name of the engine, and slug of the profile that everybody has."""

PROFILE: Final = Profile(
    slug=KERNEL, engine=KERNEL, title="This notebook", description="A function in the notebook answers."
)

_NO_KERNEL: Final = (
    "No function of a notebook answers here: run the cell with ChatWidget(engine=…) or @chat.engine, and leave its page "
    "open until it is connected."
)


@final
class KernelEngineFactory:
    """Builds them; registered as ``kernel``.

    Args:
        kernels: Which kernel works for which conversation.
    """

    def __init__(self, kernels: JupyterKernels) -> None:
        self._kernels = kernels

    def __call__(self, plan: EnginePlan) -> Engine:
        """An engine; which function answers is looked up for each prompt."""
        return KernelEngine(self._kernels)


@final
class KernelEngine:
    """Lets the function answer that the kernel has for the conversation now."""

    def __init__(self, kernels: JupyterKernels) -> None:
        self._kernels = kernels

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        """Answer one prompt.

        Raises:
            EngineError: The function failed; the kernel is busy, was restarted or has died; or there is none.
        """
        link = self._kernels.engine(SessionId(request.session_id), request.actor)
        if link is None:
            raise EngineError(_NO_KERNEL, code="no_kernel", retryable=True)
        try:
            async with link.job() as job:
                message = await self._begin(job, request)
                requests = _Requests(job, request)
                count = told_count = 0
                try:
                    while not isinstance(message, RunEnded):
                        if isinstance(message, Records):
                            for record in _unpacked(message):
                                yield record
                            count += len(message.records)
                            if count - told_count >= RECORDS_AHEAD // 5:
                                told_count = count
                                job.send(Taken(job_id=job.job_id, count=count))
                        else:
                            requests.take(message)
                        message = await job.next()
                finally:
                    requests.close()
                job.is_done = True
        except KernelGoneError as error:
            raise EngineError(str(error), code="kernel_gone", retryable=True) from None
        if message.code:
            raise EngineError(message.message, code=message.code, retryable=message.retryable)

    async def _begin(self, job: KernelJob, request: RunRequest) -> Any:
        busy_s = self._kernels.busy_timeout_s
        try:
            async with asyncio.timeout(busy_s):
                await job.start(_start_of(request))
                return await job.next()
        except TimeoutError:
            raise EngineError(
                f"The notebook's kernel was busy for {busy_s:g} s.", code="kernel_busy", retryable=True
            ) from None


@final
class _Requests:
    """What the function asks of the server while it answers."""

    def __init__(self, job: KernelJob, request: RunRequest) -> None:
        self._job = job
        self._request = request
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: Any) -> None:
        """Begin to answer a request; several may be open at the same time."""
        works: dict[type[Any], Callable[[Any], Awaitable[dict[str, Any]]]] = {
            ToolAsked: self._call,
            DecisionAsked: self._decide,
            FileAsked: self._read,
        }
        work = works.get(type(message))
        if work is not None:
            task = asyncio.create_task(self._answer(message, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """The answer is over: nothing is asked any more."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, message: Any, work: Callable[[Any], Awaitable[dict[str, Any]]]) -> None:
        try:
            answer = await work(message)
        except WebchatError as error:
            answer = {"error": error.message}
        self._job.send(Answered(job_id=self._job.job_id, request_id=message.request_id, **answer))

    async def _call(self, message: ToolAsked) -> dict[str, Any]:
        if self._request.tools is None:
            return {"error": f"no tool {message.use.name[:100]} is registered"}
        outcome = await self._request.tools.call(message.use, self._teller(message.request_id))
        return {"result": Result.of(outcome)}

    async def _decide(self, message: DecisionAsked) -> dict[str, Any]:
        tools, approvals = self._request.tools, self._request.approvals
        if message.use is not None and tools is not None:
            return {"decision": await tools.decide(message.use, self._teller(message.request_id))}
        if message.use is None and approvals is not None:
            decision = await approvals.decision(message.approval_id, expires_at_ms=message.expires_at_ms)
            return {"decision": decision}
        return {"error": "there is nobody to ask"}

    async def _read(self, message: FileAsked) -> dict[str, Any]:
        files = {file.attachment_id: file for file in _files_of(self._request)}
        if message.attachment_id not in files:
            return {"error": "this prompt has no such file"}
        return {"file_base64": base64.b64encode(await files[message.attachment_id].read()).decode()}

    def _teller(self, request_id: int) -> Callable[[ToolNews], None]:
        def tell(news: ToolNews) -> None:
            self._job.send(Told(job_id=self._job.job_id, request_id=request_id, news=pack(news)))

        return tell


def _unpacked(message: Records) -> list[EngineEvent]:
    try:
        return [unpack(record) for record in message.records]
    except msgspec.ValidationError as error:
        raise EngineError(f"The kernel's answer cannot be read: {error}", code="unreadable_answer") from None


def _files_of(request: RunRequest) -> list[AttachedFile]:
    return [*request.attachments, *(file for message in request.history for file in message.attachments)]


def _start_of(request: RunRequest) -> StartRun:
    """What the kernel is told; nothing that is the server's alone, such as keys and addresses."""
    plan = request.plan
    return StartRun(
        job_id="",
        conv_id=request.session_id,
        run_id=request.run_id,
        root_id=request.root_id,
        prompt=request.prompt,
        turn=request.turn,
        history=tuple(Message.of(message) for message in request.history),
        attachments=tuple(msgspec.convert(file, File, from_attributes=True) for file in request.attachments),
        plan={
            "profile": plan.profile,
            "engine": plan.engine,
            "system_prompt": plan.system_prompt,
            "tools": list(plan.tools),
            "model": plan.model,
            "options": plan.options,
        },
        tools=None if request.tools is None else tuple(request.tools.schemas()),
        has_approvals=request.approvals is not None,
    )
