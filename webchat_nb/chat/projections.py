"""What the chat's own events mean: conversations, prompts, runs; and all plugins as one.

Pure: a function of the event, the session and the timeline before the event.

Rule: PL1, PG1, RN2, RN6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.chat.plugins import ChatPlugin
from webchat_nb.chat.run_projections import RUN_PROJECTIONS, TERMINAL
from webchat_nb.contracts.v1.entities_pb2 import ChatMessage
from webchat_nb.contracts.v1.ui_pb2 import UiChatMessage, UiConversation, UiEntity, UiRun, UiUsage
from webchat_nb.stream import (
    LoggedEvent,
    Op,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
)

_TITLE_CHARS = 60

_NOTHING: Mapping[str, str] = {}


def default_title(prompt: str) -> str:
    """A conversation's first title: the first line of its first prompt, cut at a word."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    if len(line) <= _TITLE_CHARS:
        return line
    return line[:_TITLE_CHARS].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _user_message(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    message = ChatMessage(
        message_id=payload.message_id,
        role="user",
        content=payload.prompt,
        status="finished",
        run_id=payload.run_id,
        parent_message_id=payload.parent_message_id,
        attachments=payload.attachments,
    )
    return (Upsert("ChatMessage", payload.message_id, message),)


_TIMELINE = {
    "ChatUserMessageAccepted": _user_message,
    **RUN_PROJECTIONS,
}


_PUT_EVENTS = ("ChatEntityEmitted", "ChatEntityImported")
"""Events that carry an entity of any registered kind as protobuf JSON."""

_OWN_EVENTS = frozenset({*_TIMELINE, *_PUT_EVENTS, "ChatConversationCreated", "ChatConversationRenamed"})
"""Events that mean something to the chat itself; looked up first, since nearly all events are a plugin's tokens."""

_ATTRIBUTE_EVENTS = _OWN_EVENTS | {"ChatTextSegmentStarted"}


def _ui(event: LoggedEvent) -> Sequence[UIEvent]:
    payload: Any = event.payload
    match event.name:
        case "ChatUserMessageAccepted" | "ChatUserMessageSteered":
            data = UiChatMessage(message_id=payload.message_id, run_id=payload.run_id)
            return (UIEvent("chat.message", payload.message_id, data),)
        case "ChatInferenceQueued" | "ChatInferenceMoved":
            queued = UiRun(
                run_id=payload.run_id,
                status="queued",
                message_id=getattr(payload, "message_id", ""),
                queue_position=payload.queue_position,
            )
            return (UIEvent("run.queued", payload.run_id, queued),)
        case "ChatInferenceStarted":
            started = UiRun(run_id=payload.run_id, status="running", message_id=payload.message_id)
            return (UIEvent("run.started", payload.run_id, started),)
        case "ChatUsageReported":
            usage = UiUsage(
                run_id=payload.run_id, input_tokens=payload.input_tokens, output_tokens=payload.output_tokens
            )
            return (UIEvent("usage", payload.run_id, usage),)
        case "ChatEntityEmitted" | "ChatEntityImported":
            return (UIEvent("timeline.upsert", payload.id, UiEntity(kind=payload.kind, id=payload.id)),)
        case "ChatConversationCreated" | "ChatConversationRenamed":
            conversation = UiConversation(title=payload.title, profile=getattr(payload, "profile", ""))
            return (UIEvent("conversation.updated", event.session_id, conversation),)
    status = TERMINAL.get(event.name)
    if status is None:
        return ()
    ended = UiRun(
        run_id=payload.run_id,
        status=status,
        error=getattr(payload, "error", "") or getattr(payload, "reason", ""),
        retryable=getattr(payload, "retryable", False),
    )
    return (UIEvent(f"run.{status}", payload.run_id, ended),)


class _MessageRole(msgspec.Struct):
    role: str = ""


_to_role = msgspec.json.Decoder(_MessageRole).decode


def _imported_message(imported: Any) -> Mapping[str, str]:
    """What an imported prompt or answer means for the prompts that follow."""
    is_said = _to_role(imported.payload_json).role in ("user", "assistant")
    return {"last_message": imported.id} if is_said else _NOTHING


@final
class ChatProjections:
    """All projections of a chat: its own and its plugins', by event name."""

    def __init__(self, registry: SchemaRegistry, plugins: Sequence[ChatPlugin]) -> None:
        self._registry = registry
        self._plugins: dict[str, tuple[ChatPlugin, ...]] = {}
        for plugin in plugins:
            for name in plugin.events:
                self._plugins[name] = (*self._plugins.get(name, ()), plugin)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """The chat's own ops, then the plugins'."""
        plugins = self._plugins.get(event.name, ())
        if event.name not in _OWN_EVENTS and len(plugins) == 1:
            return plugins[0].project_timeline(event, session, view)
        own = self._own_ops(event, session, view)
        return [*own, *(op for plugin in plugins for op in plugin.project_timeline(event, session, view))]

    def _own_ops(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        project = _TIMELINE.get(event.name)
        if project is not None:
            return project(event, session, view)
        if event.name in _PUT_EVENTS:
            payload: Any = event.payload
            message = self._registry.from_json("entity", payload.kind, payload.payload_json)
            return (Upsert(payload.kind, payload.id, message),)
        return ()

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """The chat's own UI events, then the plugins'."""
        plugins = self._plugins.get(event.name, ())
        if event.name not in _OWN_EVENTS and len(plugins) == 1:
            return plugins[0].project_ui(event, session, view)
        own = _ui(event)
        return [*own, *(ui for plugin in plugins for ui in plugin.project_ui(event, session, view))]

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        """``title``, ``profile``, ``owner``, ``status``, ``last_message``."""
        if event.name not in _ATTRIBUTE_EVENTS:
            return _NOTHING
        payload: Any = event.payload
        attributes = session.attributes
        match event.name:
            case "ChatConversationCreated":
                return {
                    "profile": payload.profile,
                    "owner": payload.owner,
                    "title": payload.title,
                    "status": "idle",
                }
            case "ChatConversationRenamed":
                return {"title": payload.title}
            case "ChatUserMessageAccepted":
                return {
                    "profile": payload.profile,
                    "title": attributes.get("title") or default_title(payload.prompt),
                }
            case "ChatTextSegmentStarted":
                return {"last_message": payload.message_id}
            case "ChatEntityImported" if payload.kind == "ChatMessage":
                return _imported_message(payload)
            case "ChatInferenceStarted":
                return {"status": "running", "last_message": payload.message_id}
            case "ChatInferenceQueued":
                return {} if attributes.get("status") == "running" else {"status": "queued"}
        if event.name in TERMINAL:
            others = [entity.payload for entity in view.entities(OPEN_RUN) if entity.id != payload.run_id]
            states = {other.status for other in others}  # type: ignore[attr-defined]
            return {"status": next((status for status in ("running", "queued") if status in states), "idle")}
        return {}
