"""Engines at work: started when a run's start is committed, told when it was ended, settled when they end by themselves.

Where several servers share a store, each run is held by a lease of the server that carries it out. A run whose lease
ended is nobody's, and whoever sees it settles it.

Rule: RN2, RN3, RN5, RN8, TL9. Source: seeds 000 §5, 003.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, final

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.conversations import ActiveRun, Conversation, Conversations
from webchat_nb.chat.driver import EngineDriver, Planner
from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.chat.plugins.approvals import EXPIRE, to_decision
from webchat_nb.chat.run_events import TERMINAL_EVENTS
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.contracts.v1.events_pb2 import ChatToolApprovalDecided, ChatToolCallExecutionStarted
from webchat_nb.errors import StoreConflictError, StoreError, WebchatError
from webchat_nb.stream import Command, Committed, Event, Hub, SessionId, TimelineView

CANCEL_GRACE_S = 5.0
"""How long the next run waits for a stopped engine to let go."""

_RELEASING = "webchat-release-"
_SETTLE_RETRIES_S = (0.1, 0.5, 2.0, 5.0)

_log = logging.getLogger(__name__)


@final
class RunTasks:
    """The engines that this process lets work.

    Args:
        timeout_s: Longest time for an answer whose profile does not say; None is without end.
        waits: Runs that wait for a person are left to the next server (TL9).
    """

    def __init__(
        self,
        *,
        hub: Hub,
        conversations: Conversations,
        driver: EngineDriver,
        planner: Planner,
        timeout_s: float | None = None,
        waits: bool = False,
    ) -> None:
        self._hub = hub
        self.waits = waits
        self._planner = planner
        self._timeout_s = timeout_s
        self._conversations = conversations
        self._driver = driver
        self._tasks: set[asyncio.Task[None]] = set()
        self._reserved: set[str] = set()
        self._leasing = asyncio.Lock()
        self._leases = hub.store.sharing.leases if hub.store.sharing is not None else None
        self.is_closing = False
        if self._leases is not None:
            hub.observe(self._see)

    async def reserve(self, run_id: str) -> None:
        """Make the run this process's, before it is committed that it starts, or goes on.

        Raises:
            StoreConflictError: Another server is doing that.
        """
        if self._leases is None:
            return
        self._reserved.add(run_id)
        async with self._leasing:
            if await self._leases.take(_lease(run_id)):
                return
        self._reserved.discard(run_id)
        raise StoreConflictError(f"run {run_id}: another server is starting it")

    def release(self, run_id: str) -> None:
        """It is not this process's any more, or never became so."""
        if self._leases is not None:
            self._reserved.discard(run_id)
            self._spawn(self._give_back(run_id), name=f"{_RELEASING}{run_id}")

    async def _give_back(self, run_id: str) -> None:
        assert self._leases is not None
        async with self._leasing:  # a command that is tried again reserves its run again
            if run_id not in self._reserved:
                with suppress(StoreError):  # it ends by itself
                    await self._leases.give_back(_lease(run_id))

    async def is_alive(self, run_id: str) -> bool:
        """Whether another server carries the run out."""
        return self._leases is not None and await self._leases.is_held(_lease(run_id))

    def launch(self, conversation: Conversation, info: ChatOpenRun, before: ActiveRun | None) -> None:
        """Let the engine begin; the run's start is committed.

        Args:
            conversation: Whose run.
            info: The run.
            before: The run that it takes over from, whose engine may not have let go yet.
        """
        self._set_off(
            conversation, ActiveRun(info, self._conversations.translator(conversation.session_id, info)), before
        )

    def go_on(self, conversation: Conversation, run: ActiveRun) -> None:
        """Let the engine go on after a restart; that this server does is committed (TL9).

        Args:
            conversation: Whose run.
            run: Recovered from the log.
        """
        assert run.so_far is not None
        for own_run_id, prompt in run.so_far.untaken.items():
            run.inbox.put(own_run_id, prompt)
        self._set_off(conversation, run, None)

    def _set_off(self, conversation: Conversation, run: ActiveRun, before: ActiveRun | None) -> None:
        session_id, holding = conversation.session_id, run.info.continued_count

        def is_ours(timeline: TimelineView) -> bool:
            kept = timeline.get(OPEN_RUN, run.run_id)
            payload: Any = kept.payload if kept is not None else None
            return payload is not None and payload.status == "running" and payload.continued_count == holding

        run.publisher = self._hub.publisher(session_id, while_=is_ours)
        run.desk = self._desk(session_id, run)
        conversation.active = run
        old = before.task if before is not None else None
        run.task = self._spawn(self._drive(conversation, run, old), name=f"webchat-{run.run_id}")

    def _desk(self, session_id: SessionId, run: ActiveRun) -> ApprovalDesk:
        """Where the run's engine waits for a person; knows what was asked and said before a restart."""
        begun_before = set(run.so_far.begun_calls) if run.so_far is not None else set()

        async def expire(approval_id: str) -> None:
            payload = cmd.ChatDecideApproval(approval_id=approval_id, decision=EXPIRE)
            await self._hub.submit(Command(session_id=session_id, name="ChatDecideApproval", payload=payload))

        async def begin(approval_id: str) -> None:
            """An approved call counts as begun before its tool can be: so nobody makes it again after a crash."""
            asked = run.questions.get(approval_id)
            if asked is None or asked.question or asked.call_id in begun_before | {""}:
                return  # nothing is done upon it that could be done twice
            if run.publisher is None or run.is_ended or not run.goes_on:
                return
            begun = ChatToolCallExecutionStarted(tool_call_id=asked.call_id)
            run.translator.observe("ChatToolCallExecutionStarted", begun)
            await run.publisher.send(Event(session_id=session_id, name="ChatToolCallExecutionStarted", payload=begun))
            await run.publisher.flush()

        desk = ApprovalDesk(clock=self._hub.clock, expire=expire, begin=begin if self.waits else None)
        if run.so_far is not None:
            for asked in run.so_far.questions.values():
                desk.recall(asked)
            for approval_id, decision in run.so_far.decisions.items():
                desk.put(approval_id, decision)
        return desk

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drive(self, conversation: Conversation, run: ActiveRun, old: asyncio.Task[None] | None) -> None:
        """Let the engine answer, then record how it ended, unless a command ended it."""
        try:
            if old is not None and not old.done():
                await asyncio.wait([old], timeout=CANCEL_GRACE_S)
            with self._time_limit(conversation, run):
                end = await self._driver.drive(conversation, run)
        finally:
            if run.publisher is not None:
                run.publisher.close()
        if not run.is_ended:
            await self.settle(conversation.session_id, run, end)

    @contextmanager
    def _time_limit(self, conversation: Conversation, run: ActiveRun) -> Iterator[None]:
        """End the run when its time is over, as a stop would: an engine that does not let go is not waited for."""
        limit_s = self._planner.timeout_s(run.info.profile) or self._timeout_s
        if limit_s is None:
            yield
            return
        end = cmd.ChatSettleInference(
            run_id=run.run_id,
            status="failed",
            error=f"The answer took longer than {limit_s:g} s.",
            code="timeout",
            retryable=True,
        )

        def expire() -> None:
            if not run.is_ended:
                self._spawn(self.settle(conversation.session_id, run, end), name=f"webchat-timeout-{run.run_id}")

        timer = self._hub.clock.call_later(limit_s, expire)
        try:
            yield
        finally:
            timer.cancel()

    async def settle(self, session_id: SessionId, run: ActiveRun, end: cmd.ChatSettleInference) -> None:
        """Record the end; when the store refuses, try again for a while, from what the log really holds."""
        for delay_s in (*_SETTLE_RETRIES_S, None):
            try:
                if run.publisher is not None and run.publisher.error is not None:
                    run.translator = await self._conversations.recovered(session_id, run.info)
                    run.inbox.recorded.clear()
                    run.publisher = None
                await self._hub.submit(Command(session_id=session_id, name="ChatSettleInference", payload=end))
                return
            except StoreError as error:
                if delay_s is None or self.is_closing:
                    _log.error("run %s could not be settled: %s", run.run_id, error)
                    self._conversations.forget(session_id)  # the next one who asks settles it
                    self.release(run.run_id)
                    return
                await self._hub.clock.sleep(delay_s)

    def decided(self, session_id: SessionId, approval_id: str, decision: ToolDecision) -> None:
        """A person decided; the engine that asked may be here."""
        conversation = self._conversations.find(session_id)
        run = conversation.active if conversation is not None else None
        if run is not None and run.desk is not None:
            run.translator.observe("ChatToolApprovalDecided", ChatToolApprovalDecided(approval_id=approval_id))
            run.desk.put(approval_id, decision)

    def _see(self, committed: Committed) -> None:
        """Another server may have ended or taken a run that is carried out here, or taken a prompt for it."""
        conversation = self._conversations.find(committed.session.session_id)
        run = conversation.active if conversation is not None else None
        if conversation is None or run is None or committed.is_own:
            return
        for event in committed.events:
            payload: Any = event.payload
            is_lost = event.name in TERMINAL_EVENTS or event.name == "ChatInferenceContinued"
            if is_lost and payload.run_id == run.run_id:
                run.abandon()
                conversation.active = None
                self.release(run.run_id)
            elif event.name in TERMINAL_EVENTS or event.name == "ChatInferenceQueued":
                run.inbox.withdraw(payload.run_id)  # it was dropped
            elif event.name == "ChatToolApprovalDecided":
                made = to_decision(payload.status, payload.input, payload.reason)
                self.decided(committed.session.session_id, payload.approval_id, made)
            elif event.name == "ChatUserMessageSteered" and payload.run_id == run.run_id:
                run.inbox.put(payload.own_run_id, SteeredPrompt(message_id=payload.message_id, prompt=payload.prompt))

    async def shutdown(self) -> None:
        """Settle active runs as interrupted, or leave them to the next server, then end all engines."""
        self.is_closing = True
        left: list[ActiveRun] = []
        while True:
            left += await self._end_all()
            working = [task for task in self._tasks if not task.get_name().startswith(_RELEASING)]
            if not working:
                break
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            # and once more: what was being committed meanwhile may have begun another run
        if left:
            _log.info("%d runs wait for a person and are left to the next server", len(left))
        for run in left:  # after its engine has let go
            self.release(run.run_id)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_all(self) -> Sequence[ActiveRun]:
        """Settle the active runs, but for those that are left to the next server; tells which."""
        left: list[ActiveRun] = []
        for conversation in self._conversations:
            run = conversation.active
            if run is None or run.is_ended:
                continue
            if await self._is_left(conversation.session_id, run):
                left.append(run)
                continue
            end = cmd.ChatSettleInference(
                run_id=run.run_id, status="interrupted", error="The server was shut down while this was answered."
            )
            await self.settle(conversation.session_id, run, end)
        return left

    async def _is_left(self, session_id: SessionId, run: ActiveRun) -> bool:
        """Whether the next server can go on with the run; it is abandoned then (TL9)."""
        if not (self.waits and run.goes_on and run.publisher is not None):
            return False
        try:
            await run.publisher.flush()
            so_far = await self._conversations.so_far(session_id, run.info)
        except WebchatError as error:
            _log.warning("run %s cannot be left to the next server: %s", run.run_id, error)
            return False
        if so_far.waits:
            run.abandon()
        return so_far.waits


def _lease(run_id: str) -> str:
    return f"run:{run_id}"
