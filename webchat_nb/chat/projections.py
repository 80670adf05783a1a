"""What the chat's own events mean: conversations, prompts, runs; and all plugins as one.

Pure: a function of the event, the session and the timeline before the event.

Rule: PL1, PG1, RN2, RN6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

from webchat_nb.chat.plugins import ChatPlugin
from webchat_nb.contracts.v1.entities_pb2 import ChatMessage, ChatOpenRun, ChatRun, ChatUsage
from webchat_nb.contracts.v1.ui_pb2 import UiChatMessage, UiConversation, UiEntity, UiRun, UiUsage
from webchat_nb.stream import (
    LoggedEvent,
    Op,
    Remove,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
)

OPEN_RUN = "ChatOpenRun"
"""Private entity kind: the runs of a conversation that have not ended."""

TERMINAL: Mapping[str, str] = {
    "ChatInferenceFinished": "finished",
    "ChatInferenceStopped": "stopped",
    "ChatInferenceFailed": "failed",
    "ChatInferenceInterrupted": "interrupted",
}
"""The event that ends a run → the run's status."""

_TITLE_CHARS = 60

_NOTHING: Mapping[str, str] = {}


def default_title(prompt: str) -> str:
    """A conversation's first title: the first line of its first prompt, cut at a word."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "")
    if len(line) <= _TITLE_CHARS:
        return line
    return line[:_TITLE_CHARS].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _user_message(event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    message = ChatMessage(
        message_id=payload.message_id,
        role="user",
        content=payload.prompt,
        status="finished",
        run_id=payload.run_id,
        parent_message_id=payload.parent_message_id,
    )
    return (Upsert("ChatMessage", payload.message_id, message),)


def _queued(event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = ChatRun(
        run_id=payload.run_id,
        status="queued",
        profile=payload.profile,
        queue_position=payload.queue_position,
        created_at_ms=event.at_ms,
        message_id=payload.message_id,
    )
    return (Upsert("ChatRun", payload.run_id, run), Upsert(OPEN_RUN, payload.run_id, _open_run(payload, "queued", 0)))


def _started(event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = _changed_run(view, payload.run_id)
    run.status = "running"
    run.profile = payload.profile
    run.message_id = payload.message_id
    run.queue_position = 0
    run.created_at_ms = run.created_at_ms or event.at_ms
    run.started_at_ms = event.at_ms
    return (
        Upsert("ChatRun", payload.run_id, run),
        Upsert(OPEN_RUN, payload.run_id, _open_run(payload, "running", event.ordinal)),
        *_moved_up(view, payload.run_id),
    )


def _ended(event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = _changed_run(view, payload.run_id)
    if run.ended_at_ms:
        return ()  # a run ends once
    run.status = TERMINAL[event.name]
    run.queue_position = 0
    run.ended_at_ms = event.at_ms
    run.error = getattr(payload, "error", "") or getattr(payload, "reason", "")
    run.retryable = getattr(payload, "retryable", False)
    return (
        Upsert("ChatRun", payload.run_id, run),
        Remove(OPEN_RUN, payload.run_id),
        *_moved_up(view, payload.run_id),
    )


def _usage(event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = _changed_run(view, payload.run_id)
    run.usage.CopyFrom(ChatUsage(input_tokens=payload.input_tokens, output_tokens=payload.output_tokens))
    return (Upsert("ChatRun", payload.run_id, run),)


def _open_run(payload: Any, status: str, started_ordinal: int) -> ChatOpenRun:
    return ChatOpenRun(
        run_id=payload.run_id,
        turn_id=payload.turn_id,
        message_id=payload.message_id,
        profile=payload.profile,
        overrides_json=payload.overrides_json,
        actor=payload.actor,
        status=status,
        started_ordinal=started_ordinal,
    )


def _changed_run(view: TimelineView, run_id: str) -> ChatRun:
    """A copy of the run as it is, so that nothing of it is erased (RN6)."""
    run = ChatRun(run_id=run_id)
    entity = view.get("ChatRun", run_id)
    if entity is not None:
        run.MergeFrom(cast("ChatRun", entity.payload))
    return run


def _moved_up(view: TimelineView, leaving_id: str) -> Sequence[Op]:
    """New positions of the waiting runs when one of them starts or goes away."""
    ops: list[Op] = []
    waiting = [
        entity.id
        for entity in view.entities(OPEN_RUN)
        if entity.payload.status == "queued" and entity.id != leaving_id  # type: ignore[attr-defined]
    ]
    for position, run_id in enumerate(waiting, start=1):
        run = _changed_run(view, run_id)
        if run.queue_position != position:
            run.queue_position = position
            ops.append(Upsert("ChatRun", run_id, run))
    return ops


_TIMELINE = {
    "ChatUserMessageAccepted": _user_message,
    "ChatInferenceQueued": _queued,
    "ChatInferenceStarted": _started,
    "ChatUsageReported": _usage,
    **dict.fromkeys(TERMINAL, _ended),
}


_OWN_EVENTS = frozenset({*_TIMELINE, "ChatEntityEmitted", "ChatConversationCreated", "ChatConversationRenamed"})
"""Events that mean something to the chat itself; looked up first, since nearly all events are a plugin's tokens."""

_ATTRIBUTE_EVENTS = _OWN_EVENTS | {"ChatTextSegmentStarted"}


def _ui(event: LoggedEvent) -> Sequence[UIEvent]:
    payload: Any = event.payload
    match event.name:
        case "ChatUserMessageAccepted":
            data = UiChatMessage(message_id=payload.message_id, run_id=payload.run_id)
            return (UIEvent("chat.message", payload.message_id, data),)
        case "ChatInferenceQueued":
            queued = UiRun(
                run_id=payload.run_id,
                status="queued",
                message_id=payload.message_id,
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
        case "ChatEntityEmitted":
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
        own = self._own_ops(event, view)
        return [*own, *(op for plugin in plugins for op in plugin.project_timeline(event, session, view))]

    def _own_ops(self, event: LoggedEvent, view: TimelineView) -> Sequence[Op]:
        project = _TIMELINE.get(event.name)
        if project is not None:
            return project(event, view)
        if event.name == "ChatEntityEmitted":
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
        """``title``, ``profile``, ``owner``, ``status``, ``turns``, ``last_message``."""
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
                    "turns": str(int(attributes.get("turns", "0")) + 1),
                    "last_message": payload.message_id,
                }
            case "ChatTextSegmentStarted":
                return {"last_message": payload.message_id}
            case "ChatInferenceStarted":
                return {"status": "running"}
            case "ChatInferenceQueued":
                return {} if attributes.get("status") == "running" else {"status": "queued"}
        if event.name in TERMINAL:
            others = [entity.payload for entity in view.entities(OPEN_RUN) if entity.id != payload.run_id]
            states = {other.status for other in others}  # type: ignore[attr-defined]
            return {"status": next((status for status in ("running", "queued") if status in states), "idle")}
        return {}
