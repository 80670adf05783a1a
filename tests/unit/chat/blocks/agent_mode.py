"""Agent mode as an application would write it: a plugin outside the package, on its public parts alone.

A model writes ``<demo:agent_mode:v1>{"to": …, "analysis": …}</demo:agent_mode:v1>`` into its answer when it wants another
mode. While that arrives a screen previews it; when it is whole, the mode is switched and a card says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from google.protobuf.message import Message

from webchat_nb.chat.blocks import BlockEnded, BlockGrew, BlockTag
from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.stream import (
    Event,
    LoggedEvent,
    Op,
    SchemaRegistry,
    Session,
    TimelineView,
    UIEvent,
    Upsert,
    payload,
)

TAG = "demo:agent_mode:v1"


@payload
class DemoModePreviewed(Message):
    switch_id: str
    to: str = ""
    analysis: str = ""


@payload
class DemoModeSwitched(Message):
    switch_id: str
    to: str
    analysis: str = ""


@payload
class DemoModePreviewCleared(Message):
    switch_id: str


@payload
class DemoMode(Message):
    to: str
    analysis: str = ""


_UI_TYPES = {
    "DemoModePreviewed": "agent.mode.preview",
    "DemoModeSwitched": "agent.mode",
    "DemoModePreviewCleared": "agent.mode.preview.cleared",
}


class AgentModePart:
    """One run's switches: which preview stands."""

    records: Collection[type[Any]] = ()
    observes: Collection[str] = tuple(_UI_TYPES)

    def __init__(self, run: RunIdentity) -> None:
        self._run = run
        self._previewed_id = ""

    def translate(self, record: Any) -> Sequence[Event]:
        document = getattr(record, "document", None)
        found = document if isinstance(document, dict) else {}
        to, analysis = str(found.get("to", "")), str(found.get("analysis", ""))
        if isinstance(record, BlockGrew) and found:
            return self._event(DemoModePreviewed(switch_id=record.block_id, to=to, analysis=analysis))
        if isinstance(record, BlockEnded):
            if record.problem is None and to:
                return self._event(DemoModeSwitched(switch_id=record.block_id, to=to, analysis=analysis))
            return self.settle("failed")
        return ()

    def give_way(self) -> Sequence[Event]:
        return ()

    def observe(self, name: str, payload: Any) -> None:
        self._previewed_id = payload.switch_id if name == "DemoModePreviewed" else ""

    def settle(self, status: str) -> Sequence[Event]:
        return self._event(DemoModePreviewCleared(switch_id=self._previewed_id)) if self._previewed_id else ()

    def _event(self, payload: Message) -> Sequence[Event]:
        return (Event(session_id=self._run.session_id, name=payload.DESCRIPTOR.name, payload=payload),)


class AgentModePlugin:
    """Switches modes."""

    name = "demo agent mode"
    events: Collection[str] = tuple(_UI_TYPES)

    def __init__(self, **tag: Any) -> None:
        self.block_tags: Collection[BlockTag] = (BlockTag(name=TAG, **tag),)

    def register_schemas(self, registry: SchemaRegistry) -> None:
        for event in (DemoModePreviewed, DemoModeSwitched, DemoModePreviewCleared):
            registry.event(event.DESCRIPTOR.name, event)
            registry.ui_event(_UI_TYPES[event.DESCRIPTOR.name], event)
        registry.entity("DemoMode", DemoMode)

    def open_run(self, run: RunIdentity) -> RunPart:
        return AgentModePart(run)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        told: Any = event.payload
        if event.name != "DemoModeSwitched":
            return ()
        return (Upsert("DemoMode", told.switch_id, DemoMode(to=told.to, analysis=told.analysis)),)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        told: Any = event.payload
        return (UIEvent(_UI_TYPES[event.name], told.switch_id, told),)
