"""Runs: accept, queue or start a prompt; stop, settle, go on with the next.

Everything that changes a conversation is a command, so it happens one at a time and is committed whole: a run's end and
the start of the next one are in the same commit.

Rule: RN1-RN5, RN7, EP1, TL1. Source: seeds 000 §5, 003, 004.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, final

from webchat_nb.chat.conversations import ActiveRun, Conversation, Conversations
from webchat_nb.chat.driver import EngineDriver, Planner
from webchat_nb.chat.ids import IdFactory
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.errors import (
    BusyError,
    QueueFullError,
    ShuttingDownError,
    StoreError,
    UnknownRunError,
    WebchatError,
)
from webchat_nb.stream import Command, CommandTurn, Event, Hub, SessionId

CANCEL_GRACE_S = 5.0
"""How long the next run waits for a stopped engine to let go."""

_SETTLE_RETRIES_S = (0.1, 0.5, 2.0, 5.0)

_log = logging.getLogger(__name__)


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
        self._driver = EngineDriver(hub, planner)
        self._new_id = new_id
        self._max_queue = max_queue
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._idle: dict[SessionId, list[asyncio.Future[None]]] = {}
        hub.on_command("ChatStartInference", self._start)
        hub.on_command("ChatStopInference", self._stop)
        hub.on_command("ChatSettleInference", self._settle)
        hub.on_command("ChatCreateConversation", self._create)
        hub.on_command("ChatRenameConversation", self._rename)

    # Commands

    async def _start(self, turn: CommandTurn) -> dict[str, Any]:
        """Accept a prompt: start it, let it wait, or refuse it (RN1)."""
        if self._is_closing:
            raise ShuttingDownError("the server is shutting down")
        request: Any = turn.command.payload
        conversation = await self._conversation(turn)
        busy = not conversation.is_idle
        if busy and request.on_busy == "reject":
            raise BusyError("a run is active in this conversation")
        if busy and request.on_busy != "replace" and len(conversation.waiting) >= self._max_queue:
            raise QueueFullError(f"{self._max_queue} prompts wait already")
        info = self._accept(turn, request)
        if busy and request.on_busy != "replace":
            return self._enqueue(turn, conversation, info)
        if conversation.active is not None:
            self._end(turn, conversation, "stopped", actor=info.actor, reason="replaced by a newer prompt")
        self._begin(turn, conversation, info)
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

    def _enqueue(self, turn: CommandTurn, conversation: Conversation, info: ChatOpenRun) -> dict[str, Any]:
        position = len(conversation.waiting) + 1
        info.status = "queued"
        self._publish(
            turn,
            ev.ChatInferenceQueued(**_request_of(info), queue_position=position),
        )
        turn.after_commit(lambda: conversation.waiting.append(info))
        return {**_answer(info, "queued"), "queue_position": position, "queue_depth": position}

    async def _stop(self, turn: CommandTurn) -> dict[str, Any]:
        """Stop a running run or drop a waiting one, durably (RN4)."""
        request: Any = turn.command.payload
        conversation = await self._conversation(turn)
        run_id = request.run_id
        if not run_id and request.idempotency_key:
            receipt = await self._hub.store.receipt(
                turn.session.session_id, turn.command.actor, request.idempotency_key
            )
            if receipt is None:
                return {"status": "idle"}
            run_id = str(receipt.answer.get("run_id", ""))
        active = conversation.active
        if active is not None and run_id in ("", active.run_id):
            self._end(turn, conversation, "stopped", actor=turn.command.actor)
            self._begin_next(turn, conversation)
            return {"status": "stopping", "run_id": active.run_id}
        waiting = next((info for info in conversation.waiting if info.run_id == run_id), None)
        if waiting is not None:
            self._publish(turn, ev.ChatInferenceStopped(run_id=run_id, actor=turn.command.actor, reason="dropped"))
            turn.after_commit(lambda: conversation.waiting.remove(waiting))
            return {"status": "dequeued", "run_id": run_id}
        if run_id and await self._hub.entity(turn.session.session_id, "ChatRun", run_id) is None:
            raise UnknownRunError(f"run_id: no run {run_id!r} in this conversation")
        return {"status": "idle", **({"run_id": run_id} if run_id else {})}

    async def _settle(self, turn: CommandTurn) -> dict[str, Any]:
        """A run came to its end by itself, or a dead server left it behind; the next one starts (RN2, RN3).

        Without a run id: only look whether something was left behind or waits.
        """
        request: Any = turn.command.payload
        conversation = await self._conversation(turn)
        active = conversation.active
        if active is not None:
            if active.run_id != request.run_id or active.is_ended:
                return {}
            self._end(
                turn,
                conversation,
                request.status,
                finish_reason=request.finish_reason,
                error=request.error,
                code=request.code,
                retryable=request.retryable,
            )
        if not self._is_closing:
            self._begin_next(turn, conversation)
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

    async def _conversation(self, turn: CommandTurn) -> Conversation:
        """The command's conversation; a run that a dead server left behind is ended by this very command (RN3)."""
        conversation = await self._conversations.get(turn.session.session_id)
        orphan = conversation.active
        if orphan is not None and orphan.task is None and not orphan.is_ended:
            self._end(turn, conversation, "interrupted", error="The server stopped while this was being answered.")
            conversation.active = None
            turn.on_refused(lambda: self._conversations.forget(conversation.session_id))
        return conversation

    def _end(self, turn: CommandTurn, conversation: Conversation, status: str, **details: Any) -> None:
        """Close what the active run has open, then its one terminal event; the engine is told after the commit."""
        run = conversation.active
        assert run is not None
        turn.publish(*run.translator.settle(status))
        self._publish(turn, _terminal(run.run_id, status, details))
        run.is_ended = True  # nothing that the engine still says may come behind the terminal event

        def after() -> None:
            if conversation.active is run:
                conversation.active = None
            if run.task is not None and run.task is not asyncio.current_task():
                run.task.cancel()

        def refused() -> None:
            run.is_ended = False
            if run.task is not None and run.task.done():  # the engine saw the mark and left
                self._conversations.forget(conversation.session_id)

        turn.after_commit(after)
        turn.on_refused(refused)

    def _begin_next(self, turn: CommandTurn, conversation: Conversation) -> None:
        if conversation.waiting:
            info = conversation.waiting[0]
            turn.after_commit(lambda: conversation.waiting.remove(info))
            self._begin(turn, conversation, info)
        else:
            turn.after_commit(lambda: self._tell_idle(conversation.session_id))

    def _begin(self, turn: CommandTurn, conversation: Conversation, info: ChatOpenRun) -> None:
        """The run is started by this commit; its engine right after it."""
        info.status = "running"
        self._publish(
            turn,
            ev.ChatInferenceStarted(**_request_of(info)),
        )
        before = conversation.active

        def launch() -> None:
            run = ActiveRun(info, self._conversations.translator(conversation.session_id, info))
            run.publisher = self._hub.publisher(conversation.session_id)
            conversation.active = run
            old = before.task if before is not None else None
            run.task = asyncio.get_running_loop().create_task(
                self._drive(conversation, run, old), name=f"webchat-{info.run_id}"
            )
            self._tasks.add(run.task)
            run.task.add_done_callback(self._tasks.discard)

        turn.after_commit(launch)

    def _publish(self, turn: CommandTurn, payload: Any) -> None:
        turn.publish(Event(session_id=turn.session.session_id, name=payload.DESCRIPTOR.name, payload=payload))

    async def _drive(self, conversation: Conversation, run: ActiveRun, old: asyncio.Task[None] | None) -> None:
        """Let the engine answer, then record how it ended, unless a command ended it."""
        try:
            if old is not None and not old.done():
                await asyncio.wait([old], timeout=CANCEL_GRACE_S)
            end = await self._driver.drive(conversation, run)
        finally:
            if run.publisher is not None:
                run.publisher.close()
        if not run.is_ended:
            await self._settle_run(conversation.session_id, run, end)

    async def _settle_run(self, session_id: SessionId, run: ActiveRun, end: cmd.ChatSettleInference) -> None:
        """Record the end; when the store refuses, try again for a while, from what the log really holds."""
        for delay_s in (*_SETTLE_RETRIES_S, None):
            try:
                if run.publisher is not None and run.publisher.error is not None:
                    run.translator = await self._conversations.recovered(session_id, run.info)
                    run.publisher = None
                await self._hub.submit(Command(session_id=session_id, name="ChatSettleInference", payload=end))
                return
            except StoreError as error:
                if delay_s is None or self._is_closing:
                    _log.error("run %s could not be settled: %s", run.run_id, error)
                    self._conversations.forget(session_id)  # the next one who asks loads and settles it
                    self._tell_idle(session_id)
                    return
                await self._hub.clock.sleep(delay_s)

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
        conversation = await self._conversations.get(session_id)
        while not conversation.is_idle:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.setdefault(session_id, []).append(waiter)
            await waiter
            conversation = await self._conversations.get(session_id)

    async def erase(self, session_id: SessionId) -> None:
        """Stop what runs, drop what waits, then erase the conversation."""
        conversation = await self._conversations.get(session_id)
        conversation.waiting.clear()
        run = conversation.active
        if run is not None:
            run.is_ended = True
            if run.task is not None:
                run.task.cancel()
                await asyncio.wait([run.task], timeout=CANCEL_GRACE_S)
        await self._hub.erase(session_id)
        self._conversations.forget(session_id)
        self._tell_idle(session_id)

    async def shutdown(self) -> None:
        """Settle active runs as interrupted; what waits stays in the store and starts with the next server."""
        self._is_closing = True
        for conversation in self._conversations:
            run = conversation.active
            if run is not None and not run.is_ended:
                end = cmd.ChatSettleInference(
                    run_id=run.run_id, status="interrupted", error="The server was shut down while this was answered."
                )
                await self._settle_run(conversation.session_id, run, end)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
