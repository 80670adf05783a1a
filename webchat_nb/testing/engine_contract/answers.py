# ruff: noqa: D102 - the name of a test is its sentence
"""What an engine does with an answer: text, usage, errors, its end, and letting go."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import Any, ClassVar

import pytest

from webchat_nb.chat.engine import TextDelta, Usage
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.errors import EngineError
from webchat_nb.testing.aio import AsyncTests
from webchat_nb.testing.engine_contract.account import Account, ToolDrawer, account_of, ask
from webchat_nb.testing.engine_contract.model import Reply, Stage, in_time

TEXTS = (
    "Es ist ",
    "schön: ",
    "日本",
    "語, ",
    "👩‍🚀",
    " and\n\n",
    "`code`",
    ' "quoted" \\ ',
    "\u2028",
    "data: [DONE]\n\n",
)
"""Whatever breaks when bytes, lines or JSON are cut in the wrong place."""

CHOPS = (1, 2, 3, 7, 64, 1000)
"""Lengths of the pieces in which a stream arrives."""


class EngineTests(AsyncTests):
    """What every class of the contract begins with.

    Attributes:
        plan: What the requests carry.
    """

    plan: ClassVar[EnginePlan] = EnginePlan(profile="test", engine="test", model="tiny")

    @abstractmethod
    def model(self, *replies: Reply, chop: int = 0) -> AbstractAsyncContextManager[Stage]:
        """An engine whose model gives these replies, one each time it is asked, and the last one ever after.

        Args:
            replies: In order. An engine without a model, which is never asked again, gives them all at once.
            chop: How long the pieces are in which the model's stream arrives: bytes where there is a wire, else
                characters; 0: as the replies have them.
        """

    async def told(self, *replies: Reply, chop: int = 0, tools: ToolDrawer | None = None) -> Account:
        """What the engine makes of these replies."""
        async with self.model(*replies, chop=chop) as stage:
            return await account_of(stage.engine, ask(plan=self.plan, tools=tools))


class AnswerContract(EngineTests):
    """Text, usage, errors, the end, letting go."""

    @pytest.mark.rule("EN1")
    async def test_text_comes_in_order_and_whole(self) -> None:
        account = await self.told(Reply(texts=TEXTS))
        assert account.story == [("say", "".join(TEXTS))]

    @pytest.mark.rule("EN1")
    async def test_text_is_passed_on_as_it_arrives(self) -> None:
        reply = Reply(texts=["first", " second"], end="silent")
        async with self.model(reply) as stage, aclosing(stage.engine.run(ask(plan=self.plan))) as records:  # type: ignore[type-var]
            texts = ""
            while texts != "first second":
                record = await asyncio.wait_for(anext(records), timeout=20)
                texts += record.text if isinstance(record, TextDelta) else ""

    @pytest.mark.rule("EN1")
    async def test_pieces_are_never_empty(self) -> None:
        account = await self.told(Reply(texts=["c", "", "d"]))
        assert all(record.text for record in account.records if isinstance(record, TextDelta))
        assert account.text == "cd"

    @pytest.mark.rule("EN1")
    @pytest.mark.parametrize("chop", CHOPS)
    async def test_however_the_text_is_cut_it_is_the_same(self, chop: int) -> None:
        account = await self.told(Reply(texts=TEXTS, usage=(1, 2)), chop=chop)
        assert account.story == [("say", "".join(TEXTS))]
        assert account.usages[-1] == Usage(1, 2)

    @pytest.mark.rule("EN1")
    async def test_usage_is_told(self) -> None:
        account = await self.told(Reply(texts=["a"], usage=(10, 20)))
        assert account.usages[-1] == Usage(10, 20)

    @pytest.mark.rule("EN1")
    async def test_nothing_comes_after_the_finish(self) -> None:
        account = await self.told(Reply(texts=["some ", "text"], usage=(1, 1)))
        assert account.finishes in ([], [0])
        assert account.text == "some text"

    @pytest.mark.rule("EN1", "RN5")
    @pytest.mark.parametrize(("end", "is_retryable"), [("busy", True), ("wrong", False)])
    async def test_an_error_says_whether_trying_again_may_help(self, end: Any, is_retryable: bool) -> None:
        async with self.model(Reply(end=end)) as stage:
            with pytest.raises(EngineError) as caught:
                await account_of(stage.engine, ask(plan=self.plan))
        assert caught.value.retryable is is_retryable
        assert caught.value.message

    @pytest.mark.rule("EN1", "RN5")
    async def test_what_was_said_before_an_error_is_not_lost(self) -> None:
        async with self.model(Reply(texts=["half an "], end="busy")) as stage:
            account = Account()
            with pytest.raises(EngineError):
                await account_of(stage.engine, ask(plan=self.plan), account)
        assert (account.text, account.finishes) == ("half an ", [])

    @pytest.mark.rule("EN1")
    async def test_after_its_end_or_an_error_nothing_comes(self) -> None:
        for end in ("whole", "busy"):
            async with self.model(Reply(texts=["a"], end=end)) as stage:
                records: Any = stage.engine.run(ask(plan=self.plan))
                with suppress(EngineError):
                    async for _ in records:
                        pass
                with pytest.raises(StopAsyncIteration):
                    await anext(records)

    @pytest.mark.rule("EN1", "RN4")
    async def test_closing_a_run_lets_the_model_go(self) -> None:
        async with self.model(Reply(texts=["first"], end="silent")) as stage:
            records: Any = stage.engine.run(ask(plan=self.plan))
            while not isinstance(await anext(records), TextDelta):
                pass
            await in_time(records.aclose())
            await in_time(stage.left())

    @pytest.mark.rule("EN1", "RN4")
    async def test_cancelling_a_waiting_run_lets_the_model_go(self) -> None:
        async with self.model(Reply(texts=["first"], end="silent")) as stage:
            heard = asyncio.Event()

            async def listen() -> None:
                async with aclosing(stage.engine.run(ask(plan=self.plan))) as records:  # type: ignore[type-var]
                    async for record in records:
                        if isinstance(record, TextDelta):
                            heard.set()

            listening = asyncio.create_task(listen())
            await in_time(heard.wait())
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(listening, timeout=20)
            await in_time(stage.left())

    @pytest.mark.rule("EN1")
    async def test_two_answers_at_the_same_time_do_not_mix(self) -> None:
        async with self.model(Reply(texts=list("abcdef"))) as stage:
            one, other = await asyncio.gather(
                account_of(stage.engine, ask(plan=self.plan, root_id="t-1")),
                account_of(stage.engine, ask(plan=self.plan, root_id="t-2")),
            )
        assert (one.text, other.text) == ("abcdef", "abcdef")
