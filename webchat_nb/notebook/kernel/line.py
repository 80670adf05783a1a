"""The kernel's end of the line to the Jupyter server: the comm, and the control channel.

Rule: TL6, EN9.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
import threading
from functools import cache
from pathlib import Path
from typing import Any, final

import msgspec

from webchat_nb.notebook.kernel.calls import Calls
from webchat_nb.notebook.kernel.jobs import Jobs
from webchat_nb.notebook.kernel.main_thread import MainThread
from webchat_nb.notebook.kernel.messages import (
    REPLY,
    REQUEST,
    TARGET,
    AskApproval,
    CallTool,
    FromKernel,
    FromServer,
    StartRun,
    State,
    StateRequest,
    Taken,
)
from webchat_nb.notebook.kernel.offers import Offers
from webchat_nb.notebook.kernel.records import send_plain
from webchat_nb.notebook.kernel.requests import Requests
from webchat_nb.notebook.kernel.runs import EngineRuns
from webchat_nb.notebook.kernel.work import Workers

_log = logging.getLogger(__name__)


@final
class KernelLine:
    """One for each process of a kernel; in a program that is none it has nobody to talk to.

    Attributes:
        offers: What this notebook offers.
        kernel_id: As the Jupyter server calls the kernel; empty where there is none.
    """

    def __init__(self, kernel: Any | None = None) -> None:
        self.offers = Offers(self._tell)
        self.kernel_id = "" if kernel is None else _kernel_id()
        logging.getLogger("webchat_nb").addHandler(logging.NullHandler())  # else warnings are printed in a call's name
        self._process = secrets.token_hex(8)
        self._kernel = kernel
        self._comm: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.Context()
        self._jobs = Jobs()
        self._requests = Requests(self._tell)
        ends: Any = {
            "offers": self.offers,
            "jobs": self._jobs,
            "workers": Workers(self._jobs, MainThread()),
            "requests": self._requests,
            "tell": self._tell,
        }
        self._calls = Calls(**ends)
        self._runs = EngineRuns(**ends)
        if kernel is not None:
            kernel.comm_manager.register_target(TARGET, self._open)
            kernel.control_handlers[REQUEST] = self._answer

    def _open(self, comm: Any, message: Any) -> None:
        """A server has opened the comm; the newest one is talked to."""
        self._comm, self._loop, self._context = comm, asyncio.get_running_loop(), contextvars.copy_context()
        comm.on_msg(self._take)
        for offer in self.offers.all():
            self._tell(offer)

    def _take(self, message: dict[str, Any]) -> None:
        """A message on the comm, in the main thread."""
        try:
            taken: FromServer = msgspec.convert(message["content"]["data"], FromServer)
        except msgspec.ValidationError as error:
            _log.warning("webchat_nb: a message of the server cannot be read: %s", error)
            return
        if isinstance(taken, CallTool | AskApproval):
            self._calls.start(taken)
        elif isinstance(taken, StartRun):
            self._runs.start(taken)
        elif isinstance(taken, Taken):
            self._runs.go_on(taken)
        else:
            self._requests.take(taken)

    def _tell(self, message: FromKernel) -> None:
        """Send on the comm, as the main thread.

        From another thread, or with its context, ipykernel would think that the comm has moved to that one's subshell, and
        would send there what is meant for us.
        """
        if self._comm is None:
            return
        if threading.current_thread() is threading.main_thread():
            send_plain(self._comm.send, message)
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, message, context=self._context.copy())

    def _answer(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        """A request on the control channel, in its thread, whatever the main thread does."""
        assert self._kernel is not None
        request = msgspec.convert(message["content"], StateRequest)
        for job_id in request.cancelled:
            self._jobs.cancel(job_id)
        result = self._jobs.fetch(request.fetch) if request.fetch else None
        state = State(
            process=self._process,
            jobs=self._jobs.want(request.wanted),
            result=result,
            offers=self.offers.all() if request.offers else (),
        )
        session = self._kernel.session
        send_plain(lambda content: session.send(stream, REPLY, content, parent=message, ident=ident), state)


@cache
def kernel_line() -> KernelLine:
    """This process's."""
    from ipykernel.kernelbase import Kernel

    return KernelLine(Kernel.instance() if Kernel.initialized() else None)


def _kernel_id() -> str:
    """Jupyter's servers name the connection's file after the kernel."""
    from ipykernel.connect import get_connection_file

    try:
        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except RuntimeError:  # embedded in a program
        return ""
