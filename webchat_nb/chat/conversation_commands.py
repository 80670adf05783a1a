"""Commands about a conversation as a whole: begin it empty, give it another title."""

from __future__ import annotations

from typing import Any

from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.stream import CommandTurn, Event, Hub


def handle_conversation_commands(hub: Hub) -> None:
    """Give the commands to the hub."""
    hub.on_command("ChatCreateConversation", _create)
    hub.on_command("ChatRenameConversation", _rename)


async def _create(turn: CommandTurn) -> dict[str, Any]:
    """An empty conversation; nothing when it exists."""
    request: Any = turn.command.payload
    if not turn.session.exists:
        created = ev.ChatConversationCreated(profile=request.profile, owner=turn.command.actor, title=request.title)
        turn.publish(Event(session_id=turn.session.session_id, name="ChatConversationCreated", payload=created))
    return {}


async def _rename(turn: CommandTurn) -> dict[str, Any]:
    """Another title."""
    request: Any = turn.command.payload
    renamed = ev.ChatConversationRenamed(title=request.title)
    turn.publish(Event(session_id=turn.session.session_id, name="ChatConversationRenamed", payload=renamed))
    return {}
