"""What each middleware that ships does."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.unit.chat.chats import until
from tests.unit.chat.middlewares.engines import PlayedEngine, heard, history, request, text_of, wrapped
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
from webchat_nb.chat.middlewares import records_of
from webchat_nb.chat.middlewares.history_window import estimate_tokens, history_window
from webchat_nb.chat.middlewares.registry import MiddlewareRegistry
from webchat_nb.chat.plan import MiddlewareUse
from webchat_nb.errors import EngineError
from webchat_nb.testing.clock import ManualClock

OVERLOADED = EngineError("overloaded", code="overloaded", retryable=True)


@pytest.mark.parametrize(
    ("place", "given", "sent"),
    [
        ("after", "You are kind.", "You are kind.\n\nBe brief."),
        ("before", "You are kind.", "Be brief.\n\nYou are kind."),
        ("instead", "You are kind.", "Be brief."),
        ("after", None, "Be brief."),
    ],
)
async def test_the_system_prompt_is_added_to_or_replaced(place: str, given: str | None, sent: str) -> None:
    engine = PlayedEngine([TextDelta("ok")])
    around = wrapped(engine, "system_prompt", {"text": "Be brief.", "place": place})
    assert await text_of(around, request(system_prompt=given)) == "ok"
    assert engine.requests[0].plan.system_prompt == sent


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"max_turns": 0}, []),
        ({"max_turns": 2}, ["2222", "bbbb", "3333", "cccc"]),
        ({"max_turns": 9}, ["1111", "aaaa", "2222", "bbbb", "3333", "cccc"]),
        ({"max_tokens": 1}, []),  # the prompt alone is more, and is told all the same
        ({"max_tokens": 3}, []),  # 1 for the system prompt, 2 for the prompt
        ({"max_tokens": 4}, []),  # a turn is told whole or not at all
        ({"max_tokens": 5}, ["3333", "cccc"]),
        ({"max_tokens": 8}, ["2222", "bbbb", "3333", "cccc"]),
        ({"max_tokens": 9, "max_turns": 1}, ["3333", "cccc"]),
    ],
)
async def test_the_window_drops_the_oldest_turns_whole(config: dict[str, int], told: list[str]) -> None:
    engine = PlayedEngine([])
    messages = history("1111", "aaaa", "2222", "bbbb", "3333", "cccc")
    await heard(wrapped(engine, "history_window", config), request("prompt", system_prompt="kind", history=messages))
    assert [message.content for message in engine.requests[0].history] == told
    assert engine.requests[0].prompt == "prompt"


async def test_a_tokenizer_of_ones_own_counts() -> None:
    engine = PlayedEngine([])
    registry = MiddlewareRegistry({"history_window": history_window(count_tokens=lambda text: len(text.split()))})
    around = registry.wrap(engine, [MiddlewareUse("history_window", {"max_tokens": 5})])
    await heard(around, request("one two three", history=history("a long long", "story", "short", "one")))
    assert [message.content for message in engine.requests[0].history] == ["short", "one"]
    assert [estimate_tokens(text) for text in ("", "a", "four", "fives")] == [0, 1, 1, 2]


@pytest.mark.rule("MW3")
async def test_a_retryable_failure_before_the_first_record_is_tried_again_with_growing_jittered_waits() -> None:
    clock, engine = ManualClock(), PlayedEngine([OVERLOADED], [OVERLOADED], [OVERLOADED], [TextDelta("at last")])
    config = {"max_attempts": 4, "first_delay_s": 1.0, "max_delay_s": 3.0}
    run = asyncio.ensure_future(text_of(wrapped(engine, "retry", config, clock=clock, random=lambda: 0.5)))
    for attempts, wait_s in ((1, 0.5), (2, 1.0), (3, 1.5)):  # half of 1, 2 and, cut, 3 seconds
        await until(lambda attempts=attempts: engine.closed_count == attempts)
        clock.jump(wait_s - 0.001)
        await asyncio.sleep(0)
        assert len(engine.requests) == attempts
        clock.jump(0.002)
    assert await run == "at last"
    assert len(engine.requests) == 4


@pytest.mark.rule("MW3")
async def test_a_half_told_answer_is_never_told_twice() -> None:
    engine = PlayedEngine([TextDelta("half"), OVERLOADED], [TextDelta("again")])
    records = records_of(wrapped(engine, "retry"), request())
    assert await anext(records) == TextDelta("half")
    with pytest.raises(EngineError, match="overloaded"):
        await anext(records)
    assert len(engine.requests) == 1


@pytest.mark.rule("MW3")
@pytest.mark.parametrize("error", [EngineError("no such model"), ValueError("a bug")])
async def test_what_is_not_retryable_fails_at_once(error: Exception) -> None:
    engine = PlayedEngine([error], [TextDelta("again")])
    with pytest.raises(type(error)):
        await heard(wrapped(engine, "retry"))
    assert len(engine.requests) == 1


@pytest.mark.rule("MW3")
async def test_the_last_attempt_tells_its_failure() -> None:
    clock, engine = ManualClock(), PlayedEngine([OVERLOADED])
    run = asyncio.ensure_future(heard(wrapped(engine, "retry", {"max_attempts": 2}, clock=clock)))
    await until(lambda: engine.closed_count == 1)
    clock.jump(20)
    with pytest.raises(EngineError, match="overloaded"):
        await run
    assert len(engine.requests) == 2


@pytest.mark.rule("MW3")
async def test_the_engine_is_not_asked_before_it_wants_to_be() -> None:
    asked_to_wait = EngineError("slow down", code="rate_limited", retryable=True)
    asked_to_wait.retry_after_s = 7.0
    clock, engine = ManualClock(), PlayedEngine([asked_to_wait], [TextDelta("ok")])
    run = asyncio.ensure_future(text_of(wrapped(engine, "retry", clock=clock)))
    await until(lambda: engine.closed_count == 1)
    clock.jump(6.9)
    await asyncio.sleep(0)
    assert len(engine.requests) == 1
    clock.jump(0.2)
    assert await run == "ok"

    asked_to_wait.retry_after_s = 60.0  # longer than anybody waits for an answer
    engine = PlayedEngine([asked_to_wait])
    with pytest.raises(EngineError, match="slow down"):
        await heard(wrapped(engine, "retry", {"max_delay_s": 20.0}, clock=clock))


@pytest.mark.rule("MW3")
async def test_stopping_while_it_waits_ends_it() -> None:
    engine = PlayedEngine([OVERLOADED])
    run = asyncio.ensure_future(heard(wrapped(engine, "retry")))
    await until(lambda: engine.closed_count == 1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


def rounds(count: int) -> list[EngineEvent]:
    """Rounds of two parallel calls each."""
    records: list[EngineEvent] = []
    for number in range(count):
        calls = (f"{number}a", f"{number}b")
        records += [ToolCallStarted(call, "add") for call in calls]
        records += [ToolCallRequested(call, "{}") for call in calls]
        records += [ToolCallResult(call, "1") for call in calls]
        records.append(TextDelta("so"))
    return records


async def test_a_round_too_many_ends_the_run_before_its_tools_work() -> None:
    assert len(await heard(wrapped(PlayedEngine(rounds(2)), "step_limit", {"max_rounds": 2}))) == 14

    engine = PlayedEngine(rounds(3))
    told: list[EngineEvent] = []

    async def listen() -> None:
        async for record in wrapped(engine, "step_limit", {"max_rounds": 2}).run(request()):
            told.append(record)

    with pytest.raises(EngineError, match="2 rounds") as failed:
        await listen()
    assert told == rounds(2) and failed.value.engine_code == "step_limit" and not failed.value.retryable
    assert engine.closed_count == 1

    with pytest.raises(EngineError, match="0 rounds"):
        await heard(wrapped(PlayedEngine(rounds(1)), "step_limit", {"max_rounds": 0}))


@pytest.mark.rule("AC7")
async def test_the_log_has_counts_and_times_and_never_a_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock()

    async def pass_time() -> None:
        clock.jump(1.5)

    engine = PlayedEngine(
        [
            pass_time,
            ThinkingDelta("secret thought"),
            TextDelta("secret answer"),
            ToolCallStarted("1", "secret_tool"),
            ToolCallResult("1", "secret result", is_error=True),
            Usage(3, 4),
            pass_time,
            Finish("stop"),
        ]
    )
    await heard(wrapped(engine, "logging", clock=clock), request("secret prompt", system_prompt="secret"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "run run-1 of c1, profile default: finished after 3.000 s, first record after 1.500 s; "
        "prompt 13 chars, history 0 messages; "
        "6 records, answer 13 chars, thoughts 14 chars, calls 1 (1 failed), tokens 3 in, 4 out"
    )


async def test_the_log_tells_failures_by_their_code_and_runs_that_were_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for error in (EngineError("secret", code="rate_limited"), ValueError("secret")):
        with pytest.raises(type(error)):
            await heard(wrapped(PlayedEngine([error]), "logging", {"level": "debug"}))
    records = records_of(wrapped(PlayedEngine([TextDelta("x"), TextDelta("y")]), "logging"), request())
    await anext(records)
    await records.aclose()
    lines = [record.getMessage() for record in caplog.records if "profile" in record.getMessage()]
    assert [line.split("profile default: ")[1].split(" after")[0] for line in lines] == [
        "failed (rate_limited)",
        "failed (internal)",
        "closed",
    ]
    assert "secret" not in "".join(lines)
