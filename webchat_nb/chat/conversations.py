"""Conversations in memory: the active run, the waiting ones, the engine; loaded from the log's open runs.

Rule: RN1, RN3, EP1, EV1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, final

from webchat_nb.chat.engine import Engine
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.plugins import ChatPlugin, RunIdentity
from webchat_nb.chat.projections import OPEN_RUN
from webchat_nb.chat.translator import RunTranslator
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.stream import Hub, Ordinal, Publisher, SessionId

_LOG_PAGE = 1000


@final
class ActiveRun:
    """The run that a conversation carries out.

    Attributes:
        translator: What of it is open.
        task: The engine at work; None for a run that a dead server left behind.
        is_ended: Its terminal event is decided; whatever the engine still yields is not heard.
    """

    __slots__ = ("info", "is_ended", "publisher", "task", "translator")

    def __init__(self, info: ChatOpenRun, translator: RunTranslator) -> None:
        self.info = info
        self.translator = translator
        self.publisher: Publisher | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_ended = False

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.info.run_id


@final
class Conversation:
    """One conversation's mutable state; changed only inside commands, so one change at a time."""

    __slots__ = ("_engine", "_engine_signature", "active", "session_id", "waiting")

    def __init__(self, session_id: SessionId) -> None:
        self.session_id = session_id
        self.active: ActiveRun | None = None
        self.waiting: list[ChatOpenRun] = []
        self._engine: Engine | None = None
        self._engine_signature = ""

    @property
    def is_idle(self) -> bool:
        """No run and an empty queue."""
        return self.active is None and not self.waiting

    def engine_for(self, plan: EnginePlan, build: Callable[[EnginePlan], Engine]) -> Engine:
        """The conversation's engine, built anew exactly when the signature changed (EP1). The one comparison."""
        if self._engine is None or self._engine_signature != plan.signature:
            self._engine, self._engine_signature = build(plan), plan.signature
        return self._engine


@final
class Conversations:
    """Conversations by id."""

    def __init__(self, hub: Hub, plugins: Sequence[ChatPlugin]) -> None:
        self._hub = hub
        self._plugins = plugins
        self._loaded: dict[SessionId, Conversation] = {}

    def __iter__(self) -> Any:
        return iter(tuple(self._loaded.values()))

    async def get(self, session_id: SessionId) -> Conversation:
        """The conversation, loaded if it is not in memory.

        A run that the log says is running, but that nobody in this process carries out, is loaded as an active run
        without a task: whoever gets it settles it (RN3).

        Raises:
            StoreError: The store cannot be read.
        """
        conversation = self._loaded.get(session_id)
        if conversation is None:
            conversation = Conversation(session_id)
            for entity in await self._hub.entities(session_id, OPEN_RUN):
                info: Any = entity.payload
                if info.status == "running":
                    conversation.active = ActiveRun(info, await self.recovered(session_id, info))
                else:
                    conversation.waiting.append(info)
            conversation = self._loaded.setdefault(session_id, conversation)
        return conversation

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
        after = Ordinal(info.started_ordinal)
        while events := await self._hub.events(session_id, after=after, limit=_LOG_PAGE):
            for event in events:
                translator.observe(event.name, event.payload)
            after = events[-1].ordinal
        return translator

    def forget(self, session_id: SessionId) -> None:
        """Drop it from memory; the next ``get`` loads it again."""
        self._loaded.pop(session_id, None)
