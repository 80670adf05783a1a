"""Models behind OpenAI's responses, which show thoughts: summaries of them, or the thoughts where the server has them.

Nothing is kept at the server unless the options say so (``store``). While tools are called, what the model made goes back
to it whole, thoughts (encrypted) included.

Rule: EN3, EN4, EN5, TL1, TL9.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from webchat_nb.chat.engine import (
    EngineEvent,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolCallRequested,
    ToolCallResult,
    ToolCallStarted,
    Usage,
)
from webchat_nb.engines.past import PastCall
from webchat_nb.engines.transcript import Line, lines_of
from webchat_nb.engines.vendor import OPENAI, VendorFactory, request_options
from webchat_nb.engines.vendor_engine import (
    StreamedCall,
    VendorEngine,
    VendorRun,
    as_base64,
    as_text,
    checked,
    paired,
    recalled,
)
from webchat_nb.engines.vendor_errors import broken_off, error_of

if TYPE_CHECKING:
    from openai.types.responses import Response

_REASONS: Final = {"max_output_tokens": "length"}


def openai_responses_factory() -> VendorFactory:
    """Make the factory that is registered as ``openai-responses``."""
    return VendorFactory(OPENAI, OpenAIResponsesEngine)


@final
class OpenAIResponsesEngine(VendorEngine):
    """Answers through responses."""

    async def _begin(self, run: VendorRun) -> _Dialogue:
        return _Dialogue(
            run, [{"role": line.role, "content": await _content_of(line)} for line in lines_of(run.request)]
        )


async def _content_of(line: Line) -> str | list[dict[str, Any]]:
    """A text, or with attachments a list of parts."""
    if not line.attachments:
        return line.text
    parts: list[dict[str, Any]] = [{"type": "input_text", "text": line.text}] if line.text else []
    for file in line.attachments:
        content = await file.read()
        address = f"data:{file.media_type};base64,{as_base64(content)}"
        if (text := as_text(file, content)) is not None:
            parts.append({"type": "input_text", "text": text})
        elif file.media_type.startswith("image/"):
            parts.append({"type": "input_image", "image_url": address, "detail": "auto"})
        else:
            parts.append({"type": "input_file", "filename": file.filename, "file_data": address})
    return parts


@final
class _Dialogue:
    """One run's items."""

    def __init__(self, run: VendorRun, items: list[dict[str, Any]]) -> None:
        self._run = run
        self._items = items
        self._answer = _Answer(run)

    async def ask(self) -> AsyncIterator[EngineEvent]:
        run, answer = self._run, _Answer(self._run)
        self._answer = answer
        with run.told_safely():
            create = run.client().responses.create
            defaults: dict[str, Any] = {"store": False}
            if not run.plan.options.get("store"):
                defaults["include"] = ["reasoning.encrypted_content"]
            arguments = request_options(run.plan, create, **defaults)
            if run.plan.system_prompt:
                arguments["instructions"] = run.plan.system_prompt
            if run.schemas:
                arguments["tools"] = [
                    {
                        "type": "function",
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.input_schema,
                        "strict": False,
                    }
                    for tool in run.schemas
                ]
            async with await create(model=run.plan.model, input=self._items, stream=True, **arguments) as stream:
                async for event in stream:
                    for record in answer.read(event):
                        yield record
        for record in answer.end():
            yield record

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        self._answer = _Answer(self._run)
        self._answer.recall(said, calls)

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        self._items += self._answer.items
        for call, result in paired(self._answer.calls, results):
            self._items.append({"type": "function_call_output", "call_id": call.wire_id, "output": result.result})
        self._items += [{"role": "user", "content": prompt} for prompt in prompts]


@final
class _Answer:
    """One answer as its events add up to it.

    Attributes:
        items: What the model made, as it is sent back.
    """

    def __init__(self, run: VendorRun) -> None:
        self.calls: list[StreamedCall] = []
        self.items: list[dict[str, Any]] = []
        self._run = run
        self._by_item: dict[str, StreamedCall] = {}
        self._finish_reason = ""
        self._is_refused = False
        self._has_thoughts = False
        self._is_sealed = False

    def read(self, event: Any) -> Iterator[EngineEvent]:
        match event.type:
            case "response.output_text.delta":
                yield TextDelta(checked(event.delta))
            case "response.refusal.delta":
                self._is_refused = True
                yield TextDelta(checked(event.delta))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._has_thoughts = True
                yield ThinkingDelta(checked(event.delta))
            case "response.reasoning_summary_part.added":
                if self._has_thoughts:
                    yield ThinkingDelta("\n\n")
            case "response.output_item.added":
                yield from self._begin_item(event.item)
            case "response.function_call_arguments.delta":
                yield self._by_item[event.item_id].grow(event.delta)
            case "response.output_item.done":
                yield from self._end_item(event.item)
            case "response.completed" | "response.incomplete" | "response.failed":
                yield from self._end(event.response)
            case "error":
                raise self._failure({"code": event.code, "message": event.message})

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        by_id = {call.use.call_id: recalled(call) for call in calls}
        for record in said:
            if isinstance(record, TextDelta):
                self.items.append({"role": "assistant", "content": record.text})
            elif isinstance(record, ToolCallStarted) and record.call_id in by_id:
                call = by_id[record.call_id]
                item = {"type": "function_call", "call_id": call.wire_id, "name": call.name, "arguments": call.input}
                self.items.append(item)
        self.calls += by_id.values()

    def end(self) -> Iterator[EngineEvent]:
        if not self._finish_reason:
            raise broken_off()
        yield Finish("refusal" if self._is_refused else self._finish_reason)

    def _begin_item(self, item: Any) -> Iterator[EngineEvent]:
        if item.type == "function_call":
            call = self._by_item[item.id] = StreamedCall(self._run.new_call_id())
            call.vendor_id, call.name = item.call_id, checked(item.name)
            yield ToolCallStarted(call.call_id, call.name, "" if self._is_sealed else call.wire_id)
        elif item.type != "message":
            self._is_sealed = True  # thoughts go back as they came, and the log has only what they say

    def _end_item(self, item: Any) -> Iterator[EngineEvent]:
        self.items.append(item.to_dict())
        call = self._by_item.get(item.id) if item.type == "function_call" else None
        if call is None:
            return
        if not call.pieces and item.arguments:  # a server that does not stream them
            yield call.grow(item.arguments)
        if item.status != "incomplete":
            self.calls.append(call)
            yield ToolCallRequested(call.call_id, call.input)

    def _end(self, response: Response) -> Iterator[EngineEvent]:
        if response.usage:
            yield Usage(response.usage.input_tokens, response.usage.output_tokens)
        if response.status == "failed":
            raise self._failure(response.error.to_dict() if response.error else {})
        reason = response.incomplete_details.reason if response.incomplete_details else None
        self._finish_reason = _REASONS.get(reason, reason) if reason else ("tool_calls" if self.calls else "stop")

    def _failure(self, body: dict[str, Any]) -> Exception:
        return error_of(200, body, self._run.plan, OPENAI, self._run.secret)
