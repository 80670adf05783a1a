"""Runs of this notebook's engine: the function answers here, everything else is the server's.

Rule: EN9.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.engine import AttachedFile, HistoryMessage, RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools import Tell, ToolDecision, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.chat.tools.failures import words_of
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.errors import EngineError, ToolError
from webchat_nb.notebook.kernel.jobs import Jobs
from webchat_nb.notebook.kernel.messages import (
    RECORDS_AHEAD,
    DecisionAsked,
    Executing,
    FileAsked,
    FromKernel,
    Records,
    RunEnded,
    StartRun,
    Taken,
    ToolAsked,
)
from webchat_nb.notebook.kernel.offers import Offers
from webchat_nb.notebook.kernel.records import File, Message, Packed, pack
from webchat_nb.notebook.kernel.requests import Requests
from webchat_nb.notebook.kernel.work import Workers, is_called_off

_GATHER_S: Final = 0.025
"""Records are gathered for so long: what a kernel says, every browser at it hears, and servers limit how often."""

_MAX_GATHERED: Final = 500

_log = logging.getLogger(__name__)


@final
class EngineRuns:
    """Carries them out.

    Args:
        offers: The engines.
        jobs: Which runs are wanted.
        workers: Where they work.
        requests: What a run asks of the server.
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
        self._gathered: dict[str, Gathered] = {}

    def start(self, message: StartRun) -> None:
        """Begin a run."""
        self._workers.begin(message.job_id, self._run(message))

    def go_on(self, message: Taken) -> None:
        """The server has taken in some of what was said."""
        if (gathered := self._gathered.get(message.job_id)) is not None:
            gathered.taken(message.count)

    async def _run(self, message: StartRun) -> None:
        ended = RunEnded(job_id=message.job_id)
        gathered = self._gathered[message.job_id] = Gathered(message.job_id, self._tell)
        try:
            self._tell(Executing(job_id=message.job_id))
            await self._answer(message, gathered)
        except EngineError as error:
            ended = _failed(ended, error.message, code=error.engine_code, retryable=error.retryable)
        except KeyboardInterrupt:
            ended = _failed(ended, "The answer was interrupted in the notebook.", code="interrupted", retryable=True)
        except BaseException as error:  # sys.exit(), say, is the end of the run, not of the notebook
            if is_called_off(error):
                raise
            sys.stderr.write(clean(traceback.format_exc()))  # a stream that cannot send it stands still for 10 s
            words = words_of(error)
            ended = _failed(ended, f"The notebook's function failed: {words}", code="function_failed", retryable=True)
        finally:
            gathered.close()
            del self._gathered[message.job_id]
            self._jobs.finish(message.job_id)
        self._tell(ended)

    async def _answer(self, message: StartRun, gathered: Gathered) -> None:
        factory = self._offers.engine(message.conv_id)
        if factory is None:
            raise EngineError("The notebook has no function that answers.", code="no_engine", retryable=True)
        plan = msgspec.convert(message.plan, EnginePlan)
        request = self._request(message, plan, gathered)
        async with aclosing(factory(plan).run(request)) as records:  # type: ignore[type-var]
            async for record in records:
                await gathered.put(record)

    def _request(self, message: StartRun, plan: EnginePlan, gathered: Gathered) -> RunRequest:
        server = _Server(message, self._requests, gathered)
        return RunRequest(
            session_id=message.conv_id,
            run_id=message.run_id,
            root_id=message.root_id,
            prompt=message.prompt,
            turn=message.turn,
            history=[server.message(earlier) for earlier in message.history],
            plan=plan,
            attachments=[server.file(file) for file in message.attachments],
            tools=None if message.tools is None else server,
            approvals=server if message.has_approvals else None,
        )


@final
class Gathered:
    """Records on their way: the first goes at once, more are gathered.

    Args:
        job_id: The run's.
        tell: Sends a message.
    """

    def __init__(self, job_id: str, tell: Callable[[FromKernel], None]) -> None:
        self._job_id = job_id
        self._tell = tell
        self._records: list[Packed] = []
        self._timer: asyncio.TimerHandle | None = None
        self._put_count = 0
        self._taken_count = 0
        self._has_room = asyncio.Event()

    async def put(self, record: Any) -> None:
        """Take one; waits while the server is far behind, and gives the loop a turn now and then."""
        self._put_count += 1
        self._records.append(pack(record))
        if self._timer is None:
            self._send()
        elif len(self._records) >= _MAX_GATHERED:
            self.flush()
            await asyncio.sleep(0)
        while self._put_count - self._taken_count > RECORDS_AHEAD:
            self.flush()
            self._has_room.clear()
            await self._has_room.wait()

    def taken(self, count: int) -> None:
        """So many have been taken in."""
        self._taken_count = count
        self._has_room.set()

    def flush(self) -> None:
        """Send what there is."""
        if self._records:
            records, self._records = tuple(self._records), []
            self._tell(Records(job_id=self._job_id, records=records))

    def close(self) -> None:
        """Send what there is; nothing comes any more."""
        if self._timer is not None:
            self._timer.cancel()
        self.flush()

    def _send(self) -> None:
        """Send, and look again a little later, as long as there is something each time."""
        self._timer = asyncio.get_running_loop().call_later(_GATHER_S, self._send) if self._records else None
        self.flush()


@final
class _Server:
    """What the server does for a run: its tools, the person's decisions, its files. Fits ``ToolBox`` and ``Approvals``."""

    def __init__(self, message: StartRun, requests: Requests, gathered: Gathered) -> None:
        self._message = message
        self._job_id = message.job_id
        self._requests = requests
        self._gathered = gathered

    def schemas(self) -> Sequence[ToolSchema]:
        return self._message.tools or ()

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        self._gathered.flush()  # in the order in which it was said
        try:
            answer = await self._requests.ask(
                lambda id: ToolAsked(job_id=self._job_id, request_id=id, use=use), hear=tell
            )
        except ToolError as error:
            return ToolOutcome(result=error.message, is_error=True)
        return answer.result.to_outcome() if answer.result else ToolOutcome(result="no result", is_error=True)

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        return await self._decision(use=use, hear=tell)

    async def decision(self, approval_id: str, *, expires_at_ms: int | None = None) -> ToolDecision:
        return await self._decision(approval_id=approval_id, expires_at_ms=expires_at_ms)

    async def _decision(self, *, hear: Tell | None = None, **asked: Any) -> ToolDecision:
        self._gathered.flush()
        answer = await self._requests.ask(
            lambda id: DecisionAsked(job_id=self._job_id, request_id=id, **asked), hear=hear
        )
        return answer.decision or ToolDecision(is_approved=False)

    def message(self, message: Message) -> HistoryMessage:
        return HistoryMessage(
            role="user" if message.role == "user" else "assistant",
            content=message.content,
            status=message.status,
            message_id=message.message_id,
            attachments=[self.file(file) for file in message.attachments],
        )

    def file(self, file: File) -> AttachedFile:
        return AttachedFile(**msgspec.structs.asdict(file), load=partial(self._load, file.attachment_id))

    async def _load(self, attachment_id: str) -> bytes:
        try:
            answer = await self._requests.ask(
                lambda id: FileAsked(job_id=self._job_id, request_id=id, attachment_id=attachment_id)
            )
        except ToolError as error:
            raise EngineError(error.message, code="file_missing") from None
        return base64.b64decode(answer.file_base64 or "")


def _failed(ended: RunEnded, message: str, *, code: str, retryable: bool) -> RunEnded:
    return msgspec.structs.replace(ended, message=message, code=code, retryable=retryable)
