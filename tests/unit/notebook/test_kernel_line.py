"""What a widget offers, and what goes over the line, without a kernel."""

from __future__ import annotations

import sys

import msgspec
import pytest

from webchat_nb.chat.engine import TextDelta, ToolCallExecuting
from webchat_nb.chat.tools import TABLE, ToolContent, ToolOutcome
from webchat_nb.errors import ConfigError
from webchat_nb.notebook.kernel.line import kernel_line
from webchat_nb.notebook.kernel.messages import FromKernel, Offer
from webchat_nb.notebook.kernel.prints import MAX_CHARS, Prints
from webchat_nb.notebook.kernel.records import Result, pack, unpack
from webchat_nb.notebook.widget import ChatWidget


@pytest.fixture
def chat() -> ChatWidget:
    return ChatWidget(conversation="new")


@pytest.mark.rule("TL6")
def test_tools_are_declared_replaced_and_removed(chat: ChatWidget) -> None:
    @chat.tool
    def first(a: int) -> int:
        """One."""
        return a

    @chat.tool(name="second", approval="always", timeout_s=3)
    def other() -> str:
        return ""

    assert first(3) == 3
    assert chat.tools == ["first", "second"]
    again = ChatWidget(conversation=chat.conversation, tools=[first])
    assert again.tools == ["first", "second"]
    assert ChatWidget(conversation="new").tools == []
    offer = next(offer for offer in kernel_line().offers.all() if offer.conv_id == chat.conversation)
    assert [(item.schema.name, item.approval, item.timeout_s) for item in offer.tools] == [
        ("first", "never", None),
        ("second", "always", 3),
    ]
    chat.remove_tool("first")
    assert chat.tools == ["second"]
    with pytest.raises(KeyError, match="first"):
        chat.remove_tool("first")


@pytest.mark.rule("TL6")
def test_what_cannot_be_a_tool_or_an_engine_is_refused_and_changes_nothing(chat: ChatWidget) -> None:
    with pytest.raises(ConfigError, match="args"):
        chat.tool(lambda *args: args)
    with pytest.raises(ConfigError, match="wanted"):
        chat.engine(lambda messages, wanted: wanted)
    assert (chat.tools, chat.profile) == ([], "default")
    with pytest.raises(ConfigError, match="expected a function"):
        ChatWidget(conversation="c-x", tools=["price"])  # type: ignore[list-item]


@pytest.mark.rule("EN9")
def test_a_widget_with_an_engine_has_the_kernels_profile(chat: ChatWidget) -> None:
    assert ChatWidget(conversation="new", engine=lambda messages: "hi").profile == "kernel"
    assert ChatWidget("mine", conversation="new", engine=lambda messages: "hi").profile == "mine"

    @chat.engine
    def answer(prompt: str) -> str:
        return prompt

    assert (chat.profile, answer("x")) == ("kernel", "x")


def test_outcomes_and_records_are_the_same_after_the_line() -> None:
    for outcome in (
        ToolOutcome(result="text"),
        ToolOutcome(result="no", is_error=True),
        ToolOutcome(result="", shown=ToolContent("image/png", bytes(range(256)))),
        ToolOutcome(result="2", shown=ToolContent(TABLE, '{"data": []}')),
        ToolOutcome(result="kept", media_type="image/png", attachment_id="a1"),
    ):
        sent = msgspec.json.decode(msgspec.json.encode(Result.of(outcome)), type=Result)
        assert sent.to_outcome() == outcome
    for record in (TextDelta("ä"), ToolCallExecuting("c1", place="kernel")):
        assert unpack(pack(record)) == record
    with pytest.raises(msgspec.ValidationError, match="there is no record 'os'"):
        unpack(("os", {}))
    offer = Offer(conv_id="c1", revision=1)
    assert msgspec.convert(msgspec.to_builtins(offer), FromKernel) == offer  # type: ignore[arg-type]


@pytest.mark.rule("TL6")
def test_prints_are_taken_by_the_call_that_prints(capsys: pytest.CaptureFixture[str]) -> None:
    prints, stream = Prints(), sys.stdout
    with prints.taken() as outer:
        print("outer")
        with prints.taken() as inner:
            print("x" * (MAX_CHARS + 5))
        print("outer again", file=sys.stderr)
        assert sys.stdout.encoding == stream.encoding
    print("after")
    assert outer.text == "outer\nouter again"
    assert inner.text == "x" * MAX_CHARS + "\n… and 6 characters more"
    assert sys.stdout is stream
    assert capsys.readouterr().out == "after\n"
