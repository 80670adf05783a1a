"""Everything that a model's server can do wrong, through the real SDKs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.model_servers.anthropic import anthropic_answer, failure
from tests.model_servers.openai_chat import chat_answer
from tests.model_servers.openai_responses import responses_answer
from tests.model_servers.server import WireAnswer, json_answer
from tests.unit.engines.vendor_runs import running
from webchat_nb.engines.anthropic import anthropic_factory
from webchat_nb.engines.openai_chat import openai_chat_factory
from webchat_nb.engines.openai_responses import openai_responses_factory
from webchat_nb.engines.vendor import VendorFactory
from webchat_nb.errors import EngineError
from webchat_nb.testing.engine_contract import Reply

KEY = "sk-test-0123456789abcdef"
REPLY = Reply(texts=["some ", "text"])
Vendor = tuple[Callable[[], VendorFactory], Callable[[Reply], WireAnswer]]
VENDORS: list[Any] = [
    pytest.param((openai_chat_factory, chat_answer), id="openai"),
    pytest.param((openai_responses_factory, responses_answer), id="openai-responses"),
    pytest.param((anthropic_factory, anthropic_answer), id="anthropic"),
]
each_vendor = pytest.mark.parametrize("vendor", VENDORS)


async def error_of(vendor: Vendor, answer: WireAnswer, **plan: Any) -> EngineError:
    async with running(vendor[0](), answer, **plan) as runs:
        with pytest.raises(EngineError) as caught:
            await runs.run()
        assert len(runs.server.asked) == 1, "an SDK does not try again by itself"
    return caught.value


@pytest.mark.rule("EN5", "AC7")
@each_vendor
@pytest.mark.parametrize(
    ("status", "code", "is_retryable", "names"),
    [
        (400, "request_refused", False, "options of profile 'p': temperature is 9 … here"),
        (401, "key_refused", False, "MY_KEY"),
        (402, "quota_exceeded", False, "account"),
        (403, "key_refused", False, "MY_KEY"),
        (404, "unknown_model", False, "'tiny'"),
        (408, "model_unavailable", True, "408"),
        (413, "request_refused", False, "options"),
        (422, "request_refused", False, "options"),
        (429, "rate_limited", True, "too much to do"),
        (500, "model_unavailable", True, "500"),
        (503, "model_unavailable", True, "503"),
        (529, "model_unavailable", True, "529"),
    ],
)
async def test_a_refusal_is_told_with_what_to_mend_and_without_the_key(
    vendor: Vendor,
    status: int,
    code: str,
    is_retryable: bool,
    names: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG, logger="webchat_nb")
    body = {"error": {"message": f"temperature is 9 {KEY} here", "type": "some_error"}}
    error = await error_of(vendor, json_answer(status, body), api_key_env="MY_KEY")
    assert (error.engine_code, error.retryable) == (code, is_retryable)
    assert names in error.message
    assert KEY not in error.message + caplog.text
    assert "127.0.0.1" not in error.message


@pytest.mark.rule("EN5")
@each_vendor
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
async def test_how_long_to_wait_is_passed_on(vendor: Vendor, headers: dict[str, str], seconds: float | None) -> None:
    error = await error_of(vendor, json_answer(429, {"error": {"message": "slow down"}}, **headers))
    assert error.retry_after_s == seconds


@pytest.mark.rule("EN5")
@each_vendor
@pytest.mark.parametrize(
    ("body", "is_html"),
    [
        (b"<html><body>502 Bad Gateway at 10.0.0.1</body></html>", True),
        (b"", False),
        (b"\xff\xfe", False),
        (b"[1]", False),
    ],
)
async def test_a_proxys_page_is_not_quoted(vendor: Vendor, body: bytes, is_html: bool) -> None:
    kind = "text/html" if is_html else "application/json"
    for status in (400, 502):
        error = await error_of(vendor, WireAnswer(status=status, headers={"Content-Type": kind}, pieces=[body]))
        assert error.retryable is (status == 502)
        assert "<" not in error.message
        assert "10.0.0.1" not in error.message


@pytest.mark.rule("EN5")
async def test_an_empty_account_is_not_worth_another_try() -> None:
    body = {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}}
    error = await error_of((openai_chat_factory, chat_answer), json_answer(429, body))
    assert (error.engine_code, error.retryable) == ("quota_exceeded", False)


@pytest.mark.rule("EN5")
@each_vendor
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.9])
async def test_a_connection_that_is_cut_is_an_error_that_may_be_tried_again(vendor: Vendor, kept: float) -> None:
    stream = b"".join(vendor[1](REPLY).pieces)
    cut = WireAnswer(pieces=[stream[: int(len(stream) * kept)] or b":\n\n"], end="cut")
    error = await error_of(vendor, cut)
    assert (error.engine_code, error.retryable) == ("connection_failed", True)


@pytest.mark.rule("EN5")
@each_vendor
@pytest.mark.parametrize("kept", [0.0, 0.4, 0.7])
async def test_a_stream_that_ends_too_early_is_no_answer(vendor: Vendor, kept: float) -> None:
    """The server ends it in order, as a proxy does whose own connection was cut: the SDKs take that for the end."""
    pieces = vendor[1](REPLY).pieces
    error = await error_of(vendor, WireAnswer(pieces=pieces[: int(len(pieces) * kept)]))
    assert (error.engine_code, error.retryable) == ("broken_off", True)


@pytest.mark.rule("EN5")
@each_vendor
async def test_a_server_that_is_silent_for_too_long_is_an_error(vendor: Vendor) -> None:
    stalled = WireAnswer(pieces=vendor[1](REPLY).pieces[:2], end="silent")
    error = await error_of(vendor, stalled, options={"timeout": 0.05})
    assert (error.engine_code, error.retryable) == ("timed_out", True)


@pytest.mark.rule("EN5")
@each_vendor
async def test_a_server_that_is_not_there_is_an_error(vendor: Vendor) -> None:
    async with running(vendor[0](), base_url="http://127.0.0.1:9") as runs:
        with pytest.raises(EngineError) as caught:
            await runs.run()
    assert (caught.value.engine_code, caught.value.retryable) == ("connection_failed", True)


GARBAGE = [
    b"data: {not json}\n\n",
    b"data: \xff\xfe\xfd\n\n",
    b'data: {"choices": 5}\n\n',
    b'data: {"choices": [{"delta": 5}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {"content": {"a": 1}}}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {"tool_calls": [5]}}]}\n\n',
    b"data: 5\n\n",
    b"data: null\n\n",
    b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "delta": 5}\n\n',
    b'event: response.function_call_arguments.delta\ndata: {"type": "response.function_call_arguments.delta", "item_id": "?", "delta": "a"}\n\n',
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "a"}}\n\n',
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0}\n\n',
    b"event: message_start\ndata: [1, 2\n\n",
    b'event: message_start\ndata: {"type": "message_start"}\n\n',
    b"\x00\x01\x02" * 100,
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"<html>not a stream</html>",
]


@pytest.mark.rule("EN5")
@each_vendor
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_an_error_and_never_a_crash(vendor: Vendor, garbage: bytes) -> None:
    error = await error_of(vendor, WireAnswer(pieces=[garbage]))
    assert error.engine_code in ("unreadable_answer", "broken_off")
    assert error.retryable


@pytest.mark.rule("EN5")
@pytest.mark.parametrize(
    ("kind", "code", "is_retryable"),
    [
        ("overloaded_error", "model_unavailable", True),
        ("api_error", "model_unavailable", True),
        ("rate_limit_error", "rate_limited", True),
        ("invalid_request_error", "request_refused", False),
        ("authentication_error", "key_refused", False),
        ("something_new", "model_unavailable", True),
    ],
)
async def test_an_error_in_a_stream_is_known_by_its_kind(kind: str, code: str, is_retryable: bool) -> None:
    from tests.model_servers.anthropic import event

    pieces = [*anthropic_answer(REPLY).pieces[:4], event(failure(kind, "no"))]
    async with running(anthropic_factory(), WireAnswer(pieces=pieces)) as runs:
        with pytest.raises(EngineError) as caught:
            await runs.run()
    assert (caught.value.engine_code, caught.value.retryable) == (code, is_retryable)
    assert runs.account.text.startswith("some")
