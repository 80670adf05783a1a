"""Models behind OpenAI's chat completions: OpenAI's own, and every server that speaks the same way.

Thoughts are read from ``reasoning_content`` and ``reasoning``, which is what other servers call them; they are no part of
OpenAI's own format, whose models show thoughts through ``openai-responses`` only.

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
from webchat_nb.engines.vendor_errors import broken_off

if TYPE_CHECKING:
    from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

_THOUGHTS: Final = ("reasoning_content", "reasoning")
_CUT_SHORT: Final = frozenset({"length", "content_filter"})
"""Ends after which a call's arguments may be half there."""


def openai_chat_factory() -> VendorFactory:
    """Make the factory that is registered as ``openai``."""
    return VendorFactory(OPENAI, OpenAIChatEngine)


@final
class OpenAIChatEngine(VendorEngine):
    """Answers through chat completions."""

    async def _begin(self, run: VendorRun) -> _Dialogue:
        messages: list[dict[str, Any]] = []
        if run.plan.system_prompt:
            messages.append({"role": "system", "content": run.plan.system_prompt})
        for line in lines_of(run.request):
            messages.append({"role": line.role, "content": await _content_of(line)})
        return _Dialogue(run, messages)


async def _content_of(line: Line) -> str | list[dict[str, Any]]:
    """A text, or with attachments a list of parts."""
    if not line.attachments:
        return line.text
    parts: list[dict[str, Any]] = [{"type": "text", "text": line.text}] if line.text else []
    for file in line.attachments:
        content = await file.read()
        address = f"data:{file.media_type};base64,{as_base64(content)}"
        if (text := as_text(file, content)) is not None:
            parts.append({"type": "text", "text": text})
        elif file.media_type.startswith("image/"):
            parts.append({"type": "image_url", "image_url": {"url": address}})
        else:
            parts.append({"type": "file", "file": {"filename": file.filename, "file_data": address}})
    return parts


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
            create = run.client().chat.completions.create
            arguments = request_options(run.plan, create, stream_options={"include_usage": True})
            if run.schemas:
                arguments["tools"] = [
                    {
                        "type": "function",
                        "function": {"name": t.name, "description": t.description, "parameters": t.input_schema},
                    }
                    for t in run.schemas
                ]
            async with await create(model=run.plan.model, messages=self._messages, stream=True, **arguments) as stream:
                async for chunk in stream:
                    for record in answer.read(chunk):
                        yield record
        for record in answer.end():
            yield record

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        self._answer = _Answer(self._run)
        self._answer.recall(said, calls)

    def answer(self, results: Sequence[ToolCallResult], prompts: Sequence[str]) -> None:
        self._messages.append(self._answer.as_message())
        for call, result in paired(self._answer.calls, results):
            self._messages.append({"role": "tool", "tool_call_id": call.wire_id, "content": result.result})
        self._messages += [{"role": "user", "content": prompt} for prompt in prompts]


@final
class _Answer:
    """One answer as its chunks add up to it."""

    def __init__(self, run: VendorRun) -> None:
        self.calls: list[StreamedCall] = []
        self._run = run
        self._by_index: dict[int, StreamedCall] = {}
        self._texts: list[str] = []
        self._thoughts: dict[str, list[str]] = {}
        self._finish_reason = ""
        self._is_refused = False

    def read(self, chunk: Any) -> Iterator[EngineEvent]:
        for choice in chunk.choices or ():
            if choice.delta:
                yield from self._read_delta(choice.delta)
            if choice.finish_reason:
                self._finish_reason = choice.finish_reason
        if chunk.usage:
            yield Usage(chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens or 0)

    def end(self) -> Iterator[EngineEvent]:
        if not self._finish_reason:
            raise broken_off()
        if self._finish_reason in _CUT_SHORT:
            self.calls.clear()
        for call in self.calls:
            yield ToolCallRequested(call.call_id, call.input)
        yield Finish("refusal" if self._is_refused else self._finish_reason)

    def recall(self, said: Sequence[EngineEvent], calls: Sequence[PastCall]) -> None:
        for record in said:
            if isinstance(record, TextDelta):
                self._texts.append(record.text)
            elif isinstance(record, ThinkingDelta):
                self._thoughts.setdefault(_THOUGHTS[0], []).append(record.text)
        self.calls += [recalled(call) for call in calls]

    def as_message(self) -> dict[str, Any]:
        """What the server is told that it said; its thoughts too, which some want back while tools are called."""
        calls = [
            {"id": call.wire_id, "type": "function", "function": {"name": call.name, "arguments": call.input}}
            for call in self.calls
        ]
        thoughts = {name: "".join(pieces) for name, pieces in self._thoughts.items()}
        return {"role": "assistant", "content": "".join(self._texts) or None, "tool_calls": calls, **thoughts}

    def _read_delta(self, delta: ChoiceDelta) -> Iterator[EngineEvent]:
        for name in _THOUGHTS:
            if thought := getattr(delta, name, None):
                self._thoughts.setdefault(name, []).append(checked(thought))
                yield ThinkingDelta(checked(thought))
                break
        for text in (delta.content, delta.refusal):
            if text:
                self._texts.append(checked(text))
                yield TextDelta(self._texts[-1])
        self._is_refused = self._is_refused or bool(delta.refusal)
        for piece in delta.tool_calls or ():
            yield from self._grow(piece)

    def _grow(self, piece: ChoiceDeltaToolCall) -> Iterator[EngineEvent]:
        call = self._by_index.get(piece.index)
        if call is None or (piece.id and call.vendor_id and piece.id != call.vendor_id):
            # Some servers give every call the same number: another id is another call.
            call = self._by_index[piece.index] = StreamedCall(self._run.new_call_id())
        call.vendor_id = piece.id or call.vendor_id
        function = piece.function
        if function and function.name and not call.name:
            call.name = checked(function.name)
            self.calls.append(call)
            is_kept = self._thoughts.keys() <= {_THOUGHTS[0]}  # the log does not say what thoughts were called
            yield ToolCallStarted(call.call_id, call.name, call.wire_id if is_kept else "")
        if function and function.arguments:
            yield call.grow(function.arguments)
