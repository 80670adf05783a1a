"""Streamed text in segments: what answers and thoughts have in common.

A segment begins with its first text, so an empty bubble is never made. It ends when another part has the next word or
the run ends, with what it has; a closed one is never written again (RN2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast, final

from google.protobuf.message import Message

from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.contracts.v1.entities_pb2 import ChatMessage
from webchat_nb.contracts.v1.ui_pb2 import UiText
from webchat_nb.stream import (
    Append,
    Event,
    LoggedEvent,
    Op,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
)

_NO_DATA = UiText()
"""Of a delta; shared, as payloads are never changed."""


@final
class SegmentKind:
    """One kind of segment: its role, its id's infix, its engine record, its events and UI events."""

    def __init__(
        self,
        *,
        role: str,
        infix: str,
        record: type[Any],
        started: type[Message],
        delta: type[Message],
        finished: type[Message],
        ui_prefix: str,
    ) -> None:
        self.role = role
        self.infix = infix
        self.record = record
        self.started, self.delta, self.finished = started, delta, finished
        self.started_name, self.delta_name, self.finished_name = (
            message.DESCRIPTOR.name for message in (started, delta, finished)
        )
        self.events = (self.started_name, self.delta_name, self.finished_name)
        self.ui_started, self.ui_delta, self.ui_finished = (
            f"{ui_prefix}{word}" for word in ("start", "delta", "final")
        )

    def project_timeline(self, event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
        """Append, open or close the message."""
        payload: Any = event.payload
        if event.name == self.delta_name:
            return (Append("ChatMessage", payload.message_id, "content", payload.text),)
        if event.name == self.started_name:
            message = ChatMessage(
                message_id=payload.message_id,
                role=self.role,
                status="streaming",
                streaming=True,
                run_id=payload.run_id,
                parent_message_id=payload.parent_message_id,
            )
            return (Upsert("ChatMessage", payload.message_id, message),)
        entity = view.get("ChatMessage", payload.message_id)
        message = ChatMessage()
        if entity is not None:
            message.CopyFrom(cast("ChatMessage", entity.payload))
        if not message.streaming:
            return ()  # a closed segment is never written again
        message.streaming = False
        message.status = payload.status
        message.finish_reason = getattr(payload, "finish_reason", "")
        return (Upsert("ChatMessage", payload.message_id, message),)

    def project_ui(self, event: LoggedEvent) -> Sequence[UIEvent]:
        """Start, delta, final; the text itself is in the ops."""
        payload: Any = event.payload
        if event.name == self.delta_name:
            return (UIEvent(self.ui_delta, payload.message_id, _NO_DATA),)
        if event.name == self.started_name:
            data = UiText(message_id=payload.message_id, run_id=payload.run_id, status="streaming")
            return (UIEvent(self.ui_started, payload.message_id, data),)
        data = UiText(message_id=payload.message_id, status=payload.status)
        return (UIEvent(self.ui_finished, payload.message_id, data),)


@final
class SegmentPart:
    """One run's segments of one kind."""

    def __init__(self, kind: SegmentKind, run: RunIdentity) -> None:
        self.records: Collection[type[Any]] = (kind.record,)
        self.observes: Collection[str] = (kind.started_name, kind.finished_name)
        self._kind = kind
        self._run = run
        self._count = 0
        self._open_id: str | None = None

    def translate(self, record: Any) -> Sequence[Event]:
        """Begin a segment with its first text; no event for empty text."""
        if not record.text:
            return ()
        kind, run = self._kind, self._run
        if self._open_id is not None:
            return (self._event(kind.delta_name, kind.delta(message_id=self._open_id, text=record.text)),)
        message_id = self._next_id
        started = kind.started(message_id=message_id, run_id=run.run_id, parent_message_id=run.message_id)
        return (
            self._event(kind.started_name, started),
            self._event(kind.delta_name, kind.delta(message_id=message_id, text=record.text)),
        )

    def give_way(self) -> Sequence[Event]:
        """Close the open segment: somebody else speaks now."""
        return self.settle("finished")

    def observe(self, name: str, payload: Any) -> None:
        """Follow which segment is open."""
        if name == self._kind.started_name:
            self._count += 1
            self._open_id = payload.message_id
        else:
            self._open_id = None

    def settle(self, status: str) -> Sequence[Event]:
        """Close the open segment with what it has."""
        return () if self._open_id is None else (self._finished(self._open_id, status),)

    def settle_saying(self, text: str, status: str) -> Sequence[Event]:
        """Close the segment with a last text; one that is not open begins with it. Changes nothing."""
        said = self.translate(self._kind.record(text))
        return (*said, self._finished(self._open_id or self._next_id, status))

    @property
    def _next_id(self) -> str:
        return f"{self._run.root_id}:{self._kind.infix}:{self._count + 1}"

    def _finished(self, message_id: str, status: str) -> Event:
        return self._event(self._kind.finished_name, self._kind.finished(message_id=message_id, status=status))

    def _event(self, name: str, payload: Message) -> Event:
        return Event(session_id=self._run.session_id, name=name, payload=payload)


@final
class SegmentPlugin:
    """A plugin that shows one kind of segment; the entity is the chat's own ``ChatMessage``."""

    def __init__(self, name: str, kind: SegmentKind) -> None:
        self.name = name
        self.events: Collection[str] = kind.events
        self._kind = kind

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """Three events and three UI events."""
        kind = self._kind
        for message in (kind.started, kind.delta, kind.finished):
            registry.event(message.DESCRIPTOR.name, message)
        for ui_type in (kind.ui_started, kind.ui_delta, kind.ui_finished):
            registry.ui_event(ui_type, UiText)

    def open_run(self, run: RunIdentity) -> RunPart:
        """Follows the run's segments."""
        return SegmentPart(self._kind, run)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """A segment begins, grows, ends."""
        return self._kind.project_timeline(event, view)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """Its start, delta and final."""
        return self._kind.project_ui(event)
