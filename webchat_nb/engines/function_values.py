"""What a function may answer with, one value at a time: text, dicts in the words of scripts, or an engine's records.

``"text"`` · ``{"say": "text"}`` · ``{"think": "…"}`` · ``{"call": {"tool": "t", "args": {…}}}`` · ``{"usage":
{"input_tokens": 1}}`` · ``{"ask": {"question": "…", "schema": {…}}}`` · ``{"emit": {"kind": "…", "id": "…", "payload": {…}}}`` · ``{"fail": {"message": "…"}}`` ·
``{"finish": "length"}``. ``None`` and empty text are nothing.

Rule: EN2, TL5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec
from msgspec import UNSET

from webchat_nb.chat.engine import EmitEntity, EngineEvent, Finish, TextDelta, ThinkingDelta, Usage
from webchat_nb.chat.tools import Ask
from webchat_nb.engines.script import Call, Speech, Step
from webchat_nb.errors import EngineError

_RECORDS: Final = get_args(EngineEvent)
_WAITS: Final = ("wait_ms", "wait_for", "wait_for_steer")
"""Steps of a script that a function has better means for."""


def read_value(value: Any) -> Sequence[EngineEvent] | Call | Ask:
    """The records of a value; a call and a question are returned as they are, for they take time.

    Raises:
        EngineError: The value is none that a function may yield; or it says ``fail``.
    """
    if isinstance(value, str):
        return (TextDelta(value),) if value else ()
    if value is None:
        return ()
    if isinstance(value, Ask):
        return value
    if isinstance(value, _RECORDS):
        return (value,)
    if isinstance(value, dict):
        return _read_dict(value)
    raise EngineError(
        f"the engine's function gave a {type(value).__name__}; expected text, a dict or an engine's record",
        code="unreadable_answer",
    )


def _read_dict(value: dict[str, Any]) -> Sequence[EngineEvent] | Call | Ask:
    if value.keys() == {"finish"} and isinstance(value["finish"], str):
        return (Finish(value["finish"]),)
    try:
        step = msgspec.convert(value, Step)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from None
    given = [name for name in Step.__struct_fields__ if getattr(step, name) is not UNSET]
    if len(given) != 1 or given[0] in _WAITS:
        words = sorted({"finish", *Step.__struct_fields__} - set(_WAITS))
        raise _unreadable(f"expected one of {', '.join(words)}, got {', '.join(given) or 'none'}")
    if step.say is not UNSET:
        return _speech(step.say, TextDelta)
    if step.think is not UNSET:
        return _speech(step.think, ThinkingDelta)
    if step.usage is not UNSET:
        return (Usage(step.usage.input_tokens, step.usage.output_tokens),)
    if step.ask is not UNSET:
        return step.ask.to_ask()
    if step.emit is not UNSET:
        return (EmitEntity(step.emit.kind, step.emit.id, step.emit.payload),)
    if step.fail is not UNSET:
        raise EngineError(step.fail.message, code=step.fail.code, retryable=step.fail.retryable)
    assert step.call is not UNSET
    return step.call


def _speech(speech: str | Speech, record: type[TextDelta] | type[ThinkingDelta]) -> Sequence[EngineEvent]:
    text = speech if isinstance(speech, str) else speech.text * speech.repeat
    return (record(text),) if text else ()


def _unreadable(reason: str) -> EngineError:
    return EngineError(f"the engine's function gave a dict that says nothing: {reason}", code="unreadable_answer")
