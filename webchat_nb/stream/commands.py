"""Commands: one handler each, one at a time per session, at most once per key.

Rule: HT3, HT6, OR4, SC1. Source: seed 001 (``CommandBus``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, final

import msgspec

from webchat_nb.errors import DuplicateNameError, IdempotencyConflictError, StoreConflictError, UnknownNameError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.model import Command, Event, Ordinal, Receipt, Session
from webchat_nb.stream.pipeline import Pipeline
from webchat_nb.stream.projections import TimelineView
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.sessions import Sessions
from webchat_nb.stream.store import Store

MAX_RACES = 100
"""How often a command is decided anew because another process was faster; each time somebody else got on."""


@final
class CommandTurn:
    """What a handler may do while it carries out one command.

    Attributes:
        command: What is asked.
        session: The session as committed.
        metadata: What the host's factory made for the session.
        events: What the handler decides; committed together with the command's receipt.
    """

    def __init__(self, command: Command, session: Session, metadata: Any = None) -> None:
        self.command = command
        self.session = session
        self.metadata = metadata
        self.events: list[Event] = []
        self._after: list[Callable[[], None]] = []
        self._refused: list[Callable[[], None]] = []

    def publish(self, *events: Event) -> None:
        """Add events to the command's commit."""
        self.events.extend(events)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call once the events are committed; not at all when they are refused."""
        self._after.append(call)

    def on_refused(self, call: Callable[[], None]) -> None:
        """Call when the events are not committed, to take back what the handler marked."""
        self._refused.append(call)

    def end(self, *, is_committed: bool) -> None:
        """Make the calls; for the hub."""
        for call in self._after if is_committed else self._refused:
            call()


Handler = Callable[[CommandTurn], Awaitable[dict[str, Any]]]
"""Carries out a command: adds events to the turn and returns the answer, a JSON object."""


@final
class Commands:
    """The handlers, and how a command is carried out."""

    def __init__(
        self, *, registry: SchemaRegistry, store: Store, sessions: Sessions, pipeline: Pipeline, clock: Clock
    ) -> None:
        self._registry = registry
        self._store = store
        self._sessions = sessions
        self._pipeline = pipeline
        self._clock = clock
        self._handlers: dict[str, Handler] = {}

    def add(self, name: str, handler: Handler) -> None:
        """Give a command its one handler.

        Raises:
            UnknownNameError: The name is not registered.
            DuplicateNameError: It has a handler already.
        """
        self._registry.message_type("command", name)
        if name in self._handlers:
            raise DuplicateNameError(f"command {name!r} has a handler already")
        self._handlers[name] = handler

    def check(self, command: Command) -> None:
        """Refuse a command that nobody handles, or whose payload has another type.

        Raises:
            UnknownNameError, PayloadTypeError: As they say.
        """
        if command.name not in self._handlers:
            raise UnknownNameError(f"command {command.name!r} has no handler")
        self._registry.check("command", command.name, command.payload)

    async def carry_out(self, live: LiveSession, command: Command) -> Receipt:
        """Carry out a command that was checked, or answer its repetition as the first time."""
        async with live.command_lock, self._sessions.turns(live) as lost_race:
            for _ in range(MAX_RACES):
                try:
                    return await self._try(live, command)
                except StoreConflictError:
                    if self._store.sharing is None:
                        raise
                await lost_race()
            raise StoreConflictError(f"session {live.session_id}: other servers were faster {MAX_RACES} times")

    async def _try(self, live: LiveSession, command: Command) -> Receipt:
        await self._sessions.sync(live)
        if command.key and (kept := await self._repetition(command)):
            return kept
        turn = CommandTurn(command, live.session, live.metadata)
        seen = live.foreign_count
        try:
            answer = await self._handlers[command.name](turn)
            receipt = await self._commit(live, turn, answer, seen)
        except BaseException:
            turn.end(is_committed=False)
            raise
        turn.end(is_committed=True)
        return receipt

    async def _repetition(self, command: Command) -> Receipt | None:
        kept = await self._store.receipt(command.session_id, command.actor, command.key)
        if kept is None:
            return None
        if kept.fingerprint != command.fingerprint:
            raise IdempotencyConflictError("the idempotency key was used before with another request")
        return msgspec.structs.replace(kept, deduplicated=True)

    async def _commit(self, live: LiveSession, turn: CommandTurn, answer: dict[str, Any], seen: int) -> Receipt:
        command = turn.command

        def make_receipt(ordinal: Ordinal, at_ms: int) -> Receipt:
            return Receipt(
                session_id=command.session_id,
                actor=command.actor,
                key=command.key,
                fingerprint=command.fingerprint,
                answer=answer,
                ordinal=ordinal,
                at_ms=at_ms,
            )

        if not turn.events and not (command.key and live.session.exists):  # nothing happened, nothing to remember
            return make_receipt(live.session.head, self._clock.now_ms())
        made: list[Receipt] = []

        def make_and_keep(ordinal: Ordinal, at_ms: int) -> Receipt:
            made[:] = [make_receipt(ordinal, at_ms)]
            return made[0]

        def check_still_true(_: TimelineView) -> None:
            if live.foreign_count != seen:
                raise StoreConflictError(f"session {live.session_id}: another server wrote to it meanwhile")

        keep = make_and_keep if command.key else None
        ordinals = await self._pipeline.commit_events(live, turn.events, keep, decided_while=check_still_true)
        return made[0] if made else make_receipt(ordinals[-1], self._clock.now_ms())
