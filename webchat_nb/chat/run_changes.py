"""What commands do with the runs of a conversation: look at them, let one wait, begin one, end one.

Everything here adds events to a command's commit; engines are started and told after it.

Rule: RN2, RN3, RN8, RN13, TL9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat import run_events
from webchat_nb.chat.conversations import ActiveRun, Conversation, Conversations
from webchat_nb.chat.idle import IdleWaiters
from webchat_nb.chat.line import placed_at
from webchat_nb.chat.run_tasks import RunTasks
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.contracts.v1.events_pb2 import ChatInferenceContinued, ChatToolApprovalDecided
from webchat_nb.stream import CommandTurn, Event


class OpenTurn(msgspec.Struct):
    """A conversation's runs while a command looks at them.

    Attributes:
        conversation: What this process holds.
        active: The run under way, here or elsewhere; None when there is none.
        waiting: The queue, next one first.
        steering: Prompts that were handed to a running engine and not taken yet.
        accepts_steering: The engine of the active run takes prompts.
    """

    conversation: Conversation
    active: ActiveRun | None
    waiting: list[ChatOpenRun]
    steering: Sequence[ChatOpenRun]
    accepts_steering: bool = False

    @property
    def is_busy(self) -> bool:
        """A prompt that comes now cannot begin."""
        return self.active is not None or bool(self.waiting)


@final
class RunChanges:
    """Looks at the runs of a conversation and changes them, inside commands."""

    def __init__(self, *, conversations: Conversations, tasks: RunTasks, idle: IdleWaiters) -> None:
        self._conversations = conversations
        self._tasks = tasks
        self._idle = idle

    async def look(self, turn: CommandTurn) -> OpenTurn:
        """The conversation's runs; with one that a dead server left behind this very command ends, or goes on (RN3)."""
        session_id = turn.session.session_id
        conversation = self._conversations.get(session_id)
        open_runs = await self._conversations.open_runs(session_id)
        running, driven = open_runs.running, conversation.active
        if driven is not None and (running is None or not driven.is_same(running)):
            driven.abandon()  # another server ended it, or went on with it
            driven = conversation.active = None
        runs = OpenTurn(conversation, driven, list(open_runs.waiting), open_runs.steering)
        if running is not None:
            runs.accepts_steering = running.accepts_steering
            if driven is None:
                runs.active = ActiveRun(running, await self._conversations.recovered(session_id, running))
                if not await self._tasks.is_alive(running.run_id) and not await self._go_on(turn, runs):
                    self.end(turn, runs, "interrupted", error="The server stopped while this was being answered.")
                    runs.active = None
        if runs.active is None:
            self._queue_untaken(turn, runs)
        return runs

    async def _go_on(self, turn: CommandTurn, runs: OpenTurn) -> bool:
        """Go on with a run that waits for a person and that nobody carries out, unless this command ends it (TL9)."""
        left, session_id = runs.active, turn.session.session_id
        assert left is not None
        if not self._tasks.waits:
            return False
        so_far = await self._conversations.so_far(session_id, left.info)
        if not so_far.waits:
            return False
        if self._tasks.is_closing:
            return True  # it is left alone: another server does
        info = ChatOpenRun()
        info.CopyFrom(left.info)
        info.continued_count += 1
        run = runs.active = ActiveRun(info, left.translator, so_far)
        await self._tasks.reserve(run.run_id)
        turn.on_refused(lambda: self._tasks.release(run.run_id))
        publish(turn, ChatInferenceContinued(run_id=run.run_id))
        for approval_id in so_far.lost_questions:
            expired = ChatToolApprovalDecided(approval_id=approval_id, status="expired", reason="The tool was stopped.")
            run.translator.observe("ChatToolApprovalDecided", expired)
            publish(turn, expired)

        def after() -> None:
            if run.is_ended:
                self._tasks.release(run.run_id)
            else:
                self._tasks.go_on(runs.conversation, run)

        turn.after_commit(after)
        return True

    def enqueue(self, turn: CommandTurn, runs: OpenTurn, info: ChatOpenRun, position: int) -> None:
        """The run waits; ``runs`` follow."""
        waiting = ChatOpenRun()
        waiting.CopyFrom(info)
        waiting.status = "queued"
        publish(turn, run_events.queued(waiting, position))
        runs.waiting = placed_at(runs.waiting, waiting, position)

    def end(self, turn: CommandTurn, runs: OpenTurn, status: str, **details: Any) -> None:
        """Close what the active run has open, then its one terminal event; the engine is told after the commit.

        What was steered to it and not taken waits from now on, before everything else.
        """
        run, conversation = runs.active, runs.conversation
        assert run is not None
        turn.publish(*run.translator.settle(status))
        publish(turn, run_events.ended(run.run_id, status, details))
        self._queue_untaken(turn, runs)
        run.is_ended = True  # nothing that the engine still says may come behind the terminal event
        if run is not conversation.active:
            return  # not carried out here

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

    def _queue_untaken(self, turn: CommandTurn, runs: OpenTurn) -> None:
        """Prompts that no engine took are queued as runs of their own, in the order in which they came (RN13)."""
        recorded = runs.active.inbox.recorded if runs.active is not None else ()
        untaken = [info for info in runs.steering if info.run_id not in recorded]
        runs.steering = ()
        for position, info in enumerate(untaken, start=1):
            self.enqueue(turn, runs, info, position)

    async def begin_next(self, turn: CommandTurn, runs: OpenTurn) -> None:
        """Begin the run that is first in the line, if there is one."""
        if runs.waiting:
            await self.begin(turn, runs, runs.waiting[0])
        else:
            turn.after_commit(lambda: self._idle.tell(turn.session.session_id))

    async def begin(self, turn: CommandTurn, runs: OpenTurn, info: ChatOpenRun) -> None:
        """The run is started by this commit; its engine right after it."""
        await self._tasks.reserve(info.run_id)
        turn.on_refused(lambda: self._tasks.release(info.run_id))
        publish(turn, run_events.started(info))
        started, before = ChatOpenRun(), runs.active
        started.CopyFrom(info)
        started.status = "running"
        turn.after_commit(lambda: self._tasks.launch(runs.conversation, started, before))


def publish(turn: CommandTurn, payload: Any) -> None:
    """Add an event to the command's commit; its name is that of its message."""
    turn.publish(Event(session_id=turn.session.session_id, name=payload.DESCRIPTOR.name, payload=payload))
