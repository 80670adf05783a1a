"""Tool calls: one entity per call, another for its result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast, final

from google.protobuf.message import Message

from webchat_nb.chat import engine
from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.entities_pb2 import ChatToolCall, ChatToolResult
from webchat_nb.contracts.v1.ui_pb2 import UiTool
from webchat_nb.stream import Append, Event, LoggedEvent, Op, SchemaRegistry, Session, TimelineView, UIEvent, Upsert

_UI_TYPES: Mapping[str, str] = {
    "ChatToolCallStarted": "tool.start",
    "ChatToolCallArgumentsDelta": "tool.delta",
    "ChatToolCallRequested": "tool.requested",
    "ChatToolCallExecutionStarted": "tool.executing",
    "ChatToolCallProgress": "tool.progress",
    "ChatToolCallResultReady": "tool.result",
    "ChatToolCallFinished": "tool.done",
}

_UI_STATUS: Mapping[str, str] = {
    "ChatToolCallStarted": "streaming",
    "ChatToolCallRequested": "requested",
    "ChatToolCallExecutionStarted": "executing",
}


@final
class ToolCallPlugin:
    """Shows what tools an engine calls, with what, and what they answer."""

    name = "tool calls"
    events: Collection[str] = tuple(_UI_TYPES)

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """Seven events, seven UI events, two entity kinds."""
        for name, ui_type in _UI_TYPES.items():
            registry.event(name, getattr(ev, name))
            registry.ui_event(ui_type, UiTool)
        registry.entity("ChatToolCall", ChatToolCall)
        registry.entity("ChatToolResult", ChatToolResult)

    def open_run(self, run: RunIdentity) -> RunPart:
        """Follows the run's calls."""
        return ToolCallPart(run)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """A call begins, its arguments grow, it executes, it ends with a result."""
        payload: Any = event.payload
        call_id = payload.tool_call_id
        if event.name == "ChatToolCallArgumentsDelta":
            return (Append("ChatToolCall", call_id, "input", payload.text),)
        if event.name == "ChatToolCallStarted":
            call = ChatToolCall(
                tool_call_id=call_id,
                tool_name=payload.tool_name,
                status="streaming",
                message_id=payload.message_id,
                run_id=payload.run_id,
            )
            return (Upsert("ChatToolCall", call_id, call),)
        if event.name == "ChatToolCallResultReady":
            result = ChatToolResult(
                tool_call_id=call_id,
                tool_name=payload.tool_name,
                result=payload.result,
                status=payload.status,
                media_type=payload.media_type,
                content=payload.content,
                attachment_id=payload.attachment_id,
            )
            return (Upsert("ChatToolResult", f"{call_id}:result", result),)
        entity = view.get("ChatToolCall", call_id)
        if entity is None:
            return ()
        call = ChatToolCall()
        call.CopyFrom(cast("ChatToolCall", entity.payload))
        _CHANGES[event.name](call, payload)
        return (Upsert("ChatToolCall", call_id, call),)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """``tool.start`` … ``tool.done``."""
        payload: Any = event.payload
        data = (
            UiTool()
            if event.name == "ChatToolCallArgumentsDelta"
            else UiTool(
                tool_call_id=payload.tool_call_id,
                tool_name=getattr(payload, "tool_name", ""),
                status=getattr(payload, "status", "") or _UI_STATUS.get(event.name, ""),
            )
        )
        return (UIEvent(_UI_TYPES[event.name], payload.tool_call_id, data),)


def _requested(call: ChatToolCall, payload: ev.ChatToolCallRequested) -> None:
    call.input, call.status = payload.input, "requested"


def _executing(call: ChatToolCall, payload: ev.ChatToolCallExecutionStarted) -> None:
    call.executing, call.status = True, "executing"
    call.place, call.answer_schema = payload.place, payload.answer_schema


def _progressed(call: ChatToolCall, payload: ev.ChatToolCallProgress) -> None:
    call.progress = payload.progress


def _finished(call: ChatToolCall, payload: ev.ChatToolCallFinished) -> None:
    call.executing, call.status, call.error = False, payload.status, payload.error
    call.duration_ms = payload.duration_ms


_CHANGES: Mapping[str, Callable[[ChatToolCall, Any], None]] = {
    "ChatToolCallRequested": _requested,
    "ChatToolCallExecutionStarted": _executing,
    "ChatToolCallProgress": _progressed,
    "ChatToolCallFinished": _finished,
}


@final
class ToolCallPart:
    """One run's calls: which are open."""

    records: Collection[type[Any]] = (
        engine.ToolCallStarted,
        engine.ToolCallArgumentsDelta,
        engine.ToolCallRequested,
        engine.ToolCallExecuting,
        engine.ToolCallProgress,
        engine.ToolCallResult,
    )
    observes: Collection[str] = ("ChatToolCallStarted", "ChatToolCallExecutionStarted", "ChatToolCallFinished")

    def __init__(self, run: RunIdentity) -> None:
        self._run = run
        self._open: dict[str, str] = {}
        self._executing_since_ms: dict[str, int] = {}

    def translate(self, record: Any) -> Sequence[Event]:
        """One record is one event; a result also ends its call."""
        call_id = record.call_id
        match record:
            case engine.ToolCallStarted():
                run = self._run
                return self._events(
                    ev.ChatToolCallStarted(
                        tool_call_id=call_id,
                        tool_name=record.tool_name,
                        message_id=run.message_id,
                        run_id=run.run_id,
                        recall_id=record.recall_id,
                    )
                )
            case engine.ToolCallArgumentsDelta():
                return self._events(ev.ChatToolCallArgumentsDelta(tool_call_id=call_id, text=record.text))
            case engine.ToolCallRequested():
                return self._events(ev.ChatToolCallRequested(tool_call_id=call_id, input=record.input))
            case engine.ToolCallExecuting():
                return self._events(
                    ev.ChatToolCallExecutionStarted(
                        tool_call_id=call_id, place=record.place, answer_schema=record.answer_schema
                    )
                )
            case engine.ToolCallProgress():
                return self._events(ev.ChatToolCallProgress(tool_call_id=call_id, progress=record.progress))
        return self._result(record)

    def _result(self, record: engine.ToolCallResult) -> Sequence[Event]:
        call_id = record.call_id
        since_ms = self._executing_since_ms.get(call_id)
        ready = ev.ChatToolCallResultReady(
            tool_call_id=call_id,
            tool_name=self._open.get(call_id, ""),
            result=record.result,
            status="error" if record.is_error else "ok",
            media_type=record.media_type,
            content=record.content,
            attachment_id=record.attachment_id,
        )
        finished = ev.ChatToolCallFinished(
            tool_call_id=call_id,
            status="failed" if record.is_error else "finished",
            error=record.result[:200] if record.is_error else "",
            duration_ms=self._run.now_ms() - since_ms if since_ms is not None else 0,
        )
        return self._events(ready, finished)

    def give_way(self) -> Sequence[Event]:
        """Calls go on beside text and beside each other."""
        return ()

    def observe(self, name: str, payload: Any) -> None:
        """Follow which calls are open."""
        if name == "ChatToolCallStarted":
            self._open[payload.tool_call_id] = payload.tool_name
        elif name == "ChatToolCallExecutionStarted":
            self._executing_since_ms[payload.tool_call_id] = self._run.now_ms()
        else:
            self._open.pop(payload.tool_call_id, None)

    def settle(self, status: str) -> Sequence[Event]:
        """End the calls that have no answer."""
        how = "stopped" if status == "finished" else status
        return self._events(
            *(
                ev.ChatToolCallFinished(
                    tool_call_id=call_id, status=how, error="The run ended before the tool answered."
                )
                for call_id in self._open
            )
        )

    def _events(self, *payloads: Message) -> Sequence[Event]:
        return [
            Event(session_id=self._run.session_id, name=payload.DESCRIPTOR.name, payload=payload)
            for payload in payloads
        ]
