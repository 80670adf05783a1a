"""Runs: accept, queue, start or steer a prompt; move, drop, stop, settle; go on with the next.

Everything that changes a conversation is a command, so it happens one at a time and is committed whole: a run's end and
the start of the next one are in the same commit.

Rule: RN1-RN5, RN7, RN8, RN10-RN14, EP1, TL1, TL9. Source: seeds 000 §5, 003, 004.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal, final

from webchat_nb.chat import run_events
from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.conversations import Conversations
from webchat_nb.chat.driver import EngineDriver, Planner
from webchat_nb.chat.idle import IdleWaiters
from webchat_nb.chat.ids import IdFactory
from webchat_nb.chat.intake import Place, find_place
from webchat_nb.chat.run_changes import OpenTurn, RunChanges, publish
from webchat_nb.chat.run_tasks import CANCEL_GRACE_S, RunTasks
from webchat_nb.chat.steering import SteeredPrompt
from webchat_nb.chat.tools.boxes import ToolBoxes
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.errors import (
    BusyError,
    NotWaitingError,
    QueueFullError,
    ShuttingDownError,
    UnknownRunError,
    WebchatError,
)
from webchat_nb.stream import Command, CommandTurn, Hub, SessionId

OpenApprovals = Literal["expire", "wait"]
"""``expire``: the run is interrupted and its questions expire. ``wait``: the next server goes on with it, if it can."""

_log = logging.getLogger(__name__)


@final
class Runs:
    """The command handlers of a chat, and the engines they start.

    Args:
        max_queue: Prompts that may wait in one conversation.
        timeout_s: Longest time for an answer whose profile does not say; None is without end (RN12).
        open_approvals: What becomes of a run that waits for a person when its server stops (TL9).
    """

    def __init__(
        self,
        *,
        hub: Hub,
        conversations: Conversations,
        planner: Planner,
        attachments: Attachments,
        tools: ToolBoxes,
        new_id: IdFactory,
        max_queue: int,
        timeout_s: float | None = None,
        open_approvals: OpenApprovals = "expire",
    ) -> None:
        self._hub = hub
        self._conversations = conversations
        driver = EngineDriver(hub, planner, attachments, tools)
        self._tasks = RunTasks(
            hub=hub,
            conversations=conversations,
            driver=driver,
            planner=planner,
            timeout_s=timeout_s,
            waits=open_approvals == "wait",
        )
        self.decided = self._tasks.decided
        self._idle = IdleWaiters(hub, conversations)
        self._changes = RunChanges(conversations=conversations, tasks=self._tasks, idle=self._idle)
        self._new_id = new_id
        self._max_queue = max_queue
        hub.on_command("ChatStartInference", self._start)
        hub.on_command("ChatStopInference", self._stop)
        hub.on_command("ChatMoveInference", self._move)
        hub.on_command("ChatSettleInference", self._settle)

    # Commands

    async def _start(self, turn: CommandTurn) -> dict[str, Any]:
        """Accept a prompt: start it, let it wait, hand it to the running engine, or refuse it (RN1)."""
        if self._tasks.is_closing:
            raise ShuttingDownError("the server is shutting down")
        request: Any = turn.command.payload
        place = await find_place(self._hub, turn)
        runs = await self._changes.look(turn)
        if not runs.is_busy:
            info = self._accept(turn, place)
            await self._changes.begin(turn, runs, info)
            return _answer(info, "started")
        if request.on_busy == "reject":
            raise BusyError("a run is active in this conversation")
        if request.on_busy == "replace":
            info = self._accept(turn, place)
            if runs.active is not None:
                self._changes.end(turn, runs, "stopped", actor=info.actor, reason="replaced by a newer prompt")
            await self._changes.begin(turn, runs, info)
            return _answer(info, "started")
        if len(runs.waiting) + len(runs.steering) >= self._max_queue:
            raise QueueFullError(f"{self._max_queue} prompts wait already")
        if request.on_busy == "steer" and runs.accepts_steering and _is_plain(request):
            return self._steer(turn, runs)
        return await self._enqueue(turn, runs, self._accept(turn, place))

    def _new_run(self, turn: CommandTurn) -> ChatOpenRun:
        request: Any = turn.command.payload
        turn_id = f"t-{self._new_id()}"
        return ChatOpenRun(
            run_id=f"run-{self._new_id()}",
            turn_id=turn_id,
            message_id=f"{turn_id}-user",
            profile=request.profile,
            overrides_json=request.overrides_json,
            actor=turn.command.actor,
        )

    def _accept(self, turn: CommandTurn, place: Place) -> ChatOpenRun:
        """The prompt is in the conversation; a new conversation begins with it."""
        request: Any = turn.command.payload
        info = self._new_run(turn)
        info.has_parent = place.is_named
        if place.prompt_id:
            info.message_id = place.prompt_id
            return info
        if not turn.session.exists:
            publish(turn, ev.ChatConversationCreated(profile=request.profile, owner=info.actor))
        publish(
            turn,
            ev.ChatUserMessageAccepted(
                message_id=info.message_id,
                run_id=info.run_id,
                prompt=request.prompt,
                parent_message_id=place.parent_id,
                actor=info.actor,
                profile=request.profile,
                attachments=request.attachments,
            ),
        )
        return info

    async def _enqueue(self, turn: CommandTurn, runs: OpenTurn, info: ChatOpenRun) -> dict[str, Any]:
        position = len(runs.waiting) + 1
        self._changes.enqueue(turn, runs, info, position)
        if runs.active is None:  # nobody else goes on with what waits
            await self._changes.begin_next(turn, runs)
        return {**_answer(info, "queued"), "queue_position": position, "queue_depth": position}

    def _steer(self, turn: CommandTurn, runs: OpenTurn) -> dict[str, Any]:
        """Hand a prompt to the running engine, here or elsewhere (RN13)."""
        request: Any = turn.command.payload
        run, own = runs.active, self._new_run(turn)
        assert run is not None
        publish(
            turn,
            ev.ChatUserMessageSteered(
                message_id=own.message_id,
                run_id=run.run_id,
                prompt=request.prompt,
                parent_message_id=run.info.message_id,
                actor=own.actor,
                profile=own.profile,
                overrides_json=own.overrides_json,
                own_run_id=own.run_id,
                own_turn_id=own.turn_id,
            ),
        )
        prompt = SteeredPrompt(message_id=own.message_id, prompt=request.prompt)
        turn.after_commit(lambda: run.inbox.put(own.run_id, prompt))
        joined = {"run_id": run.run_id, "turn_id": run.info.turn_id}
        return {**_answer(own, "steered"), **joined, "own_run_id": own.run_id, "own_turn_id": own.turn_id}

    async def _stop(self, turn: CommandTurn) -> dict[str, Any]:
        """Stop a running run or drop a waiting one, durably (RN4)."""
        request: Any = turn.command.payload
        runs = await self._changes.look(turn)
        run_id = request.run_id
        if not run_id and request.idempotency_key:
            found = await self._run_of_key(turn, runs, request.idempotency_key)
            if found is None:
                return {"status": "idle"}
            run_id = found
        active = runs.active
        if active is not None and run_id in ("", active.run_id):
            if request.only_waiting:
                raise NotWaitingError(f"run_id: run {run_id!r} has begun")
            self._changes.end(turn, runs, "stopped", actor=turn.command.actor)
            await self._changes.begin_next(turn, runs)
            return {"status": "stopping", "run_id": active.run_id}
        if self._withdraw(turn, runs, run_id) or any(info.run_id == run_id for info in runs.waiting):
            publish(turn, run_events.dropped(run_id, turn.command.actor))
            return {"status": "dequeued", "run_id": run_id}
        await self._check_known(turn, run_id)
        return {"status": "idle", **({"run_id": run_id} if run_id else {})}

    async def _run_of_key(self, turn: CommandTurn, runs: OpenTurn, key: str) -> str | None:
        """The run of the prompt that was submitted with a key; None when there was none."""
        receipt = await self._hub.store.receipt(turn.session.session_id, turn.command.actor, key)
        if receipt is None:
            return None
        own_id = str(receipt.answer.get("own_run_id", ""))
        if own_id:  # a steered prompt: its own run, unless the running engine took it
            is_untaken = any(info.run_id == own_id for info in (*runs.steering, *runs.waiting))
            if is_untaken or await self._hub.entity(turn.session.session_id, "ChatRun", own_id) is not None:
                return own_id
        return str(receipt.answer.get("run_id", ""))

    def _withdraw(self, turn: CommandTurn, runs: OpenTurn, run_id: str) -> bool:
        """A prompt that was steered and not taken yet is queued, so that it can be dropped."""
        info = next((info for info in runs.steering if info.run_id == run_id), None)
        if info is None or runs.active is None:
            return False
        inbox = runs.active.inbox
        prompt = inbox.withdraw(run_id)
        if prompt is not None:
            turn.on_refused(lambda: inbox.put(run_id, prompt))
        self._changes.enqueue(turn, runs, info, 1)
        return True

    async def _move(self, turn: CommandTurn) -> dict[str, Any]:
        """Give a waiting run another place in the line (RN11)."""
        request: Any = turn.command.payload
        runs = await self._changes.look(turn)
        ids = [info.run_id for info in runs.waiting]
        if request.run_id not in ids:
            await self._check_known(turn, request.run_id)
            raise NotWaitingError(f"run_id: run {request.run_id!r} does not wait any more")
        position = min(request.position, len(ids))
        if ids[position - 1] != request.run_id:
            moved = ev.ChatInferenceMoved(run_id=request.run_id, queue_position=position, actor=turn.command.actor)
            publish(turn, moved)
        return {"run_id": request.run_id, "queue_position": position, "queue_depth": len(ids)}

    async def _check_known(self, turn: CommandTurn, run_id: str) -> None:
        if run_id and await self._hub.entity(turn.session.session_id, "ChatRun", run_id) is None:
            raise UnknownRunError(f"run_id: no run {run_id!r} in this conversation")

    async def _settle(self, turn: CommandTurn) -> dict[str, Any]:
        """A run came to its end by itself, or a dead server left it behind; the next one starts (RN2, RN3).

        Without a run id: only look whether something was left behind or waits.
        """
        request: Any = turn.command.payload
        runs = await self._changes.look(turn)
        active = runs.active
        if active is not None:
            if active.run_id != request.run_id or active.is_ended:
                return {}
            if active is not runs.conversation.active:
                return {}  # another server went on with it (TL9)
            self._changes.end(
                turn,
                runs,
                request.status,
                finish_reason=request.finish_reason,
                error=request.error,
                code=request.code,
                retryable=request.retryable,
            )
        if not self._tasks.is_closing:
            await self._changes.begin_next(turn, runs)
        return {}

    # Lifecycle

    async def recover(self) -> int:
        """Settle the runs that a dead server left behind, or go on with them, and with the queues.

        Returns how many sessions had one.

        Rule: RN3, TL9.
        """
        found: list[SessionId] = []
        for status in ("running", "queued"):
            cursor: str | None = None
            while True:
                page = await self._hub.store.sessions(limit=100, cursor=cursor, where={"status": status}, search=None)
                found += [session.session_id for session in page.sessions]
                cursor = page.next
                if cursor is None:
                    break
        for session_id in found:
            look = Command(session_id=session_id, name="ChatSettleInference", payload=cmd.ChatSettleInference())
            try:
                await self._hub.submit(look)
            except WebchatError as error:  # its next command tries again; the others must not wait for it
                _log.error("conversation %s could not be settled: %s", session_id, error)
        return len(found)

    async def waiting(self, session_id: SessionId) -> list[ChatOpenRun]:
        """The queue, next one first."""
        return list((await self._conversations.open_runs(session_id)).waiting)

    async def wait_idle(self, session_id: SessionId) -> None:
        """Return when the conversation has no run and an empty queue."""
        await self._idle.wait(session_id)

    async def erase(self, session_id: SessionId) -> None:
        """Stop what runs, drop what waits, then erase the conversation."""
        run = self._conversations.get(session_id).active
        if run is not None:
            run.abandon()
            if run.task is not None:
                await asyncio.wait([run.task], timeout=CANCEL_GRACE_S)
            self._tasks.release(run.run_id)
        await self._hub.erase(session_id)
        self._conversations.forget(session_id)
        self._idle.tell(session_id)

    async def shutdown(self) -> None:
        """Settle active runs as interrupted, or leave them to the next server, with which what waits starts."""
        await self._tasks.shutdown()


def _answer(info: ChatOpenRun, status: str) -> dict[str, Any]:
    return {"status": status, "run_id": info.run_id, "turn_id": info.turn_id, "profile": info.profile}


def _is_plain(request: Any) -> bool:
    """Nothing but a prompt for the present turn: what else it says could not be heeded by an engine at work."""
    return not (request.HasField("parent_message_id") or request.regenerate or request.attachments)
