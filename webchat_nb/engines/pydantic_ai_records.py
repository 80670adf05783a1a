"""From the events of a pydantic-ai agent to an engine's records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, final

from webchat_nb.chat.engine import (
    EngineEvent,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolCallArgumentsDelta,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.chat.tools import ToolUse

_REASONS: Final = {"tool_call": "tool_calls"}


@final
class AgentRecords:
    """One run's events in, records out. Events are told by their kind, so that nothing need be imported for it.

    Attributes:
        requested: Ids of the calls whose arguments are complete.
    """

    def __init__(self, root_id: str) -> None:
        self._root_id = root_id
        self._call_ids: dict[str, str] = {}
        self._call_count = 0
        self._by_part: dict[int, str] = {}
        self.requested: set[str] = set()

    def read(self, event: Any) -> Iterator[EngineEvent]:
        """The records of one event."""
        match event.event_kind:
            case "part_delta":
                yield from self._read_delta(event.index, event.delta)
            case "part_start":
                yield from self._begin_part(event.index, event.part)
            case "part_end" if event.part.part_kind == "builtin-tool-call":
                yield from self._request(event.part)
            case "function_tool_call" | "output_tool_call":
                # Not at the end of its part: where calls are made at once, arguments may still come after that.
                yield from self._request(event.part)
            case "function_tool_result" | "output_tool_result":
                yield self._result(event.part)
            case "agent_run_result":
                yield Usage(event.result.usage.input_tokens, event.result.usage.output_tokens)
                reason = event.result.response.finish_reason or "stop"
                yield Finish(_REASONS.get(reason, reason))

    def use_of(self, part: Any) -> ToolUse:
        """The call of a part, as a tool box wants it."""
        return ToolUse(call_id=self.call_id(part.tool_call_id), name=part.tool_name, input=_input_of(part))

    def call_id(self, vendor_id: str) -> str:
        """The id on the timeline of a call that has begun."""
        return self._call_ids[vendor_id]

    def _begin_part(self, index: int, part: Any) -> Iterator[EngineEvent]:
        match part.part_kind:
            case "text" if part.content:
                yield TextDelta(part.content)
            case "thinking" if part.content:
                yield ThinkingDelta(part.content)
            case "tool-call" | "builtin-tool-call":
                self._by_part[index] = self._begin_call(part.tool_call_id)
                yield ToolCallStarted(self._by_part[index], part.tool_name)
                if part.args:
                    yield ToolCallArgumentsDelta(self._by_part[index], _input_of(part))
            case "builtin-tool-return":
                yield self._result(part)

    def _read_delta(self, index: int, delta: Any) -> Iterator[EngineEvent]:
        match delta.part_delta_kind:
            case "text" if delta.content_delta:
                yield TextDelta(delta.content_delta)
            case "thinking" if delta.content_delta:
                yield ThinkingDelta(delta.content_delta)
            case "tool_call" if isinstance(delta.args_delta, str) and delta.args_delta:
                yield ToolCallArgumentsDelta(self._by_part[index], delta.args_delta)

    def _request(self, part: Any) -> Iterator[EngineEvent]:
        """The arguments are complete; a call that no part announced is told from its start."""
        if part.tool_call_id not in self._call_ids:
            call_id = self._begin_call(part.tool_call_id)
            yield ToolCallStarted(call_id, part.tool_name)
            yield ToolCallArgumentsDelta(call_id, _input_of(part))
        call_id = self.call_id(part.tool_call_id)
        if call_id not in self.requested:
            self.requested.add(call_id)
            yield ToolCallRequested(call_id, _input_of(part))

    def _result(self, part: Any) -> ToolCallResult:
        is_error = part.outcome != "success"
        return ToolCallResult(self.call_id(part.tool_call_id), part.model_response_str(wrap_if_error=False), is_error)

    def _begin_call(self, vendor_id: str) -> str:
        """An id that is unique in the conversation; a server may use its own again in the next round."""
        self._call_count += 1
        self._call_ids[vendor_id] = f"{self._root_id}:call:{self._call_count}"
        return self._call_ids[vendor_id]


def _input_of(part: Any) -> str:
    """The arguments' JSON text as the model wrote it."""
    return (part.args if isinstance(part.args, str) else part.args_as_json_str()).strip() or "{}"
