"""What becomes of an event that a projection fails on, and the record that is kept of it.

``fail``: nothing of the unit is stored and the publisher gets the error. ``advance``: the event is stored without that
projection's part, which is then behind until it is rebuilt. Either way a record is kept, as a private entity beside the
session's others: the one of an event in the log in the same commit as the event, the one of a refused event in a commit
of its own, with the raw event.

Rule: PL2. Source: seed 001 (``ProjectionErrorPolicy``).
"""

from __future__ import annotations

from typing import Any, Literal, final

import msgspec

from webchat_nb.contracts.v1.stream_pb2 import StreamProjectionFailure
from webchat_nb.errors import ProjectionError, WebchatError
from webchat_nb.stream.model import Entity, Event, LoggedEvent, Ordinal, SessionId, Upsert

FAILURE = StreamProjectionFailure.DESCRIPTOR.name
"""Entity kind of the records."""

BEHIND = "behind"
"""Session attribute: the projections that are behind the log, by name, with a blank between them."""

ProjectionName = Literal["timeline", "ui", "attributes"]
Policy = Literal["fail", "advance"]


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """Per projection: does a failure refuse the event, or does the projection fall behind?"""

    timeline: Policy = "fail"
    ui: Policy = "fail"
    attributes: Policy = "fail"

    def of(self, projection: ProjectionName) -> Policy:
        """The policy of one projection."""
        policy: Policy = getattr(self, projection)
        return policy


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a projection failed on.

    Attributes:
        id: For ``Hub.retry``.
        policy: ``fail``: the event was refused. ``advance``: it is in the log and the projection is behind.
        ordinal: Where the event is in the log; None when it was refused.
        event: The raw event.
        error: What the projection raised, the last time.
        count: How often such an event was refused; the newest is kept.
        at_ms: The last time.
    """

    id: str
    session_id: SessionId
    projection: ProjectionName
    policy: Policy
    ordinal: Ordinal | None
    event: Event
    error: str
    count: int
    at_ms: int


@final
class FailingError(Exception):
    """A projection failed on an event; inside the stream only.

    Its text is for logs and says nothing of the event's content: what a projection raised may quote it.

    Attributes:
        detail: What the projection raised, in full.
        told: What the publisher gets: the error itself where it is one of ours, which are safe to show.
    """

    def __init__(self, projection: ProjectionName, event: LoggedEvent, error: Exception) -> None:
        super().__init__(f"the {projection} projection failed on {event.name}: {type(error).__name__}")
        self.detail = f"{type(error).__name__}: {error}"
        self.projection = projection
        self.event = event
        self.told = error if isinstance(error, WebchatError) else ProjectionError(str(self))

    def record(self, policy: Policy, at_ms: int, *, before: Entity | None = None) -> Upsert:
        """The record as an op.

        Args:
            policy: What was done with the event.
            at_ms: When.
            before: The record of such an event that was refused earlier.
        """
        event, is_refused = self.event, policy == "fail"
        known: Any = before.payload if before is not None else StreamProjectionFailure()
        record = StreamProjectionFailure(
            projection=self.projection,
            policy=policy,
            ordinal=0 if is_refused else event.ordinal,
            event_name=event.name,
            event_payload=event.payload.SerializeToString() if is_refused else b"",
            error=self.detail,
            count=known.count + 1,
            at_ms=at_ms,
        )
        return Upsert(FAILURE, self.record_id(policy), record)

    def record_id(self, policy: Policy) -> str:
        """Refused events are kept once per name, so that a publisher that tries for ever does not fill the store."""
        place = self.event.name if policy == "fail" else self.event.ordinal
        return f"{self.projection}:{place}"


def to_failure(session_id: SessionId, entity: Entity, event: Event) -> Failure:
    """A kept record, with the event it is about."""
    record: Any = entity.payload
    return Failure(
        id=entity.id,
        session_id=session_id,
        projection=record.projection,
        policy=record.policy,
        ordinal=Ordinal(record.ordinal) if record.ordinal else None,
        event=event,
        error=record.error,
        count=record.count,
        at_ms=record.at_ms,
    )
