"""Random conversations as event lists, and a hub to publish them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from webchat_nb.chat.plugins.answers import answer_plugin
from webchat_nb.chat.plugins.reasoning import reasoning_plugin
from webchat_nb.chat.plugins.tool_calls import ToolCallPlugin
from webchat_nb.chat.projections import ChatProjections
from webchat_nb.chat.schemas import register_schemas
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.stream import Clock, Event, FanoutSettings, Hub, SchemaRegistry, Store, session_id

SESSION = session_id("law")

TEXTS = st.one_of(
    st.text(alphabet="ab é€😀\n", min_size=1, max_size=6),
    st.sampled_from(["long " * 900, "😀" * 2500]),  # past the size at which an entity is checkpointed
)


@dataclass
class Script:
    """Events that fit each other, and how they are grouped into commits."""

    units: list[list[Any]]

    @property
    def events(self) -> list[Any]:
        return [payload for unit in self.units for payload in unit]


@st.composite
def scripts(draw: st.DrawFn, max_steps: int = 30) -> Script:
    """A conversation in which texts, thoughts, calls and usage are interleaved at random."""
    open_texts: list[tuple[str, Any, Any]] = []
    calls: list[str] = []
    payloads: list[Any] = [ev.ChatConversationCreated(profile="default")]
    for made in range(1, draw(st.integers(1, max_steps)) + 1):
        choice = draw(
            st.sampled_from(["text", "thought", "delta", "delta", "delta", "finish", "call", "args", "user", "usage"])
        )
        if choice in ("text", "thought"):
            kind = ev.ChatTextSegmentStarted if choice == "text" else ev.ChatReasoningStarted
            payloads.append(kind(message_id=f"m{made}", run_id="r"))
            delta, end = (
                (ev.ChatTokensDelta, ev.ChatTextSegmentFinished)
                if choice == "text"
                else (ev.ChatReasoningDelta, ev.ChatReasoningFinished)
            )
            open_texts.append((f"m{made}", delta, end))
        elif choice == "delta" and open_texts:
            message_id, delta, _ = draw(st.sampled_from(open_texts))
            payloads.append(delta(message_id=message_id, text=draw(TEXTS)))
        elif choice == "finish" and open_texts:
            message_id, _, end = open_texts.pop(draw(st.integers(0, len(open_texts) - 1)))
            payloads.append(end(message_id=message_id, status="finished"))
        elif choice == "call":
            calls.append(f"call{made}")
            payloads.append(ev.ChatToolCallStarted(tool_call_id=calls[-1], tool_name="t", run_id="r"))
        elif choice == "args" and calls:
            payloads.append(ev.ChatToolCallArgumentsDelta(tool_call_id=draw(st.sampled_from(calls)), text=draw(TEXTS)))
        elif choice == "user":
            payloads.append(ev.ChatUserMessageAccepted(message_id=f"u{made}", run_id=f"r{made}", prompt=draw(TEXTS)))
        elif choice == "usage":
            payloads.append(ev.ChatUsageReported(run_id="r", output_tokens=made))
    units: list[list[Any]] = []
    while payloads:
        size = draw(st.integers(1, 4))
        units.append(payloads[:size])
        payloads = payloads[size:]
    return Script(units)


def make_hub(store: Store, *, clock: Clock | None = None, flush_interval_s: float = 0.016) -> Hub:
    """A hub with the chat's own schemas and projections."""
    registry = SchemaRegistry()
    plugins = [answer_plugin(), reasoning_plugin(), ToolCallPlugin()]
    register_schemas(registry, plugins)
    return Hub(
        registry=registry,
        store=store,
        projections=ChatProjections(registry, plugins),
        clock=clock,
        fanout=FanoutSettings(flush_interval_s=flush_interval_s),
    )


def events_of(payloads: list[Any]) -> list[Event]:
    """Records for the payloads."""
    return [Event(session_id=SESSION, name=payload.DESCRIPTOR.name, payload=payload) for payload in payloads]
