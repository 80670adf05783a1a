"""Runs: accept, queue or start a prompt; stop, settle, go on with the next.

Everything that changes a conversation is a command, so it happens one at a time and is committed whole: a run's end and
the start of the next one are in the same commit.

Rule: RN1-RN5, RN7, EP1, TL1. Source: seeds 000 §5, 003, 004.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, final

import msgspec

from webchat_nb.chat.conversations import ActiveRun, Conversation, Conversations
from webchat_nb.chat.driver import EngineDriver, Planner
from webchat_nb.chat.ids import IdFactory
from webchat_nb.chat.run_tasks import CANCEL_GRACE_S, RunTasks
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.errors import (
    BusyError,
    QueueFullError,
    ShuttingDownError,
    UnknownRunError,
    WebchatError,
)
from webchat_nb.stream import Command, CommandTurn, Event, Hub, SessionId

_log = logging.getLogger(__name__)


class _Runs(msgspec.Struct):
    """A conversation's runs while a command looks at them.

    Attributes:
        conversation: What this process holds.
        active: The run under way, here or elsewhere; None when there is none.
        waiting: The queue, next one first.
    """

    conversation: Conversation
    active: ActiveRun | None
    waiting: list[ChatOpenRun]


@final
class Runs:
    """The command handlers of a chat, and the engines they start."""

    def __init__(
        self,
        *,
        hub: Hub,
        conversations: Conversations,
        planner: Planner,
        new_id: IdFactory,
        max_queue: int,
    ) -> None:
        self._hub = hub
        self._conversations = conversations
        self._tasks = RunTasks(hub=hub, conversations=conversations, driver=EngineDriver(hub, planner))
        self._new_id = new_id
        self._max_queue = max_queue
        self._idle: dict[SessionId, list[asyncio.Future[None]]] = {}
        hub.on_command("ChatStartInference", self._start)
        hub.on_command("ChatStopInference", self._stop)
        hub.on_command("ChatSettleInference", self._settle)
        hub.on_command("ChatCreateConversation", self._create)
        hub.on_command("ChatRenameConversation", self._rename)

    # Commands

    async def _start(self, turn: CommandTurn) -> dict[str, Any]:
        """Accept a prompt: start it, let it wait, or refuse it (RN1)."""
        if self._tasks.is_closing:
            raise ShuttingDownError("the server is shutting down")
        request: Any = turn.command.payload
        runs = await self._look(turn)
        busy = runs.active is not None or bool(runs.waiting)
        if busy and request.on_busy == "reject":
            raise BusyError("a run is active in this conversation")
        if busy and request.on_busy != "replace" and len(runs.waiting) >= self._max_queue:
            raise QueueFullError(f"{self._max_queue} prompts wait already")
        info = self._accept(turn, request)
        if busy and request.on_busy != "replace":
            return self._enqueue(turn, runs, info)
        if runs.active is not None:
            self._end(turn, runs, "stopped", actor=info.actor, reason="replaced by a newer prompt")
        await self._begin(turn, runs, info)
        return _answer(info, "started")

    def _accept(self, turn: CommandTurn, request: Any) -> ChatOpenRun:
        """The prompt is in the conversation; a new conversation begins with it."""
        session, actor = turn.session, turn.command.actor
        turn_id = f"t-{self._new_id()}"
        info = ChatOpenRun(
            run_id=f"run-{self._new_id()}",
            turn_id=turn_id,
            message_id=f"{turn_id}-user",
            profile=request.profile,
            overrides_json=request.overrides_json,
            actor=actor,
        )
        if not session.exists:
            self._publish(turn, ev.ChatConversationCreated(profile=request.profile, owner=actor))
        self._publish(
            turn,
            ev.ChatUserMessageAccepted(
                message_id=info.message_id,
                run_id=info.run_id,
                prompt=request.prompt,
                parent_message_id=session.attributes.get("last_message", ""),
                actor=actor,
                profile=request.profile,
            ),
        )
        return info

    def _enqueue(self, turn: CommandTurn, runs: _Runs, info: ChatOpenRun) -> dict[str, Any]:
        position = len(runs.waiting) + 1
        info.status = "queued"
        self._publish(
            turn,
            ev.ChatInferenceQueued(**_request_of(info), queue_position=position),
        )
        return {**_answer(info, "queued"), "queue_position": position, "queue_depth": position}

    async def _stop(self, turn: CommandTurn) -> dict[str, Any]:
        """Stop a running run or drop a waiting one, durably (RN4)."""
        request: Any = turn.command.payload
        runs = await self._look(turn)
        run_id = request.run_id
        if not run_id and request.idempotency_key:
            receipt = await self._hub.store.receipt(
                turn.session.session_id, turn.command.actor, request.idempotency_key
            )
            if receipt is None:
                return {"status": "idle"}
            run_id = str(receipt.answer.get("run_id", ""))
        active = runs.active
        if active is not None and run_id in ("", active.run_id):
            self._end(turn, runs, "stopped", actor=turn.command.actor)
            await self._begin_next(turn, runs)
            return {"status": "stopping", "run_id": active.run_id}
        if any(info.run_id == run_id for info in runs.waiting):
            self._publish(turn, ev.ChatInferenceStopped(run_id=run_id, actor=turn.command.actor, reason="dropped"))
            return {"status": "dequeued", "run_id": run_id}
        if run_id and await self._hub.entity(turn.session.session_id, "ChatRun", run_id) is None:
            raise UnknownRunError(f"run_id: no run {run_id!r} in this conversation")
        return {"status": "idle", **({"run_id": run_id} if run_id else {})}

    async def _settle(self, turn: CommandTurn) -> dict[str, Any]:
        """A run came to its end by itself, or a dead server left it behind; the next one starts (RN2, RN3).

        Without a run id: only look whether something was left behind or waits.
        """
        request: Any = turn.command.payload
        runs = await self._look(turn)
        active = runs.active
        if active is not None:
            if active.run_id != request.run_id or active.is_ended:
                return {}
            self._end(
                turn,
                runs,
                request.status,
                finish_reason=request.finish_reason,
                error=request.error,
                code=request.code,
                retryable=request.retryable,
            )
        if not self._tasks.is_closing:
            await self._begin_next(turn, runs)
        return {}

    async def _create(self, turn: CommandTurn) -> dict[str, Any]:
        """An empty conversation; nothing when it exists."""
        request: Any = turn.command.payload
        if not turn.session.exists:
            self._publish(
                turn,
                ev.ChatConversationCreated(profile=request.profile, owner=turn.command.actor, title=request.title),
            )
        return {}

    async def _rename(self, turn: CommandTurn) -> dict[str, Any]:
        """Another title."""
        request: Any = turn.command.payload
        self._publish(turn, ev.ChatConversationRenamed(title=request.title))
        return {}

    # Parts of commands

    async def _look(self, turn: CommandTurn) -> _Runs:
        """The conversation's runs; one that a dead server left behind is ended by this very command (RN3)."""
        session_id = turn.session.session_id
        conversation = self._conversations.get(session_id)
        open_runs = await self._conversations.open_runs(session_id)
        running, driven = open_runs.running, conversation.active
        if driven is not None and (running is None or running.run_id != driven.run_id):
            driven.abandon()  # another server ended it
            driven = conversation.active = None
        runs = _Runs(conversation, driven, list(open_runs.waiting))
        if running is not None and driven is None:
            runs.active = ActiveRun(running, await self._conversations.recovered(session_id, running))
            if not await self._tasks.is_alive(running.run_id):
                self._end(turn, runs, "interrupted", error="The server stopped while this was being answered.")
                runs.active = None
        return runs

    def _end(self, turn: CommandTurn, runs: _Runs, status: str, **details: Any) -> None:
        """Close what the active run has open, then its one terminal event; the engine is told after the commit."""
        run, conversation = runs.active, runs.conversation
        assert run is not None
        turn.publish(*run.translator.settle(status))
        self._publish(turn, _terminal(run.run_id, status, details))
        if run is not conversation.active:
            return  # not carried out here
        run.is_ended = True  # nothing that the engine still says may come behind the terminal event

        def after() -> None:
            if conversation.active is run:
                conversation.active = None
            run.abandon()
            self._tasks.release(run.run_id)

        def refused() -> None:
            run.is_ended = False
            if run.task is not None and run.task.done():  # the engine saw the mark and left
                self._conversations.forget(conversation.session_id)

        turn.after_commit(after)
        turn.on_refused(refused)

    async def _begin_next(self, turn: CommandTurn, runs: _Runs) -> None:
        if runs.waiting:
            await self._begin(turn, runs, runs.waiting[0])
        else:
            turn.after_commit(lambda: self._tell_idle(turn.session.session_id))

    async def _begin(self, turn: CommandTurn, runs: _Runs, info: ChatOpenRun) -> None:
        """The run is started by this commit; its engine right after it."""
        await self._tasks.reserve(info.run_id)
        turn.on_refused(lambda: self._tasks.release(info.run_id))
        self._publish(turn, ev.ChatInferenceStarted(**_request_of(info)))
        started, before = ChatOpenRun(), runs.active
        started.CopyFrom(info)
        started.status = "running"
        turn.after_commit(lambda: self._tasks.launch(runs.conversation, started, before))

    def _publish(self, turn: CommandTurn, payload: Any) -> None:
        turn.publish(Event(session_id=turn.session.session_id, name=payload.DESCRIPTOR.name, payload=payload))

    # Lifecycle

    async def recover(self) -> int:
        """Settle the runs that a dead server left behind, and go on with the queues. Returns how many sessions.

        Rule: RN3.
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

    async def wait_idle(self, session_id: SessionId) -> None:
        """Return when the conversation has no run and an empty queue."""
        while not (await self._conversations.open_runs(session_id)).is_idle:
            if self._hub.store.sharing is None or self._conversations.get(session_id).active is not None:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._idle.setdefault(session_id, []).append(waiter)
                await waiter
            else:
                await self._wait_for_others(session_id)

    async def _wait_for_others(self, session_id: SessionId) -> None:
        """Return when another server ended a run."""
        subscription = await self._hub.subscribe(session_id, window=1)
        try:
            if (await self._conversations.open_runs(session_id)).is_idle:
                return
            async for delivery in subscription:
                if not delivery.is_text:
                    return
        finally:
            subscription.close()

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
        self._tell_idle(session_id)

    async def shutdown(self) -> None:
        """Settle active runs as interrupted; what waits stays in the store and starts with the next server."""
        await self._tasks.shutdown()

    def _tell_idle(self, session_id: SessionId) -> None:
        for waiter in self._idle.pop(session_id, ()):
            if not waiter.done():
                waiter.set_result(None)


def _terminal(run_id: str, status: str, details: dict[str, Any]) -> Any:
    """The event that ends a run."""
    given = details.get
    match status:
        case "finished":
            return ev.ChatInferenceFinished(run_id=run_id, finish_reason=given("finish_reason", ""))
        case "failed":
            return ev.ChatInferenceFailed(
                run_id=run_id,
                error=given("error", ""),
                code=given("code", ""),
                retryable=given("retryable", False),
            )
        case "interrupted":
            return ev.ChatInferenceInterrupted(run_id=run_id, reason=given("error", ""), retryable=True)
    return ev.ChatInferenceStopped(run_id=run_id, actor=given("actor", ""), reason=given("reason", ""))


def _request_of(info: ChatOpenRun) -> dict[str, Any]:
    """What the events that queue and start a run say of it alike."""
    names = ("run_id", "turn_id", "message_id", "profile", "overrides_json", "actor")
    return {name: getattr(info, name) for name in names}


def _answer(info: ChatOpenRun, status: str) -> dict[str, Any]:
    return {"status": status, "run_id": info.run_id, "turn_id": info.turn_id, "profile": info.profile}
