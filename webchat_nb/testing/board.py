"""A small application that is no chat: notes on a board. What store contracts run on top of a store.

A note is added, grows and is removed, which are the three ways in which a timeline changes; the board's one private
entity counts what happened, so that every event changes something that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from webchat_nb.stream import (
    Append,
    Event,
    FanoutSettings,
    Hub,
    LoggedEvent,
    Op,
    Remove,
    SchemaRegistry,
    Session,
    SessionId,
    Store,
    TimelineView,
    UIEvent,
    Upsert,
)

_FIELDS = {
    "NoteAdded": ("id", "text"),
    "NoteExtended": ("id", "text"),
    "NoteRemoved": ("id",),
    "Note": ("id", "text"),
    "Count": ("events",),
}


def _messages() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="contract_board.proto", package="contract_board", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, start=1):
            message.field.add(name=field, number=number, type="TYPE_STRING", label="LABEL_OPTIONAL")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"contract_board.{name}")) for name in _FIELDS
    }


_MESSAGES: Mapping[str, Any] = _messages()


def added(session_id: SessionId, id: str, text: str = "") -> Event:
    """A note is there, in place of one with the same id."""
    return _event(session_id, "NoteAdded", id=id, text=text)


def extended(session_id: SessionId, id: str, text: str) -> Event:
    """A note has more text at its end."""
    return _event(session_id, "NoteExtended", id=id, text=text)


def removed(session_id: SessionId, id: str) -> Event:
    """A note is gone."""
    return _event(session_id, "NoteRemoved", id=id)


def _event(session_id: SessionId, name: str, **fields: str) -> Event:
    return Event(session_id=session_id, name=name, payload=_MESSAGES[name](**fields))


def board_hub(store: Store) -> Hub:
    """A hub with the board on a store that is not open yet; each event is a delivery of its own."""
    registry = SchemaRegistry()
    for name in ("NoteAdded", "NoteExtended", "NoteRemoved"):
        registry.event(name, _MESSAGES[name])
    registry.entity("Note", _MESSAGES["Note"])
    registry.entity("Count", _MESSAGES["Count"], private=True)
    return Hub(
        registry=registry, store=store, projections=BoardProjections(), fanout=FanoutSettings(flush_interval_s=0)
    )


@final
class BoardProjections:
    """What the board's events mean."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """Notes; and the count, except while a note only grows."""
        payload: Any = event.payload
        if event.name == "NoteExtended":
            return [Append("Note", payload.id, "text", payload.text)]
        count = Upsert("Count", "count", _MESSAGES["Count"](events=str(event.ordinal)))
        if event.name == "NoteAdded":
            return [Upsert("Note", payload.id, _MESSAGES["Note"](id=payload.id, text=payload.text)), count]
        return [Remove("Note", payload.id), count]

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """None: the ops say it all."""
        return []

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        """The board's title, once."""
        return {"title": "board"} if event.ordinal == 1 else {}
