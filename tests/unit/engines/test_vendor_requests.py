"""What the vendors' engines ask for: the whole of each request, as the server gets it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model_servers.anthropic import anthropic_answer
from tests.model_servers.openai_chat import DONE, chat_answer, chunk
from tests.model_servers.openai_responses import responses_answer
from tests.model_servers.server import WireAnswer
from tests.unit.engines.test_vendor_errors import VENDORS, Vendor, each_vendor
from tests.unit.engines.vendor_runs import running
from webchat_nb.chat.engine import AttachedFile, Finish, HistoryMessage, TextDelta, ToolCallRequested, Usage
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.steering import SteeredPrompt, SteeringInbox
from webchat_nb.chat.tools import ToolOutcome
from webchat_nb.engines.anthropic import anthropic_factory
from webchat_nb.engines.openai_chat import openai_chat_factory
from webchat_nb.engines.openai_responses import openai_responses_factory
from webchat_nb.errors import ConfigError, EngineError
from webchat_nb.testing.engine_contract import AskedCall, Reply, ToolDrawer

HISTORY = [
    HistoryMessage(role="user", content="one"),
    HistoryMessage(role="assistant", content="1"),
    HistoryMessage(role="user", content="two"),
    HistoryMessage(role="assistant", content="", status="failed"),
    HistoryMessage(role="user", content="three"),
    HistoryMessage(role="assistant", content="half an an", status="stopped"),
]
TOLD = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "1"},
    {"role": "user", "content": "two"},
    {"role": "assistant", "content": "[This answer failed before its end.]"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "half an an\n\n[This answer was stopped by the user before its end.]"},
    {"role": "user", "content": "four"},
]
CALLS = Reply(
    thoughts=["hm"],
    texts=["Well. "],
    calls=[AskedCall(tool="a", pieces=['{"x"', ": 1}"]), AskedCall(tool="b", pieces=[])],
)
ENDED = Reply(texts=["done"])


def files(*kinds: tuple[str, bytes]) -> list[AttachedFile]:
    def attached(media_type: str, content: bytes) -> AttachedFile:
        async def load() -> bytes:
            return content

        return AttachedFile(
            attachment_id="a", media_type=media_type, filename="f.x", size_bytes=len(content), load=load
        )

    return [attached(*kind) for kind in kinds]


@pytest.mark.rule("EN3", "RN7")
@each_vendor
async def test_the_model_is_told_the_system_prompt_and_the_history_with_its_marks(vendor: Vendor) -> None:
    async with running(vendor[0](), vendor[1](ENDED), system_prompt="Be brief.") as runs:
        await runs.run(prompt="four", history=HISTORY)
        (asked,) = runs.server.asked
    body: dict[str, Any] = asked.body
    messages = body.get("messages") or body["input"]
    system = body.get("system") or body.get("instructions")
    if system is None:
        system, messages = messages[0], messages[1:]
        assert system.pop("role") == "system"
        system = system["content"]
    assert (system, messages) == ("Be brief.", TOLD)
    assert (body["model"], body["stream"]) == ("tiny", True)


@pytest.mark.rule("EN3")
@each_vendor
async def test_options_are_passed_on_whether_the_sdk_knows_them_or_not(vendor: Vendor) -> None:
    options = {"temperature": 0.5, "top_k": 3, "extra_body": {"min_p": 0.1}, "mirostat": None, "max_rounds": 3}
    async with running(vendor[0](), vendor[1](ENDED), options=options) as runs:
        await runs.run()
        body = runs.server.asked[0].body
    assert (body["temperature"], body["top_k"], body["min_p"]) == (0.5, 3, 0.1)
    assert not body.keys() & {"mirostat", "max_rounds", "extra_body"}


@pytest.mark.rule("EN3")
async def test_an_option_that_is_null_takes_back_what_the_engine_would_send() -> None:
    async with running(openai_chat_factory(), chat_answer(ENDED), options={"stream_options": None}) as runs:
        await runs.run()
        assert "stream_options" not in runs.server.asked[0].body


@pytest.mark.rule("EN3")
@each_vendor
@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"model": None}, "profile 'p': model: expected the name of a model, got none"),
        ({"options": {"api_key": "sk-secret"}}, "options: api_key is not an option"),
        ({"options": {"stream": False}}, "options: stream is not an option"),
        ({"options": {"max_rounds": 0}}, "options: max_rounds: expected a number of at least 1"),
    ],
)
def test_a_plan_that_cannot_be_used_builds_no_engine(vendor: Vendor, plan: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        vendor[0]()(EnginePlan(**{"profile": "p", "engine": "e", "model": "tiny", **plan}))
    assert "secret" not in caught.value.message


def sent_key(headers: Any) -> str:
    return headers.get("X-Api-Key") or headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.rule("EN5", "AC7")
@each_vendor
async def test_the_key_is_read_when_it_is_needed(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(vendor[0](), vendor[1](ENDED), api_key_env="MY_KEY") as runs:
        monkeypatch.delenv("MY_KEY", raising=False)
        with pytest.raises(EngineError, match="MY_KEY is not set") as caught:
            await runs.run()
        assert (caught.value.engine_code, caught.value.retryable) == ("no_key", False)
        for key in ("first-key", "second-key"):
            monkeypatch.setenv("MY_KEY", key)
            await runs.run()
        assert [sent_key(asked.headers) for asked in runs.server.asked] == ["first-key", "second-key"]
        assert "first-key" not in runs.plan.signature


@pytest.mark.rule("EN5", "AC7")
@each_vendor
async def test_the_vendors_own_key_goes_to_no_other_server(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "sk-precious")
    async with running(vendor[0](), vendor[1](ENDED)) as runs:
        await runs.run()
        assert "sk-precious" not in str(runs.server.asked[0].headers)


@pytest.mark.rule("EN5", "PF2")
@each_vendor
def test_what_a_profile_lacks_is_told(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = vendor[0]()
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (lacking,) = factory.lacks(EnginePlan(profile="p", engine="e", model="m"))
    assert lacking.endswith("_API_KEY in the environment")
    assert factory.lacks(EnginePlan(profile="p", engine="e", model="m", base_url="http://127.0.0.1:1")) == []
    monkeypatch.setenv(lacking.split()[0], "x")
    assert factory.lacks(EnginePlan(profile="p", engine="e", model="m")) == []


@pytest.mark.rule("EN4", "EN8")
async def test_chat_completions_get_the_calls_and_their_results() -> None:
    tools = ToolDrawer(a="1", b=ToolOutcome(result="no", is_error=True))
    async with running(openai_chat_factory(), chat_answer(CALLS), chat_answer(ENDED)) as runs:
        account = await runs.run(tools=tools)
        first, second = runs.server.asked
    assert account.text == "Well. done"
    schema = {"type": "object", "properties": {}}
    assert first.body["tools"] == [
        {"type": "function", "function": {"name": name, "description": f"Answers for {name}.", "parameters": schema}}
        for name in ("a", "b")
    ]
    assert second.body["messages"] == [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "Well. ",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "call_0", "type": "function", "function": {"name": "a", "arguments": '{"x": 1}'}},
                {"id": "call_1", "type": "function", "function": {"name": "b", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "1"},
        {"role": "tool", "tool_call_id": "call_1", "content": "no"},
    ]


@pytest.mark.rule("EN4", "EN8")
async def test_responses_get_their_items_back_with_sealed_thoughts() -> None:
    async with running(openai_responses_factory(), responses_answer(CALLS), responses_answer(ENDED)) as runs:
        await runs.run(tools=ToolDrawer(a="1", b="2"))
        first, second = runs.server.asked
    assert (first.body["store"], first.body["include"]) == (False, ["reasoning.encrypted_content"])
    assert [item.get("type", item.get("role")) for item in second.body["input"]] == [
        "user",
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert second.body["input"][1]["encrypted_content"] == "sealed"
    assert second.body["input"][5] == {"type": "function_call_output", "call_id": "call_0", "output": "1"}


@pytest.mark.rule("EN4", "EN8")
async def test_messages_get_their_blocks_back_with_signed_thoughts() -> None:
    tools = ToolDrawer(a="1", b=ToolOutcome(result="no", is_error=True))
    async with running(anthropic_factory(), anthropic_answer(CALLS), anthropic_answer(ENDED)) as runs:
        await runs.run(tools=tools)
        second = runs.server.asked[1].body
    assert second["messages"] == [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sealed"},
                {"type": "text", "text": "Well. "},
                {"type": "tool_use", "id": "toolu_0", "name": "a", "input": {"x": 1}},
                {"type": "tool_use", "id": "toolu_1", "name": "b", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_0", "content": "1", "is_error": False},
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True},
            ],
        },
    ]


@pytest.mark.rule("EN4", "RN13")
@each_vendor
async def test_what_is_steered_is_told_after_the_results(vendor: Vendor) -> None:
    inbox = SteeringInbox()
    inbox.put("r2", SteeredPrompt(message_id="m2", prompt="and quick"))
    async with running(vendor[0](), vendor[1](CALLS), vendor[1](ENDED)) as runs:
        await runs.run(tools=ToolDrawer(a="1", b="2"), steering=inbox)
        body = runs.server.asked[1].body
    assert inbox.to_record() == ["r2"]
    last = (body.get("messages") or body["input"])[-1]
    assert last["role"] == "user"
    assert last["content"] == "and quick" or last["content"][-1] == {"type": "text", "text": "and quick"}


@pytest.mark.rule("EN3")
@each_vendor
async def test_files_go_with_their_prompt(vendor: Vendor) -> None:
    attachments = files(("image/png", b"\x89PNG"), ("text/csv", b"a,b"), ("application/pdf", b"%PDF"))
    async with running(vendor[0](), vendor[1](ENDED)) as runs:
        await runs.run(prompt="look", attachments=attachments)
        body = runs.server.asked[0].body
    content = str((body.get("messages") or body["input"])[-1]["content"])
    for part in ("look", "iVBORw==", "f.x:\\na,b", "JVBERg=="):
        assert part in content


@pytest.mark.rule("EN4")
async def test_calls_that_all_have_one_number_are_told_apart_by_their_ids() -> None:
    def whole(id: str, name: str) -> bytes:
        return chunk({"tool_calls": [{"index": 0, "id": id, "function": {"name": name, "arguments": "{}"}}]})

    answer = WireAnswer(pieces=[whole("x", "a"), whole("y", "b"), chunk({}, "stop"), DONE])
    async with running(openai_chat_factory(), answer, chat_answer(ENDED)) as runs:
        account = await runs.run(tools=ToolDrawer(a="1", b="2"))
    assert [(call.tool, call.result) for call in account.calls.values()] == [("a", "1"), ("b", "2")]
    assert account.text == "done"


@pytest.mark.rule("EN4")
async def test_a_call_that_the_limit_cut_is_not_made() -> None:
    begun = chunk({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "rm", "arguments": '{"path": "/'}}]})
    answer = WireAnswer(pieces=[begun, chunk({}, "length"), DONE])
    tools = ToolDrawer(rm="gone")
    async with running(openai_chat_factory(), answer) as runs:
        account = await runs.run(tools=tools)
    assert not tools.used
    assert not any(isinstance(record, ToolCallRequested) for record in account.records)
    assert account.records[-1] == Finish("length")


@pytest.mark.rule("EN4")
async def test_a_refusal_is_text_and_a_reason() -> None:
    answer = WireAnswer(pieces=[chunk({"refusal": "I will not."}), chunk({}, "stop"), DONE])
    async with running(openai_chat_factory(), answer) as runs:
        account = await runs.run()
    assert account.records == [TextDelta("I will not."), Finish("refusal")]


@pytest.mark.rule("EN4")
@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_thoughts_are_found_under_both_names(name: str) -> None:
    answer = chat_answer(Reply(thoughts=["hm"], texts=["a"]), thoughts_as=name)
    async with running(openai_chat_factory(), answer) as runs:
        assert (await runs.run()).story == [("think", "hm"), ("say", "a")]


@pytest.mark.rule("EN4")
async def test_half_a_surrogate_pair_does_not_end_the_answer() -> None:
    half = b'data: {"choices": [{"index": 0, "delta": {"content": "a\\ud83d"}}]}\n\n'
    answer = WireAnswer(pieces=[half, chunk({}, "stop"), DONE])
    async with running(openai_chat_factory(), answer) as runs:
        assert (await runs.run()).text == "a\ufffd"


@pytest.mark.rule("EN4")
async def test_an_empty_answer_is_an_answer() -> None:
    for factory, wire in (param.values[0] for param in VENDORS):
        async with running(factory(), wire(Reply(usage=(5, 1)))) as runs:
            account = await runs.run()
        assert account.story == []
        assert account.records[-2:] == [Usage(5, 1), Finish("stop")]


@pytest.mark.rule("EN3")
async def test_two_prompts_use_one_connection() -> None:
    async with running(openai_chat_factory(), chat_answer(ENDED)) as runs:
        await runs.run()
        await runs.run()
        assert len(runs.server.connections) == 1
