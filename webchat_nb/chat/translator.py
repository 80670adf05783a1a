"""From an engine's records to a run's events, through the plugins' parts.

The translator's state is a fold over the run's events. Live it sees each event as it is made; after a crash it sees
them again from the log, and then settles what was open (RN2, RN3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

import msgspec
from google.protobuf import json_format

from webchat_nb.chat.blocks import BlockRecord
from webchat_nb.chat.blocks.routing import block_tags
from webchat_nb.chat.blocks.run_blocks import RunBlocks
from webchat_nb.chat.engine import EmitEntity, Finish, TextDelta, Usage
from webchat_nb.chat.plugins import ChatPlugin, RunIdentity, RunPart
from webchat_nb.chat.plugins.segments import SegmentPart
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.errors import EngineError, UnknownNameError
from webchat_nb.stream import Event, SchemaRegistry, SessionId

_RESERVED_KINDS = frozenset({"ChatMessage", "ChatRun"})
"""Kinds that only the chat itself writes: an engine that could would break the promises about runs."""


@final
class RunTranslator:
    """One run's records in, events out."""

    def __init__(self, run: RunIdentity, plugins: Sequence[ChatPlugin], registry: SchemaRegistry) -> None:
        self.finish_reason = ""
        self._run = run
        self._registry = registry
        parts = [(plugin, part) for plugin in plugins if (part := plugin.open_run(run)) is not None]
        self._parts = [part for _, part in parts]
        self._by_record: dict[type[Any], RunPart] = {record: part for part in self._parts for record in part.records}
        self._by_event: dict[str, list[RunPart]] = {}
        for part in self._parts:
            for name in part.observes:
                self._by_event.setdefault(name, []).append(part)
        self._speaker: RunPart | None = None
        self._by_tag = {tag: part for plugin, part in parts for tag in block_tags([plugin])}
        tags = block_tags(plugins)
        self._blocks = RunBlocks(run.root_id, run.run_id, tags) if tags else None
        self._failure: EngineError | None = None

    @property
    def failure(self) -> EngineError | None:
        """Why the run has to fail although the engine did not; what was translated is good and goes first."""
        return self._failure or (self._blocks.failure if self._blocks is not None else None)

    def translate(self, record: Any) -> list[Event]:
        """The events of one record, in order; other parts give way first.

        Raises:
            EngineError: The record is of no known type, or emits an entity that is not allowed.
        """
        return self._translate(record) if self._blocks is None else self._translate_all(self._blocks.read(record))

    def finish(self) -> list[Event]:
        """The engine has said all: what was held back as the beginning of a block is told."""
        return [] if self._blocks is None else self._translate_all(self._blocks.finish())

    def _translate_all(self, records: Iterable[Any]) -> list[Event]:
        events: list[Event] = []
        for record in records:
            try:
                events += self._translate(record)
            except EngineError as error:
                if not events:
                    raise
                self._failure = error  # what came before it is taken into account already, so it must be told
        return events

    def _translate(self, record: Any) -> list[Event]:
        if isinstance(record, BlockRecord):
            return self._translate_block(record)
        part = self._by_record.get(type(record))
        if part is None:
            return self._own(record)
        events: list[Event] = []
        if part is not self._speaker:
            for other in self._parts:
                if other is not part:
                    events += other.give_way()
            self._speaker = part
        events += part.translate(record)
        for event in events:
            self.observe(event.name, event.payload)
        return events

    def observe(self, name: str, payload: Any) -> None:
        """Take an event of this run into account."""
        if self._blocks is not None:
            self._blocks.observe(name, payload)
        for part in self._by_event.get(name, ()):
            part.observe(name, payload)

    @property
    def session_id(self) -> SessionId:
        """The conversation that the run is in."""
        return self._run.session_id

    def give_way(self) -> list[Event]:
        """Close what must not stay open beside something new on the timeline."""
        said = self.finish()
        events = [event for part in self._parts for event in part.give_way()]
        for event in events:
            self.observe(event.name, event.payload)
        self._speaker = None
        return said + events

    def settle(self, status: str) -> list[Event]:
        """Close all that is open (RN2); an open block is malformed (SB5). Changes nothing."""
        events = self._settled(status)
        for event in events:
            payload: Any = event.payload
            if status == "finished" and isinstance(payload, ev.ChatTextSegmentFinished):
                payload.finish_reason = self.finish_reason
        return events

    def _settled(self, status: str) -> list[Event]:
        if self._blocks is None:
            return [event for part in self._parts for event in part.settle(status)]
        events = [self._event(payload) for payload in self._blocks.settled()]
        unsaid, answers = self._blocks.unsaid(), self._by_record.get(TextDelta)
        for part in self._parts:
            if unsaid and part is answers and isinstance(part, SegmentPart):
                events += part.settle_saying(unsaid, status)
            else:
                events += part.settle(status)
        return events

    def _translate_block(self, record: BlockRecord) -> list[Event]:
        """Nobody gives way: a block is beside the text that it is cut out of."""
        assert self._blocks is not None
        part = self._by_tag.get(record.tag)
        events = [self._event(self._blocks.event(record)), *(part.translate(record) if part is not None else ())]
        for event in events:
            self.observe(event.name, event.payload)
        return events

    def _event(self, payload: Any) -> Event:
        return Event(session_id=self._run.session_id, name=payload.DESCRIPTOR.name, payload=payload)

    def _own(self, record: Any) -> list[Event]:
        run = self._run
        if isinstance(record, Finish):
            self.finish_reason = record.reason
            return []
        if isinstance(record, Usage):
            usage = ev.ChatUsageReported(
                run_id=run.run_id, input_tokens=record.input_tokens, output_tokens=record.output_tokens
            )
            return [Event(session_id=run.session_id, name="ChatUsageReported", payload=usage)]
        if isinstance(record, EmitEntity):
            return [Event(session_id=run.session_id, name="ChatEntityEmitted", payload=self._emitted(record))]
        raise EngineError(f"the engine yielded a {type(record).__name__}, which no plugin translates")

    def _emitted(self, record: EmitEntity) -> ev.ChatEntityEmitted:
        if record.kind in _RESERVED_KINDS or self._registry.is_private(record.kind):
            raise EngineError(f"an engine may not emit an entity of kind {record.kind!r}")
        payload_json = msgspec.json.encode(record.payload).decode()
        try:
            self._registry.from_json("entity", record.kind, payload_json)
        except UnknownNameError:
            raise EngineError(
                f"the engine emitted an entity of kind {record.kind!r}, which is not registered"
            ) from None
        except json_format.ParseError as error:
            raise EngineError(f"the engine emitted a {record.kind} that does not fit its message: {error}") from None
        return ev.ChatEntityEmitted(kind=record.kind, id=record.id, payload_json=payload_json, run_id=self._run.run_id)
