# ruff: noqa: D102 - the name of a test is its sentence
"""What an engine does with thoughts, with tools, and with the usage of several rounds."""

from __future__ import annotations

import json

import pytest

from webchat_nb.chat.engine import ThinkingDelta, Usage
from webchat_nb.chat.tools import ToolOutcome
from webchat_nb.errors import EngineError
from webchat_nb.testing.engine_contract.account import Account, ToolDrawer, account_of, ask
from webchat_nb.testing.engine_contract.answers import CHOPS, TEXTS, EngineTests
from webchat_nb.testing.engine_contract.model import AskedCall, Reply

WEATHER = AskedCall(tool="weather", pieces=['{"ci', 'ty": "Kö', 'ln", "days', '": 2}'])
TIME = AskedCall(tool="time", pieces=['{"zone"', ': "CET"}'])
BOTH = Reply(texts=["Let me see."], calls=[WEATHER, TIME])


class ThoughtContract(EngineTests):
    """For an engine that can show thoughts."""

    @pytest.mark.rule("EN1")
    async def test_thoughts_are_apart_from_the_text(self) -> None:
        account = await self.told(Reply(thoughts=["Hm, ", "", "日本…"], texts=["Yes", "."]))
        assert account.story == [("think", "Hm, 日本…"), ("say", "Yes.")]
        assert all(record.text for record in account.records if isinstance(record, ThinkingDelta))

    @pytest.mark.rule("EN1")
    @pytest.mark.parametrize("chop", CHOPS)
    async def test_however_thoughts_are_cut_they_are_the_same(self, chop: int) -> None:
        account = await self.told(Reply(thoughts=TEXTS, texts=["Yes."]), chop=chop)
        assert account.story == [("think", "".join(TEXTS)), ("say", "Yes.")]


class ToolContract(EngineTests):
    """For an engine that can call tools."""

    @pytest.mark.rule("EN1", "EN8")
    async def test_a_calls_arguments_stream_and_are_what_is_requested(self) -> None:
        tools = ToolDrawer(weather='{"celsius": 18}')
        account = await self.told(Reply(calls=[WEATHER]), Reply(texts=["18."]), tools=tools)
        (call,) = account.calls.values()
        assert (call.tool, call.streamed) == ("weather", call.input)
        assert json.loads(call.streamed) == json.loads(WEATHER.input)
        assert (call.result, call.is_error) == ('{"celsius": 18}', False)
        assert call.steps == ["started", "requested", "executing", "result"]

    @pytest.mark.rule("EN1", "EN8")
    async def test_after_its_results_the_answer_goes_on(self) -> None:
        tools = ToolDrawer(weather="18", time="noon")
        account = await self.told(BOTH, Reply(texts=["18 at ", "noon."]), tools=tools)
        assert account.story == [
            ("say", "Let me see."),
            ("call", "weather"),
            ("call", "time"),
            ("say", "18 at noon."),
        ]
        assert sorted((call.tool, call.result) for call in account.calls.values()) == [
            ("time", "noon"),
            ("weather", "18"),
        ]
        assert sorted(json.loads(use.input).keys() for use in tools.used) == sorted([{"city", "days"}, {"zone"}])

    @pytest.mark.rule("EN8")
    async def test_a_tool_that_fails_does_not_end_the_answer(self) -> None:
        tools = ToolDrawer(weather=ToolOutcome(result="no such city", is_error=True))
        account = await self.told(Reply(calls=[WEATHER]), Reply(texts=["I do not know."]), tools=tools)
        (call,) = account.calls.values()
        assert (call.result, call.is_error, account.text) == ("no such city", True, "I do not know.")

    @pytest.mark.rule("EN8")
    async def test_without_a_tool_box_a_requested_tool_gets_an_error(self) -> None:
        account = await self.told(Reply(calls=[WEATHER]), Reply(texts=["Well."]))
        (call,) = account.calls.values()
        assert call.is_error
        assert call.result
        assert "weather" in call.result
        assert account.text == "Well."

    @pytest.mark.rule("EN1", "EN8")
    @pytest.mark.parametrize("chop", CHOPS)
    async def test_however_calls_are_cut_the_timeline_is_the_same(self, chop: int) -> None:
        rounds = BOTH, Reply(texts=["18 at ", "noon."])
        tools = ToolDrawer(weather="18", time="noon")
        whole, cut = await self.told(*rounds, tools=tools), await self.told(*rounds, tools=tools, chop=chop)
        assert cut.story == whole.story
        assert [(key, call.tool, call.streamed, call.input, call.result) for key, call in cut.calls.items()] == [
            (key, call.tool, call.streamed, call.input, call.result) for key, call in whole.calls.items()
        ]


class RoundContract(EngineTests):
    """For an engine that asks a model again after its tools were called."""

    @pytest.mark.rule("EN1", "EN8")
    async def test_usage_of_several_rounds_is_added_up(self) -> None:
        rounds = Reply(calls=[WEATHER], usage=(10, 20)), Reply(texts=["a"], usage=(30, 5))
        account = await self.told(*rounds, tools=ToolDrawer(weather="18"))
        assert account.usages[-1] == Usage(40, 25)

    @pytest.mark.rule("EN8")
    async def test_a_model_that_never_stops_calling_is_stopped(self) -> None:
        async with self.model(Reply(calls=[WEATHER])) as stage:
            account = Account()
            with pytest.raises(EngineError) as caught:
                await account_of(stage.engine, ask(plan=self.plan, tools=ToolDrawer(weather="18")), account)
        assert (caught.value.engine_code, caught.value.retryable) == ("too_many_rounds", False)
        assert 1 < len(account.calls) < 100
