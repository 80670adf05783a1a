"""A small application that is no chat: notes on a board. Uses public names of the stream only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from webchat_nb.stream import Append, LoggedEvent, Op, Remove, SchemaRegistry, Session, TimelineView, UIEvent, Upsert


def _messages() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="board.proto", package="board", syntax="proto3")
    for name, fields in {
        "NoteAdded": ("id", "text"),
        "NoteExtended": ("id", "text"),
        "NoteRemoved": ("id",),
        "Broken": ("id",),
        "Silent": ("id",),
        "Note": ("id", "text"),
        "AddNote": ("id", "text"),
        "UiNote": ("id",),
    }.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, start=1):
            message.field.add(name=field, number=number, type="TYPE_STRING", label="LABEL_OPTIONAL")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"board.{name}"))
        for name in (message.name for message in file.message_type)
    }


MESSAGES = _messages()
NoteAdded: Any = MESSAGES["NoteAdded"]
NoteExtended: Any = MESSAGES["NoteExtended"]
NoteRemoved: Any = MESSAGES["NoteRemoved"]
Broken: Any = MESSAGES["Broken"]
Silent: Any = MESSAGES["Silent"]
Note: Any = MESSAGES["Note"]
AddNote: Any = MESSAGES["AddNote"]
UiNote: Any = MESSAGES["UiNote"]


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
