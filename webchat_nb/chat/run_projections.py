"""What the events of runs mean for the timeline: queued, moved, begun, steered, ended.

Pure: functions of the event, the session and the timeline before the event.

Rule: RN1, RN2, RN6, RN10, RN11, RN13, RN14, TL9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from webchat_nb.chat.line import OPEN_RUN, placed_at, waiting_runs
from webchat_nb.contracts.v1.entities_pb2 import ChatMessage, ChatOpenRun, ChatRun, ChatUsage
from webchat_nb.stream import LoggedEvent, Op, Remove, Session, TimelineView, Upsert

TERMINAL: Mapping[str, str] = {
    "ChatInferenceFinished": "finished",
    "ChatInferenceStopped": "stopped",
    "ChatInferenceFailed": "failed",
    "ChatInferenceInterrupted": "interrupted",
}
"""The event that ends a run → the run's status."""


def _queued(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = ChatRun(
        run_id=payload.run_id,
        status="queued",
        profile=payload.profile,
        queue_position=payload.queue_position,
        created_at_ms=event.at_ms,
        message_id=payload.message_id,
    )
    waiting = _open_run(payload, "queued", 0)
    waiting.rank = event.ordinal
    line = placed_at(waiting_runs(view.entities(OPEN_RUN)), waiting, payload.queue_position)
    own = next(place for place in line if place.run_id == payload.run_id)
    return (
        Upsert("ChatRun", payload.run_id, run),
        Upsert(OPEN_RUN, payload.run_id, own),
        *_own_message(view, payload),
        *_lined_up(view, line, leaving_alone=payload.run_id),
    )


def _moved(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    line = waiting_runs(view.entities(OPEN_RUN))
    moved = next((run for run in line if run.run_id == payload.run_id), None)
    if moved is None:
        return ()  # it began, or was dropped
    return tuple(_lined_up(view, placed_at(line, moved, payload.queue_position)))


def _started(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
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
        *_following(session, view, payload),
        *_moved_up(view, payload.run_id),
    )


def _ended(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
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


def _usage(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    run = _changed_run(view, payload.run_id)
    run.usage.CopyFrom(ChatUsage(input_tokens=payload.input_tokens, output_tokens=payload.output_tokens))
    return (Upsert("ChatRun", payload.run_id, run),)


def _steering_offered(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    entity = view.get(OPEN_RUN, payload.run_id)
    if entity is None:
        return ()  # it ended meanwhile
    run = ChatOpenRun()
    run.MergeFrom(cast("ChatOpenRun", entity.payload))
    run.accepts_steering = True
    return (Upsert(OPEN_RUN, payload.run_id, run),)


def _continued(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    entity = view.get(OPEN_RUN, payload.run_id)
    if entity is None:
        return ()
    run = ChatOpenRun()
    run.MergeFrom(cast("ChatOpenRun", entity.payload))
    run.continued_count += 1
    return (Upsert(OPEN_RUN, payload.run_id, run),)


def _steered(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    message = ChatMessage(
        message_id=payload.message_id,
        role="user",
        content=payload.prompt,
        status="finished",
        run_id=payload.run_id,
        parent_message_id=payload.parent_message_id,
    )
    waiting = ChatOpenRun(
        run_id=payload.own_run_id,
        turn_id=payload.own_turn_id,
        message_id=payload.message_id,
        profile=payload.profile,
        overrides_json=payload.overrides_json,
        actor=payload.actor,
        status="steering",
        steers_run_id=payload.run_id,
    )
    return (Upsert("ChatMessage", payload.message_id, message), Upsert(OPEN_RUN, payload.own_run_id, waiting))


def _steering_taken(event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
    payload: Any = event.payload
    return (Remove(OPEN_RUN, payload.own_run_id),)


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
        has_parent=payload.has_parent,
    )


def _changed_run(view: TimelineView, run_id: str) -> ChatRun:
    """A copy of the run as it is, so that nothing of it is erased (RN6)."""
    run = ChatRun(run_id=run_id)
    entity = view.get("ChatRun", run_id)
    if entity is not None:
        run.MergeFrom(cast("ChatRun", entity.payload))
    return run


def _own_message(view: TimelineView, payload: Any) -> Sequence[Op]:
    """A prompt that the engine did not take is in the turn that it makes by itself from now on."""
    before: Any = view.get(OPEN_RUN, payload.run_id)
    message = view.get("ChatMessage", payload.message_id) if before is not None else None
    if before is None or before.payload.status != "steering" or message is None:
        return ()
    own = ChatMessage()
    own.CopyFrom(cast("ChatMessage", message.payload))
    own.run_id = payload.run_id
    return (Upsert("ChatMessage", payload.message_id, own),)


def _following(session: Session, view: TimelineView, payload: Any) -> Sequence[Op]:
    """A prompt that names nothing follows the turn that was begun last when its own begins (RN10)."""
    parent_id = session.attributes.get("last_message", "")
    entity = view.get("ChatMessage", payload.message_id)
    prompt: Any = entity.payload if entity is not None else None
    if prompt is None or payload.has_parent or prompt.run_id != payload.run_id:
        return ()  # a prompt that is answered again stays where it is
    if parent_id in (prompt.parent_message_id, payload.message_id):
        return ()
    moved = ChatMessage()
    moved.CopyFrom(prompt)
    moved.parent_message_id = parent_id
    return (Upsert("ChatMessage", payload.message_id, moved),)


def _moved_up(view: TimelineView, leaving_id: str) -> Sequence[Op]:
    """New positions of the waiting runs when one of them starts or goes away."""
    line = [run for run in waiting_runs(view.entities(OPEN_RUN)) if run.run_id != leaving_id]
    return _lined_up(view, line)


def _lined_up(view: TimelineView, line: Sequence[ChatOpenRun], *, leaving_alone: str = "") -> list[Op]:
    """What changes when the line is this one."""
    ops: list[Op] = []
    for position, waiting in enumerate(line, start=1):
        if waiting.run_id == leaving_alone:
            continue
        run = _changed_run(view, waiting.run_id)
        if run.queue_position != position:
            run.queue_position = position
            ops.append(Upsert("ChatRun", waiting.run_id, run))
        before = view.get(OPEN_RUN, waiting.run_id)
        if before is not None and waiting.rank != (before.payload.rank or before.created):  # type: ignore[attr-defined]
            ops.append(Upsert(OPEN_RUN, waiting.run_id, waiting))
    return ops


RUN_PROJECTIONS: Mapping[str, Callable[[LoggedEvent, Session, TimelineView], Sequence[Op]]] = {
    "ChatInferenceQueued": _queued,
    "ChatInferenceMoved": _moved,
    "ChatInferenceStarted": _started,
    "ChatInferenceContinued": _continued,
    "ChatUsageReported": _usage,
    "ChatSteeringOffered": _steering_offered,
    "ChatUserMessageSteered": _steered,
    "ChatSteeringTaken": _steering_taken,
    **dict.fromkeys(TERMINAL, _ended),
}
"""By the name of the event."""
