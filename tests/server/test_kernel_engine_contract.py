"""The engine in a notebook's kernel keeps the engine contract: functions in a real kernel play the replies.

One kernel and one line to it for all of these tests, as a notebook has them; each test puts another function there.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from tests.contract.replies import values_of
from tests.server.kernels import Notebook
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.errors import EngineError
from webchat_nb.stream.model import SessionId
from webchat_nb.testing.engine_contract import Account, EngineContract, Reply, Stage, account_of, ask, in_time
from webchat_nb_server.kernel_engine import KernelEngine
from webchat_nb_server.kernels import JupyterKernels

CONVERSATION = "c"
"""That of the contract's requests."""

PLAYER = """
import asyncio, json, threading, time
from webchat_nb import ChatWidget
from webchat_nb.errors import EngineError

chat = ChatWidget(conversation="c")
pace_s = 0.002  # so that two at the same time take turns, and one is sent in several parts

def play(kind, values, end):
    left = threading.Event()  # one for each function: an earlier one cannot leave in the name of this one

    def fail():
        if end in ("busy", "wrong"):
            raise EngineError("no", retryable=end == "busy")

    async def async_generator():
        try:
            for value in values:
                yield value
                await asyncio.sleep(pace_s)
            fail()
            if end == "silent":
                await asyncio.Event().wait()
        finally:
            left.set()

    def generator():
        try:
            for value in values:
                yield value
                time.sleep(pace_s)
            fail()
            while end == "silent":
                yield None  # a generator can be let go only where it yields
                time.sleep(pace_s)
        finally:
            left.set()

    chat.engine({"async generator": async_generator, "generator": generator}[kind])
    return left
"""


class Place:
    """A kernel, and the line of a server to it."""

    def __init__(self, folder: str) -> None:
        self.runner = asyncio.Runner()
        self._manager = AsyncMappingKernelManager(connection_dir=folder, root_dir=folder)
        self._env = {**os.environ, "IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}
        self.kernels = JupyterKernels(self._manager)

    async def open(self) -> None:
        self.notebook = await Notebook.start(self._manager, env=self._env)
        await self.notebook.run(PLAYER)
        await self.kernels.bind(SessionId(CONVERSATION), "", self.notebook.kernel_id)

    async def close(self) -> None:
        await self.kernels.close()
        self.notebook.disconnect()
        await self._manager.shutdown_all(now=True)
        self._manager.context.destroy()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(str(tmp_path_factory.mktemp("kernel")))
    with place.runner as runner:
        runner.run(place.open())
        yield place
        runner.run(place.close())


class _KernelFunctions(EngineContract):
    """What both kinds of functions have in common."""

    plan = EnginePlan(profile="kernel", engine="kernel")
    kind: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _loop(self, place: Place) -> None:
        self.place = place
        self.runner = place.runner  # the line to the kernel lives on one loop, for longer than a test

    @asynccontextmanager
    async def model(self, *replies: Reply, chop: int = 0) -> AsyncIterator[Stage]:
        notebook = self.place.notebook
        values = [value for reply in replies for value in values_of(reply, chop)]
        said = json.dumps([self.kind, values, replies[-1].end])
        await notebook.run(f"left = play(*json.loads({said!r}))")

        async def left() -> None:
            await notebook.run("assert await asyncio.to_thread(left.wait, 10)")

        yield Stage(engine=KernelEngine(self.place.kernels), left=left)


@pytest.mark.rule("EN1", "EN9")
class TestKernelEngine(_KernelFunctions):
    kind = "async generator"

    async def account_of(self, last: str) -> tuple[Account, str]:
        """What comes of a function that says something and then does this, and how it fails."""
        cell = f"@chat.engine\nasync def answer():\n    yield 'one '\n    yield 'two '\n    {last}\n    yield 'three'"
        await self.place.notebook.run(cell)
        account, failure = Account(), ""
        try:
            await in_time(account_of(KernelEngine(self.place.kernels), ask(plan=self.plan), account))
        except EngineError as error:
            failure = error.message
        return account, failure

    async def test_half_a_surrogate_pair_takes_nothing_else_with_it(self) -> None:
        account, failure = await self.account_of("yield 'half \\ud83d '")
        assert (account.text, failure) == ("one two half ? three", "")
        account, failure = await self.account_of("raise ValueError('half \\ud83d')")
        assert (account.text, failure) == ("one two ", "The notebook's function failed: ValueError: half ?")

    @pytest.mark.parametrize("error", ["SystemExit", "asyncio.CancelledError", "BaseException"])
    async def test_whatever_a_function_raises_is_the_end_of_its_run_and_not_of_the_kernel(self, error: str) -> None:
        account, failure = await self.account_of(f"raise {error}")
        name = error.removeprefix("asyncio.")
        assert (account.text, failure) == ("one two ", f"The notebook's function failed: {name}")
        assert await self.place.notebook.evaluate("chat is not None") == "True"


@pytest.mark.rule("EN1", "EN9")
class TestKernelEngineInThread(_KernelFunctions):
    kind = "generator"
