"""Feedback: what people think of an answer, as a plugin that brings a command of its own.

Rule: FB1, PG1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, final

from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.contracts.v1.commands_pb2 import ChatGiveFeedback
from webchat_nb.contracts.v1.entities_pb2 import ChatFeedback
from webchat_nb.contracts.v1.events_pb2 import ChatFeedbackGiven
from webchat_nb.contracts.v1.ui_pb2 import UiEntity
from webchat_nb.errors import BadRequestError
from webchat_nb.stream import (
    CommandTurn,
    Event,
    Hub,
    LoggedEvent,
    Op,
    Remove,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
)
from webchat_nb.stream.commands import Handler

KIND = "ChatFeedback"


def feedback_id(message_id: str, actor: str) -> str:
    """The entity of one person's feedback on one answer."""
    return f"{message_id}:by:{actor}" if actor else message_id


@final
class FeedbackPlugin:
    """Up or down, with a comment, on an answer; one of each person."""

    name = "feedback"
    events: Collection[str] = ("ChatFeedbackGiven",)

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """A command, an event and an entity kind."""
        registry.command("ChatGiveFeedback", ChatGiveFeedback)
        registry.event("ChatFeedbackGiven", ChatFeedbackGiven)
        registry.entity(KIND, ChatFeedback)

    def handlers(self, hub: Hub) -> Mapping[str, Handler]:
        """Accepts feedback on answers only."""

        async def give(turn: CommandTurn) -> dict[str, Any]:
            request: Any = turn.command.payload
            session_id, actor = turn.session.session_id, turn.command.actor
            answer: Any = await hub.entity(session_id, "ChatMessage", request.message_id)
            if answer is None or answer.payload.role != "assistant":
                raise BadRequestError(
                    f"messageId: expected an answer of this conversation, got {request.message_id[:200]!r}"
                )
            before: Any = await hub.entity(session_id, KIND, feedback_id(request.message_id, actor))
            said = (before.payload.value, before.payload.comment) if before is not None else ("none", "")
            value, comment = request.value, request.comment if request.value != "none" else ""
            if said != (value, comment):
                given = ChatFeedbackGiven(message_id=request.message_id, value=value, comment=comment, actor=actor)
                turn.publish(Event(session_id=session_id, name="ChatFeedbackGiven", payload=given))
            return {}

        return {"ChatGiveFeedback": give}

    def open_run(self, run: RunIdentity) -> RunPart | None:
        """Nothing: engines give none."""
        return None

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """Replace what this person said, or take it away."""
        given: Any = event.payload
        id = feedback_id(given.message_id, given.actor)
        if given.value == "none":
            return (Remove(KIND, id),)
        feedback = ChatFeedback(
            message_id=given.message_id,
            value=given.value,
            comment=given.comment,
            actor=given.actor,
            at_ms=event.at_ms,
        )
        return (Upsert(KIND, id, feedback),)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """An entity came or went."""
        given: Any = event.payload
        id = feedback_id(given.message_id, given.actor)
        ui_type = "timeline.remove" if given.value == "none" else "timeline.upsert"
        return (UIEvent(ui_type, id, UiEntity(kind=KIND, id=id)),)
