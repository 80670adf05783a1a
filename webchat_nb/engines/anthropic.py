"""Anthropic's models, through its SDK: text, thinking, tools.

The vendor wants to be told how long an answer may get: ``max_tokens`` of the options, or ``MAX_TOKENS``.

Rule: EN3, EN4, EN5, TL1, TL9.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, final

import msgspec

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
from webchat_nb.engines.vendor import ANTHROPIC, VendorFactory, request_options
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
from webchat_nb.engines.vendor_errors import broken_off

MAX_TOKENS: Final = 8192
"""Of one answer, when the options do not say; all current models take it."""

_REASONS: Final = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}
"""The vendor's words for why an answer ends, in ours; others stay as they are."""


_KEPT: Final = frozenset({"text", "tool_use"})
"""Blocks that can be made again of what the log has; thoughts cannot, as they are signed."""


def anthropic_factory() -> VendorFactory:
    """Make the factory that is registered as ``anthropic``."""
    return VendorFactory(ANTHROPIC, AnthropicEngine)


@final
class AnthropicEngine(VendorEngine):
    """Answers through messages."""

    async def _begin(self, run: VendorRun) -> _Dialogue:
        return _Dialogue(
            run, [{"role": line.role, "content": await _content_of(line)} for line in lines_of(run.request)]
        )


async def _content_of(line: Line) -> str | list[dict[str, Any]]:
    """A text, or with attachments a list of blocks, files first."""
    if not line.attachments:
        return line.text
    blocks: list[dict[str, Any]] = []
    for file in line.attachments:
        content = await file.read()
        if (text := as_text(file, content)) is not None:
            blocks.append({"type": "text", "text": text})
        else:
            kind = "image" if file.media_type.startswith("image/") else "document"
            source = {"type": "base64", "media_type": file.media_type, "data": as_base64(content)}
            blocks.append({"type": kind, "source": source})
    return [*blocks, {"type": "text", "text": line.text}] if line.text else blocks


@final
class _Dialogue:
    """One run's messages."""

    def __init__(self, run: VendorRun, messages: list[dict[str, Any]]) -> None:
        self._run = run
        self._messages = messages
        self._answer = _Answer(run)

    async def ask(self) -> AsyncIterator[EngineEvent]:
        run, answer = self._run, _Answer(self._run)
        self._answer = answer
        with run.told_safely():
            create = run.client().messages.create
            arguments = request_options(run.plan, create, max_tokens=MAX_TOKENS)
            if run.plan.system_prompt:
                arguments["system"] = run.plan.system_prompt
            if run.schemas:
                arguments["tools"] = [
                    {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
                    for tool in run.schemas
                ]
            async with await create(model=run.plan.model, messages=self._messages, stream=True, **arguments) as stream:
                async for event in stream:
                    if event.type == "content_block_delta":  # nearly all of them: without a generator for each
                        if (record := answer.grow(event.index, event.delta)) is not None:
                            yield record
                        continue
                    for told in answer.read(event):
                        yield told
        for record in answer.end():
            yield record

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        self._answer = _Answer(self._run)
        self._answer.recall(said, calls)

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        self._messages.append({"role": "assistant", "content": self._answer.content()})
        blocks: list[dict[str, Any]] = [
            {
                "type": "tool_result",
                "tool_use_id": call.wire_id,
                "content": result.result,
                "is_error": result.is_error,
            }
            for call, result in paired(self._answer.calls, results)
        ]
        said = [{"type": "text", "text": prompt} for prompt in prompts]
        self._messages.append({"role": "user", "content": [*blocks, *said]})


@final
class _Answer:
    """One answer as its events add up to it: blocks, which are sent back as they came while tools are called."""

    def __init__(self, run: VendorRun) -> None:
        self.calls: list[StreamedCall] = []
        self._run = run
        self._blocks: dict[int, dict[str, Any]] = {}
        self._added: dict[int, dict[str, list[str]]] = {}
        self._by_index: dict[int, StreamedCall] = {}
        self._usage = Usage()
        self._finish_reason = ""
        self._is_whole = False

    def read(self, event: Any) -> Iterator[EngineEvent]:
        """What an event says that adds nothing to a block."""
        match event.type:
            case "content_block_start":
                yield from self._begin_block(event.index, event.content_block)
            case "message_start":
                yield from self._count(event.message.usage)
            case "message_delta":
                self._finish_reason = event.delta.stop_reason or self._finish_reason
                yield from self._count(event.usage)
            case "message_stop":
                self._is_whole = True

    def end(self) -> Iterator[EngineEvent]:
        if not self._is_whole or not self._finish_reason:
            raise broken_off()
        reason = _REASONS.get(self._finish_reason, self._finish_reason)
        if reason != "length":
            for call in self.calls:
                yield ToolCallRequested(call.call_id, call.input)
        yield Finish(reason)

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        """Take the blocks of an answer from before a restart."""
        by_id = {call.use.call_id: recalled(call) for call in calls}
        for index, record in enumerate(said):
            if isinstance(record, TextDelta):
                self._blocks[index], self._added[index] = {"type": "text", "text": record.text}, {}
            elif isinstance(record, ToolCallStarted) and record.call_id in by_id:
                call = self._by_index[index] = by_id[record.call_id]
                self._blocks[index] = {"type": "tool_use", "id": call.wire_id, "name": call.name, "input": {}}
                self._added[index] = {}
        self.calls += by_id.values()

    def content(self) -> list[dict[str, Any]]:
        """What is sent back: each block as it began, with all that was added to it."""
        content: list[dict[str, Any]] = []
        for index, block in self._blocks.items():
            added = {name: block.get(name, "") + "".join(pieces) for name, pieces in self._added[index].items()}
            if index in self._by_index:
                added = {"input": _object_of(self._by_index[index].input)}
            whole = block | added
            if whole.get("type") != "text" or whole["text"]:  # an empty text is not taken back
                content.append(whole)
        return content

    def _begin_block(self, index: int, block: Any) -> Iterator[EngineEvent]:
        self._blocks[index] = block.to_dict()
        self._added[index] = {}
        match block.type:
            case "tool_use":
                call = self._by_index[index] = StreamedCall(self._run.new_call_id())
                call.vendor_id, call.name = block.id, checked(block.name)
                self.calls.append(call)
                is_kept = all(block["type"] in _KEPT for block in self._blocks.values())
                yield ToolCallStarted(call.call_id, call.name, call.wire_id if is_kept else "")
            case "text" if block.text:
                yield TextDelta(checked(block.text))
            case "thinking" if block.thinking:
                yield ThinkingDelta(checked(block.thinking))

    def grow(self, index: int, delta: Any) -> EngineEvent | None:
        """Take the next piece of a block."""
        match delta.type:
            case "text_delta":
                return TextDelta(self._add(index, "text", delta.text))
            case "thinking_delta":
                return ThinkingDelta(self._add(index, "thinking", delta.thinking))
            case "signature_delta":
                self._add(index, "signature", delta.signature)
            case "input_json_delta" if delta.partial_json and index in self._by_index:
                return self._by_index[index].grow(delta.partial_json)
        return None

    def _add(self, index: int, name: str, piece: Any) -> str:
        text = checked(piece)
        self._added[index].setdefault(name, []).append(text)
        return text

    def _count(self, usage: Any) -> Iterator[EngineEvent]:
        """The vendor counts what came from its cache apart, and sends sums."""
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        input_tokens = sum(getattr(usage, name, None) or 0 for name in names)
        self._usage = Usage(input_tokens or self._usage.input_tokens, usage.output_tokens or 0)
        yield self._usage


def _object_of(text: str) -> Any:
    """Arguments as the vendor takes them back: an object, even when the model wrote none. The tool says so then."""
    try:
        arguments = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return arguments if isinstance(arguments, dict) else {}
