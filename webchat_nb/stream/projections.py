"""Projections: pure functions from an event to what it means.

Three siblings look at the same event and the same timeline, the one before the event: the timeline projection says how
entities change, the UI projection what live screens are told, the attribute projection what is known of the session.
They do no I/O, read no clock and keep no state, so the pipeline may call one again for the same event.

Rule: PL1-PL3. Source: seed 001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from webchat_nb.stream.model import Entity, LoggedEvent, Op, Session, UIEvent


class TimelineView(Protocol):
    """The timeline as it was right before the event."""

    def get(self, kind: str, id: str) -> Entity | None:
        """One entity, or None when there is none or it was removed."""

    def entities(self, kind: str) -> Sequence[Entity]:
        """All entities of a kind, oldest first. Reads them all on first use: for kinds that stay few."""


class TimelineProjection(Protocol):
    """Says how an event changes the timeline."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """The ops of this event, in order; empty when it changes nothing."""


class UIProjection(Protocol):
    """Says what a live screen is told of an event."""

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """The UI events, the one that carries the ops first; empty for none."""


class AttributeProjection(Protocol):
    """Says what an event tells of the session as a whole."""

    def project_attributes(self, event: LoggedEvent, session: Session, view: TimelineView) -> Mapping[str, str]:
        """The attributes that change; empty for none. An empty value takes the attribute away."""


class Projections(TimelineProjection, UIProjection, AttributeProjection, Protocol):
    """All three in one object, as a pipeline takes them."""


def merged_attributes(attributes: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """A session's attributes after an event; an empty value takes one away."""
    return {name: value for name, value in {**attributes, **changes}.items() if value}
