"""Conversations: what the log says of their open runs, and what this process carries out of them.

Rule: RN1, RN3, EP1, EV1.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.engine import ApprovalAsked, Engine, GoesOn
from webchat_nb.chat.line import OPEN_RUN, steering_runs, waiting_runs
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.plugins import ChatPlugin, RunIdentity
from webchat_nb.chat.so_far import SoFar, read_so_far
from webchat_nb.chat.steering import SteeringInbox
from webchat_nb.chat.translator import RunTranslator
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.stream import Hub, LoggedEvent, Ordinal, Publisher, SessionId

_LOG_PAGE = 1000


@final
class ActiveRun:
    """The run that a conversation carries out.

    Attributes:
        translator: What of it is open.
        inbox: What the engine may take while it works.
        desk: Where the engine waits for decisions; None for a run that this process does not carry out.
        questions: What the engine asked a person, by the question's id.
        so_far: It goes on after a restart, from this; None for a run that begins.
        engine: What answers it; None until it is built, and for a run that this process does not carry out.
        task: The engine at work; None for a run that this process does not carry out.
        is_ended: Its terminal event is decided; whatever the engine still yields is not heard.
    """

    __slots__ = (
        "desk",
        "engine",
        "inbox",
        "info",
        "is_ended",
        "publisher",
        "questions",
        "so_far",
        "task",
        "translator",
    )

    def __init__(self, info: ChatOpenRun, translator: RunTranslator, so_far: SoFar | None = None) -> None:
        self.info = info
        self.translator = translator
        self.so_far = so_far
        self.engine: Engine | None = None
        self.questions: dict[str, ApprovalAsked] = dict(so_far.questions) if so_far is not None else {}
        self.inbox = SteeringInbox()
        self.desk: ApprovalDesk | None = None
        self.publisher: Publisher | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_ended = False

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.info.run_id

    def is_same(self, info: ChatOpenRun) -> bool:
        """What the log says is running is what is carried out here, and not by another server since (TL9)."""
        return info.run_id == self.run_id and info.continued_count == self.info.continued_count

    @property
    def goes_on(self) -> bool:
        """Its engine can go on with it after a restart (TL9)."""
        engine: object = self.engine
        if engine is None:
            return self.so_far is not None  # the server before thought so
        return isinstance(engine, GoesOn) and engine.goes_on

    def abandon(self) -> None:
        """It was ended from outside: the engine lets go, and nothing more of it is heard."""
        self.is_ended = True
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()


@final
class Conversation:
    """What this process holds of one conversation; changed only inside commands, so one change at a time.

    Attributes:
        active: The run that this process carries out.
    """

    __slots__ = ("_engine", "_engine_signature", "active", "session_id")

    def __init__(self, session_id: SessionId) -> None:
        self.session_id = session_id
        self.active: ActiveRun | None = None
        self._engine: Engine | None = None
        self._engine_signature = ""

    def engine_for(self, plan: EnginePlan, build: Callable[[EnginePlan], Engine]) -> Engine:
        """The conversation's engine, built anew exactly when the signature changed (EP1). The one comparison."""
        if self._engine is None or self._engine_signature != plan.signature:
            self._engine, self._engine_signature = build(plan), plan.signature
        return self._engine


class OpenRuns(msgspec.Struct, frozen=True):
    """The runs of a conversation that have not ended, as the log has them.

    Attributes:
        running: The one under way, wherever it is carried out; None when there is none.
        waiting: The queue, next one first.
        steering: Prompts that were handed to a running engine and not taken yet.
    """

    running: ChatOpenRun | None
    waiting: Sequence[ChatOpenRun]
    steering: Sequence[ChatOpenRun]

    @property
    def is_idle(self) -> bool:
        """No run and an empty queue."""
        return self.running is None and not self.waiting


@final
class Conversations:
    """Conversations by id."""

    def __init__(self, hub: Hub, plugins: Sequence[ChatPlugin]) -> None:
        self._hub = hub
        self._plugins = plugins
        self._held: dict[SessionId, Conversation] = {}

    def __iter__(self) -> Iterator[Conversation]:
        return iter(tuple(self._held.values()))

    def get(self, session_id: SessionId) -> Conversation:
        """What this process holds of the conversation."""
        return self._held.setdefault(session_id, Conversation(session_id))

    def find(self, session_id: SessionId) -> Conversation | None:
        """The same, or None when it holds nothing."""
        return self._held.get(session_id)

    async def open_runs(self, session_id: SessionId) -> OpenRuns:
        """What has not ended.

        Raises:
            StoreError: The store cannot be read.
        """
        found = await self._hub.entities(session_id, OPEN_RUN)
        infos: list[Any] = [entity.payload for entity in found]
        running = next((info for info in infos if info.status == "running"), None)
        return OpenRuns(running, waiting_runs(found), steering_runs(found))

    def translator(self, session_id: SessionId, info: ChatOpenRun) -> RunTranslator:
        """A translator for a run that begins."""
        identity = RunIdentity(
            session_id=session_id,
            run_id=info.run_id,
            root_id=info.turn_id,
            message_id=info.message_id,
            now_ms=self._hub.clock.now_ms,
        )
        return RunTranslator(identity, self._plugins, self._hub.registry)

    async def recovered(self, session_id: SessionId, info: ChatOpenRun) -> RunTranslator:
        """A translator that knows, from the log, what a run has open."""
        translator = self.translator(session_id, info)
        async for event in self._log_of(session_id, info):
            translator.observe(event.name, event.payload)
        return translator

    async def so_far(self, session_id: SessionId, info: ChatOpenRun) -> SoFar:
        """What the log has of a run (TL9)."""
        return read_so_far([event async for event in self._log_of(session_id, info)], info.run_id)

    async def _log_of(self, session_id: SessionId, info: ChatOpenRun) -> AsyncIterator[LoggedEvent]:
        """The log since a run began."""
        after = Ordinal(info.started_ordinal)
        while events := await self._hub.events(session_id, after=after, limit=_LOG_PAGE):
            for event in events:
                yield event
            after = events[-1].ordinal

    def forget(self, session_id: SessionId) -> None:
        """Let go of it: a run that the log says is running is nobody's then, and the next command settles it (RN3)."""
        self._held.pop(session_id, None)
