"""The events of a run's life, made of what is known of the run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun

TERMINAL_EVENTS = frozenset(f"ChatInference{end}" for end in ("Finished", "Stopped", "Failed", "Interrupted"))
"""Names of the events that end a run."""


def queued(run: ChatOpenRun, position: int) -> ev.ChatInferenceQueued:
    """The run waits, at this position of the line."""
    return ev.ChatInferenceQueued(**_request_of(run), queue_position=position)


def started(run: ChatOpenRun) -> ev.ChatInferenceStarted:
    """The run begins."""
    return ev.ChatInferenceStarted(**_request_of(run))


def dropped(run_id: str, actor: str) -> ev.ChatInferenceStopped:
    """A run that waited will never begin."""
    return ev.ChatInferenceStopped(run_id=run_id, actor=actor, reason="dropped")


def ended(run_id: str, status: str, details: Mapping[str, Any]) -> Any:
    """The event that ends a run with a status."""
    given = details.get
    match status:
        case "finished":
            return ev.ChatInferenceFinished(run_id=run_id, finish_reason=given("finish_reason", ""))
        case "failed":
            return ev.ChatInferenceFailed(
                run_id=run_id,
                error=given("error", ""),
                code=given("code", ""),
                retryable=given("retryable", False),
            )
        case "interrupted":
            return ev.ChatInferenceInterrupted(run_id=run_id, reason=given("error", ""), retryable=True)
    return ev.ChatInferenceStopped(run_id=run_id, actor=given("actor", ""), reason=given("reason", ""))


def _request_of(run: ChatOpenRun) -> dict[str, Any]:
    """What the events that queue and start a run say of it alike."""
    names = ("run_id", "turn_id", "message_id", "profile", "overrides_json", "actor", "has_parent")
    return {name: getattr(run, name) for name in names}
