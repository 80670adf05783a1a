"""Calls of this notebook's tools, in its kernel.

A plain function works in the main thread like a cell: with the notebook's variables, and so that it can be interrupted.

Rule: TL6.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable
from typing import Final, final

import msgspec

from webchat_nb.chat.tools import Ask, Tool, ToolDecision, ToolOutcome
from webchat_nb.chat.tools.failures import words_of
from webchat_nb.chat.tools.functions.calling import call_function
from webchat_nb.chat.tools.functions.declared import FunctionTool
from webchat_nb.errors import ToolError
from webchat_nb.notebook.kernel.jobs import Jobs
from webchat_nb.notebook.kernel.main_thread import MainValues
from webchat_nb.notebook.kernel.messages import (
    LARGE_BYTES,
    AskApproval,
    CallTool,
    Executing,
    FromKernel,
    NeedsApproval,
    Outcome,
    Progress,
    Question,
)
from webchat_nb.notebook.kernel.offers import Offers
from webchat_nb.notebook.kernel.prints import Printed, Prints
from webchat_nb.notebook.kernel.records import Result
from webchat_nb.notebook.kernel.requests import Requests
from webchat_nb.notebook.kernel.work import Workers, is_called_off
from webchat_nb.stream.model import SessionId

_INTERRUPTED: Final = "The call was interrupted in the notebook."
_PROGRESS_PER_S: Final = 20
"""More words of progress are passed over: what a kernel says, every browser at it hears."""

_log = logging.getLogger(__name__)


@final
class Calls:
    """Makes them.

    Args:
        offers: The tools.
        jobs: Which calls are wanted.
        workers: Where they work.
        requests: Questions to the server.
        tell: Sends a message.
    """

    def __init__(
        self, *, offers: Offers, jobs: Jobs, workers: Workers, requests: Requests, tell: Callable[[FromKernel], None]
    ) -> None:
        self._offers = offers
        self._jobs = jobs
        self._workers = workers
        self._requests = requests
        self._tell = tell
        self._prints = Prints()

    def start(self, message: CallTool | AskApproval) -> None:
        """Begin what the server asks for."""
        work = self._call(message) if isinstance(message, CallTool) else self._check(message)
        self._workers.begin(message.job_id, work)

    async def _call(self, message: CallTool) -> None:
        job_id = message.job_id
        result: Result | None = None
        try:
            result = Result.of(await self._outcome(message))
        finally:
            is_large = result is not None and result.size_bytes > LARGE_BYTES
            self._jobs.finish(job_id, result if is_large else None)
        self._tell(Outcome(job_id=job_id, result=None if is_large else result))

    async def _outcome(self, message: CallTool) -> ToolOutcome:
        """Whatever goes wrong is an outcome; only when nobody waits for one it is cancelled."""
        tool = self._offers.tool(message.conv_id, message.use.name)
        if tool is None:
            return _error(f"no tool {message.use.name[:100]} is in the notebook any more")
        with self._prints.taken() as printed:
            try:
                outcome = await self._work(tool, message)
            except KeyboardInterrupt:
                outcome = _error(_INTERRUPTED)
            except ToolError as error:
                outcome = _error(error.message)
            except BaseException as error:  # a model can go on from whatever a tool raises (TL1), sys.exit() too
                if is_called_off(error):
                    raise
                outcome = _error(words_of(error))
        return _with_prints(outcome, printed)

    async def _work(self, tool: Tool, message: CallTool) -> ToolOutcome:
        context = KernelContext(message, requests=self._requests, tell=self._tell)
        if isinstance(tool, FunctionTool):
            return await call_function(tool.function, tool.signature, message.use, context, place=MainValues)
        return await tool.call(message.use, context)

    async def _check(self, message: AskApproval) -> None:
        answer = NeedsApproval(job_id=message.job_id)
        try:
            tool = self._offers.tool(message.conv_id, message.name)
            approval = "never" if tool is None else tool.approval
            if isinstance(approval, str):
                is_needed = approval == "always"
            else:
                said = approval(message.arguments)
                is_needed = bool(await said if inspect.isawaitable(said) else said)
            answer = msgspec.structs.replace(answer, is_needed=is_needed)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - the server then asks
            answer = msgspec.structs.replace(answer, error=f"{type(error).__name__}: {error}")
        finally:
            self._jobs.finish(message.job_id)
        self._tell(answer)


@final
class KernelContext:
    """Fits ``ToolContext``, at the kernel's end."""

    def __init__(self, message: CallTool, *, requests: Requests, tell: Callable[[FromKernel], None]) -> None:
        self.session_id = SessionId(message.conv_id)
        self.run_id = message.run_id
        self.actor = message.actor
        self._job_id = message.job_id
        self._requests = requests
        self._tell = tell
        self._second = 0
        self._told_count = 0

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        """The tool begins to work now."""
        self._tell(Executing(job_id=self._job_id))

    def progress(self, text: str) -> None:
        """A word for the person; may be called from any thread."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._told_count = second, 0
        self._told_count += 1
        if self._told_count <= _PROGRESS_PER_S:
            self._tell(Progress(job_id=self._job_id, text=text))

    async def ask(self, ask: Ask) -> ToolDecision:
        """Ask the person and wait.

        Raises:
            ToolError: The question cannot be asked.
        """
        answer = await self._requests.ask(lambda id: Question(job_id=self._job_id, request_id=id, ask=ask))
        return answer.decision or ToolDecision(is_approved=False)


def _error(message: str) -> ToolOutcome:
    return ToolOutcome(result=message, is_error=True)


def _with_prints(outcome: ToolOutcome, printed: Printed) -> ToolOutcome:
    if not (text := printed.text):
        return outcome
    said = "" if outcome.result in ("", "null") else f"{outcome.result}\n\n"
    return msgspec.structs.replace(outcome, result=f"{said}printed:\n{text}")
