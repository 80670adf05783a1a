"""The plugin seam, and the features that come through it.

A plugin brings schemas, the translation of engine records, and projections. It needs no change in the core, in the
transports or in the browser's merge (PG1). A feature that is useful to many lives here (reasoning, tool calls); one that
belongs to an application lives in that application.

Source: seed 001 (``ChatPlugin`` in ``chatapp/features.go``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from webchat_nb.chat.blocks import BlockTag
from webchat_nb.stream import Event, Hub, LoggedEvent, Op, SchemaRegistry, Session, SessionId, TimelineView, UIEvent
from webchat_nb.stream.commands import Handler


class RunIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which run a part works for.

    Attributes:
        root_id: Prefix of the ids of what the run makes (the turn's id).
        message_id: The user message that is answered.
        now_ms: Wall time, for durations.
    """

    session_id: SessionId
    run_id: str
    root_id: str
    message_id: str
    now_ms: Callable[[], int]


class RunPart(Protocol):
    """What a plugin keeps for one run: a fold over the run's events, so that a crash can be settled from the log.

    Attributes:
        records: Types of engine records that it translates.
        observes: Names of the events that it folds.
    """

    records: Collection[type[Any]]
    observes: Collection[str]

    def translate(self, record: Any) -> Sequence[Event]:
        """The events of one engine record. Changes nothing: state follows from ``observe``."""

    def give_way(self) -> Sequence[Event]:
        """Another part has the next word: close what must not stay open beside it."""

    def observe(self, name: str, payload: Any) -> None:
        """Take an event of this run into account, live or from the log."""

    def settle(self, status: str) -> Sequence[Event]:
        """Close all that is open: the run ends as ``finished``, ``stopped``, ``failed`` or ``interrupted`` (RN2)."""


class ChatPlugin(Protocol):
    """A feature of the chat.

    Attributes:
        name: For people and logs.
        events: Names of the events that it projects; it may also look at events of others.
    """

    name: str
    events: Collection[str]

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """Register its events, UI events and entity kinds."""

    def open_run(self, run: RunIdentity) -> RunPart | None:
        """Its part in one run; None when it translates nothing."""

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """How the event changes the timeline; pure."""

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """What live screens are told; pure."""


@runtime_checkable
class ReadsBlocks(Protocol):
    """A plugin that wants structured blocks of the answer's text; optional.

    Its part is given their records (``BlockStarted``, ``BlockGrew``, ``BlockEnded``) in ``translate``, without naming
    them in ``records``; text goes on beside them. When the run ends while a block is open, the part's ``settle`` takes
    back what it showed of it: no ``BlockEnded`` comes then.

    Attributes:
        block_tags: The tags it wants; each belongs to one plugin.

    Rule: SB3, SB5.
    """

    block_tags: Collection[BlockTag]


@runtime_checkable
class BringsCommands(Protocol):
    """A plugin with commands of its own, which it also registers; optional."""

    def handlers(self, hub: Hub) -> Mapping[str, Handler]:
        """The handler of each of its commands, by name."""
