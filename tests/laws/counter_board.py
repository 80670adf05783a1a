"""An application that is no chat: counters on a board, each with a journal that grows.

It uses public names of the stream only, and declares all of its payloads in Python; a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from webchat_nb.stream import (
    Append,
    Clock,
    Command,
    CommandTurn,
    Event,
    FanoutSettings,
    Hub,
    LoggedEvent,
    Op,
    Receipt,
    Remove,
    SchemaRegistry,
    Session,
    SessionId,
    Store,
    TimelineView,
    UIEvent,
    Upsert,
    payload,
    payload_field,
)

# Commands


@payload
class OpenCounter(Message):
    counter: str
    label: str = ""


@payload
class AddToCounter(Message):
    counter: str
    by: int
    tags: list[str] = payload_field(default_factory=list)
    remark: str = ""


@payload
class CloseCounter(Message):
    counter: str


# Events


@payload
class CounterOpened(Message):
    counter: str
    label: str = ""


@payload
class CounterAdded(Message):
    counter: str
    by: int
    tags: list[str] = payload_field(default_factory=list)


@payload
class LineWritten(Message):
    counter: str
    text: str


@payload
class CounterClosed(Message):
    counter: str


# Entities


@payload
class Change(Message):
    by: int
    tags: list[str] = payload_field(default_factory=list)


@payload
class Counter(Message):
    counter: str
    label: str = ""
    total: int = 0
    tag_counts: dict[str, int] = payload_field(default_factory=dict)
    last_change: Change | None = None


@payload
class Journal(Message):
    counter: str
    text: str = ""


@payload
class Ledger(Message):
    """Private: the totals of all counters, for whoever runs the board."""

    total: int = 0
    totals: dict[str, int] = payload_field(default_factory=dict)


# UI events


@payload
class CounterMoved(Message):
    counter: str
    by: int = 0


class UnknownCounterError(LookupError):
    """The board has no such counter; nothing is changed."""


def counter_registry() -> SchemaRegistry:
    """The board's names."""
    registry = SchemaRegistry()
    for command in (OpenCounter, AddToCounter, CloseCounter):
        registry.command(command.__name__, command)
    for event in (CounterOpened, CounterAdded, LineWritten, CounterClosed):
        registry.event(event.__name__, event)
    registry.entity("Counter", Counter)
    registry.entity("Journal", Journal)
    registry.entity("Ledger", Ledger, private=True)
    registry.ui_event("counter.moved", CounterMoved)
    registry.ui_event("journal.line", CounterMoved)
    return registry


class CounterProjections:
    """What the board's events mean."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        fact: Any = event.payload
        id = fact.counter
        match event.name:
            case "CounterOpened":
                opened = Counter(counter=id, label=fact.label)
                journal = Journal(counter=id)
                return [Upsert("Counter", id, opened), Upsert("Journal", id, journal), self._ledger(view, {id: 0})]
            case "CounterAdded":
                counter = self._added(fact, view)
                return [
                    Upsert("Counter", id, counter),
                    Append("Journal", id, "text", f"{fact.by:+d}\n"),
                    self._ledger(view, {id: counter.total}),
                ]
            case "LineWritten":
                return [Append("Journal", id, "text", fact.text)]
            case "CounterClosed":
                return [Remove("Counter", id), Remove("Journal", id), self._ledger(view, {id: 0})]
        raise AssertionError(event.name)

    def _added(self, fact: CounterAdded, view: TimelineView) -> Any:
        before = view.get("Counter", fact.counter)
        if before is None:
            raise UnknownCounterError(fact.counter)
        counter: Any = Counter(counter="")
        counter.CopyFrom(before.payload)
        counter.total += fact.by
        for tag in fact.tags:
            counter.tag_counts[tag] += 1
        counter.last_change.CopyFrom(Change(by=fact.by, tags=fact.tags))
        return counter

    def _ledger(self, view: TimelineView, changed: Mapping[str, int]) -> Upsert:
        counters: list[Any] = [entity.payload for entity in view.entities("Counter")]
        totals = {**{counter.counter: counter.total for counter in counters}, **changed}
        totals = {id: total for id, total in totals.items() if total}
        return Upsert("Ledger", "all", Ledger(total=sum(totals.values()), totals=totals))

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        fact: Any = event.payload
        if event.name == "CounterAdded":  # two frames for one ordinal
            return [
                UIEvent("counter.moved", fact.counter, CounterMoved(counter=fact.counter, by=fact.by)),
                UIEvent("journal.line", fact.counter, CounterMoved(counter=fact.counter)),
            ]
        if event.name == "LineWritten":
            return [UIEvent("journal.line", fact.counter, CounterMoved(counter=fact.counter))]
        return []

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        fact: Any = event.payload
        if event.name == "CounterOpened":
            return {
                "title": fact.label,
                "open": " ".join(sorted({*session.attributes.get("open", "").split(), fact.counter})),
            }
        if event.name == "CounterClosed":
            return {"open": " ".join(sorted({*session.attributes.get("open", "").split()} - {fact.counter}))}
        return {}


class CounterBoard:
    """The application: boards by session id.

    Args:
        store: Where boards are kept.
        clock: Time.
        fanout: How deliveries are paced.
        probe: Told the points that a commit passes.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        fanout: FanoutSettings | None = None,
        probe: Callable[[str], None] | None = None,
    ) -> None:
        self.hub = Hub(
            registry=counter_registry(),
            store=store,
            projections=CounterProjections(),
            clock=clock,
            fanout=fanout,
            probe=probe,
        )
        self.hub.on_command("OpenCounter", self._open)
        self.hub.on_command("AddToCounter", self._add)
        self.hub.on_command("CloseCounter", self._close)

    async def submit(self, board: SessionId, command: Message, *, actor: str = "", key: str = "") -> Receipt:
        """Carry out one of the commands; the same key of the same actor once only."""
        return await self.hub.submit(
            Command(
                session_id=board,
                name=command.DESCRIPTOR.name,
                payload=command,
                actor=actor,
                key=key,
                fingerprint=command.SerializeToString(deterministic=True).hex(),
            )
        )

    async def _open(self, turn: CommandTurn) -> dict[str, Any]:
        asked: Any = turn.command.payload
        turn.publish(fact(turn.session.session_id, CounterOpened(counter=asked.counter, label=asked.label)))
        return {"counter": asked.counter}

    async def _add(self, turn: CommandTurn) -> dict[str, Any]:
        asked: Any = turn.command.payload
        board = turn.session.session_id
        counter: Any = (await self._counter(board, asked.counter)).payload
        turn.publish(fact(board, CounterAdded(counter=asked.counter, by=asked.by, tags=asked.tags)))
        if asked.remark:
            turn.publish(fact(board, LineWritten(counter=asked.counter, text=asked.remark)))
        return {"total": counter.total + asked.by}

    async def _close(self, turn: CommandTurn) -> dict[str, Any]:
        asked: Any = turn.command.payload
        await self._counter(turn.session.session_id, asked.counter)
        turn.publish(fact(turn.session.session_id, CounterClosed(counter=asked.counter)))
        return {}

    async def _counter(self, board: SessionId, id: str) -> Any:
        counter = await self.hub.entity(board, "Counter", id)
        if counter is None:
            raise UnknownCounterError(id)
        return counter


def fact(board: SessionId, payload: Message) -> Event:
    """The event that a payload is."""
    return Event(session_id=board, name=payload.DESCRIPTOR.name, payload=payload)
