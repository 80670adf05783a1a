"""The answer's text: the one plugin that every chat has."""

from __future__ import annotations

from webchat_nb.chat.engine import TextDelta
from webchat_nb.chat.plugins.segments import SegmentKind, SegmentPlugin
from webchat_nb.contracts.v1 import events_pb2


def answer_plugin() -> SegmentPlugin:
    """Shows what an engine says, as messages with the role ``assistant``."""
    kind = SegmentKind(
        role="assistant",
        infix="text",
        record=TextDelta,
        started=events_pb2.ChatTextSegmentStarted,
        delta=events_pb2.ChatTokensDelta,
        finished=events_pb2.ChatTextSegmentFinished,
        ui_prefix="llm.",
    )
    return SegmentPlugin("answers", kind)
