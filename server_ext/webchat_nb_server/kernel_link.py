"""The server's end of the line to one kernel: a comm that the server opened, and the control channel.

It works while no browser is open. What is said stands in ``webchat_nb.notebook.kernel.messages``.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, final

import msgspec
from jupyter_core.utils import ensure_async

from webchat_nb.notebook.kernel.messages import (
    REPLY,
    REQUEST,
    TARGET,
    FromKernel,
    FromServer,
    Offer,
    State,
    StateRequest,
)
from webchat_nb_server.kernel_channels import KernelChannels
from webchat_nb_server.kernel_jobs import DEAD, LOST, RESTARTED, KernelForgotError, KernelGoneError, KernelJob

_OPEN_TIMEOUT_S: Final = 3.0
_ANSWER_TIMEOUT_S: Final = 1.0
_WATCH_S: Final = 1.0
"""How often a kernel that works for us is looked at."""

_IDLE_WATCH_S: Final = 5.0
"""How often one that does not is looked at."""

_log = logging.getLogger("webchat_nb.server")


@final
class KernelLink:
    """One kernel, as long as its process lives.

    Args:
        kernel_id: Which one.
        manager: Jupyter's kernels.
        ended: Called once when the link has come to its end.

    Attributes:
        offers: What it offers, by conversation.
    """

    def __init__(self, kernel_id: str, manager: Any, ended: Callable[[KernelLink], None]) -> None:
        self.kernel_id = kernel_id
        self.offers: dict[str, Offer] = {}
        self._manager = manager
        self._ended = ended
        self._comm_id = secrets.token_hex(16)
        self._channels: KernelChannels | None = None
        self._process = ""
        self._session = ""
        self._waiting: dict[str, asyncio.Future[State]] = {}
        self._jobs: dict[str, KernelJob] = {}
        self._heard = asyncio.Event()
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._channels is not None

    async def open(self) -> None:
        """Connect, and ask what is offered. A kernel that does not answer now may tell it later.

        Raises:
            KernelForgotError: No widget of ours is in this kernel's process.
            KernelGoneError: It ended meanwhile.
            NoKernelsError: It is a gateway's.
        """
        self._channels = KernelChannels(self._manager.get_kernel(self.kernel_id))
        for read in (self._read_iopub, self._read_control, self._watch):
            self._spawn(read())
        for event in ("restart", "dead"):
            self._manager.add_restart_callback(self.kernel_id, self._restarted, event)
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                await self._greet()
        except TimeoutError:
            _log.info("kernel %s does not answer yet", self.kernel_id)
        except KernelForgotError:
            self.lose(RESTARTED)
            raise
        if self._channels is not None:
            self._channels.send("comm_open", {"comm_id": self._comm_id, "target_name": TARGET, "data": {}})

    def lose(self, reason: str) -> None:
        """It has come to its end: whoever waits is told why. Harmless when called twice."""
        channels, self._channels = self._channels, None
        if channels is None:
            return
        self.offers.clear()
        for event in ("restart", "dead"):
            with suppress(Exception):  # the kernel may be gone from the manager
                self._manager.remove_restart_callback(self.kernel_id, self._restarted, event)
        for job in list(self._jobs.values()):
            job.lose(reason)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(KernelGoneError(reason))
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        channels.close()
        self._ended(self)

    def job(self) -> KernelJob:
        """Something that the kernel is to do."""
        return KernelJob(self)

    # For its jobs

    def add(self, job: KernelJob) -> None:
        """Look after a job from now on.

        Raises:
            KernelGoneError: The link is at its end.
        """
        if not self.is_open:
            raise KernelGoneError(RESTARTED)
        self._jobs[job.job_id] = job
        self._wanted.set()

    def discard(self, job: KernelJob, *, is_done: bool) -> None:
        """Look after it no more; what is not done is called off."""
        self._jobs.pop(job.job_id, None)
        if not is_done and self.is_open:
            self._spawn(self._cancel(job.job_id))

    def send(self, message: FromServer) -> None:
        """Send a message on the comm; it waits in the kernel while a cell works."""
        if self._channels is not None:
            self._channels.send("comm_msg", {"comm_id": self._comm_id, "data": msgspec.to_builtins(message)})

    async def ask(self, request: StateRequest) -> State:
        """Ask the kernel on the control channel; it answers while a cell works.

        Raises:
            TimeoutError: It does not answer now.
            KernelForgotError: It knows nothing of us.
            KernelGoneError: The link is at its end.
        """
        channels = self._channels
        if channels is None:
            raise KernelGoneError(RESTARTED)
        wanted = (*self._jobs, *request.wanted)
        content = msgspec.to_builtins(msgspec.structs.replace(request, wanted=wanted))
        answer: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        # Requests are answered in their order: when the second one's answer is there first, nobody knew the first one.
        ids = [channels.send_control(REQUEST, content), channels.send_control("kernel_info_request", {})]
        self._waiting |= dict.fromkeys(ids, answer)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                state = await answer
        finally:
            for msg_id in ids:
                self._waiting.pop(msg_id, None)
        if self._process and state.process != self._process:
            raise KernelForgotError
        self._process = state.process
        return state

    # Reading

    async def _read_iopub(self) -> None:
        while self._channels is not None:
            message = await self._channels.receive_iopub()
            if message is not None:
                self._heard.set()
                self._take(message)

    def _take(self, message: Mapping[str, Any]) -> None:
        header, content = message["header"], message["content"]
        self._session = self._session or header["session"]
        if header["session"] != self._session or header["msg_type"] == "shutdown_reply":
            self.lose(RESTARTED)
        elif header["msg_type"] in ("comm_msg", "comm_close") and content.get("comm_id") == self._comm_id:
            if header["msg_type"] == "comm_close":
                self.lose(RESTARTED)
                return
            try:
                self._hear(msgspec.convert(content["data"], FromKernel))
            except (msgspec.ValidationError, ValueError) as error:
                _log.warning("kernel %s sent what cannot be read: %s", self.kernel_id, error)

    def _hear(self, message: FromKernel) -> None:
        if isinstance(message, Offer):
            self._offer(message)
        elif (job := self._jobs.get(message.job_id)) is not None:
            job.hear(message)

    def _offer(self, offer: Offer) -> None:
        known = self.offers.get(offer.conv_id)
        if known is None or known.revision <= offer.revision:
            self.offers[offer.conv_id] = offer

    async def _read_control(self) -> None:
        while self._channels is not None:
            message = await self._channels.receive_control()
            if message is None:
                continue
            answer = self._waiting.get(message["parent_header"].get("msg_id", ""))
            if answer is None or answer.done():
                continue
            if message["header"]["msg_type"] != REPLY:
                answer.set_exception(KernelForgotError())
                continue
            try:
                answer.set_result(msgspec.convert(message["content"], State))
            except msgspec.ValidationError as error:
                _log.warning("kernel %s answered what cannot be read: %s", self.kernel_id, error)
                answer.set_exception(KernelForgotError())

    # Watching

    async def _greet(self) -> None:
        """Wait until the kernel answers and is heard: what it says before the server listens is lost."""
        while True:
            with suppress(TimeoutError):
                state = await self.ask(StateRequest(offers=True))
                for offer in state.offers:
                    self._offer(offer)
                async with asyncio.timeout(_ANSWER_TIMEOUT_S / 4):
                    await self._heard.wait()
                return

    async def _watch(self) -> None:
        """Look whether the kernel lives, and how its jobs are getting on."""
        while self.is_open:
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_S if self._jobs else _IDLE_WATCH_S):
                    await self._wanted.wait()
                    await asyncio.sleep(_WATCH_S)
            try:
                if not await self._is_alive():
                    self.lose(DEAD)
                elif self._jobs:
                    self._look(await self.ask(StateRequest()))
            except TimeoutError:
                continue  # it is busy with what lets no other thread work
            except KernelForgotError:
                self.lose(RESTARTED)

    def _look(self, state: State) -> None:
        for job_id, how in state.jobs.items():
            if (job := self._jobs.get(job_id)) is not None:
                job.look(is_done=how == "done", reason=LOST)

    async def _is_alive(self) -> bool:
        if self.kernel_id not in self._manager:
            return False
        return bool(await ensure_async(self._manager.get_kernel(self.kernel_id).is_alive()))

    def _restarted(self) -> None:
        self.lose(DEAD)

    # Sending

    async def _cancel(self, job_id: str) -> None:
        with suppress(TimeoutError, KernelForgotError, KernelGoneError):
            await self.ask(StateRequest(cancelled=(job_id,)))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work, name=f"webchat-kernel-{self.kernel_id}")
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the line to kernel %s broke", self.kernel_id, exc_info=error)
            self.lose(LOST)
