"""A small application that is no chat: notes on a board. Uses public names of the stream only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from webchat_nb.stream import (
    Append,
    LoggedEvent,
    Op,
    Remove,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
    payload,
)


@payload
class NoteAdded(Message):
    id: str = ""
    text: str = ""


@payload
class NoteExtended(Message):
    id: str = ""
    text: str = ""


@payload
class NoteRemoved(Message):
    id: str = ""


@payload
class Broken(Message):
    id: str = ""


@payload
class Silent(Message):
    id: str = ""


@payload
class Note(Message):
    id: str = ""
    text: str = ""


@payload
class AddNote(Message):
    id: str = ""
    text: str = ""


@payload
class UiNote(Message):
    id: str = ""


def board_registry() -> SchemaRegistry:
    """The board's names."""
    registry = SchemaRegistry()
    for event in (NoteAdded, NoteExtended, NoteRemoved, Broken, Silent):
        registry.event(event.DESCRIPTOR.name, event)
    registry.entity("Note", Note)
    registry.command("AddNote", AddNote)
    registry.ui_event("note", UiNote)
    registry.ui_event("note.twice", UiNote)
    return registry


class BoardProjections:
    """What the board's events mean."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        payload: Any = event.payload
        match event.name:
            case "NoteAdded":
                return [Upsert("Note", payload.id, Note(id=payload.id, text=payload.text))]
            case "NoteExtended":
                return [Append("Note", payload.id, "text", payload.text)]
            case "NoteRemoved":
                return [Remove("Note", payload.id)]
            case "Broken":
                view.get("Note", payload.id)
                raise ValueError("a bug in a projection")
        return []

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        payload: Any = event.payload
        if event.name == "NoteAdded":
            return [UIEvent("note", payload.id, UiNote(id=payload.id)), UIEvent("note.twice", payload.id, UiNote())]
        return []

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        return {"title": "board"} if event.ordinal == 1 else {}
