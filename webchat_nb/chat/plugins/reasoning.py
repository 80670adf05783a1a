"""Reasoning: thoughts beside the answer."""

from __future__ import annotations

from webchat_nb.chat.engine import ThinkingDelta
from webchat_nb.chat.plugins.segments import SegmentKind, SegmentPlugin
from webchat_nb.contracts.v1 import events_pb2


def reasoning_plugin() -> SegmentPlugin:
    """Shows what an engine thinks before it speaks, as messages with the role ``thinking``."""
    kind = SegmentKind(
        role="thinking",
        infix="thinking",
        record=ThinkingDelta,
        started=events_pb2.ChatReasoningStarted,
        delta=events_pb2.ChatReasoningDelta,
        finished=events_pb2.ChatReasoningFinished,
        ui_prefix="llm.thinking.",
    )
    return SegmentPlugin("reasoning", kind)
