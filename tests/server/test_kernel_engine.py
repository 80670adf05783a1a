"""A function in a real kernel answers; the runs are those of a real Jupyter server. No browser is open."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp

from tests.server.kernels import WAIT_S, Notebook
from tests.unit.transports.chats import profiles_in
from webchat_nb.app import ChatApp
from webchat_nb.chat.engine import RunRequest
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.errors import RunFailedError
from webchat_nb.notebook.kernel.messages import RECORDS_AHEAD
from webchat_nb.stream.model import SessionId
from webchat_nb.wire.requests import DecisionRequest, Principal, SubmitRequest
from webchat_nb_server import WebChatExtension
from webchat_nb_server.kernel_engine import KernelEngine

CHAT = "from webchat_nb import ChatWidget\nimport asyncio, time\n"


@pytest.fixture
def jp_server_config(tmp_path: Path) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"webchat_nb_server": True, "jupyter_server_terminals": False}},
        "WebChatExtension": {"db": "memory", "profiles": profiles_in(tmp_path)},
    }


class Chat:
    """A conversation with the notebook's function."""

    def __init__(self, app: ChatApp, kernels: Any, notebook: Notebook) -> None:
        self.app = app
        self.kernels = kernels
        self.notebook = notebook

    async def bind(self, conv_id: str = "c1") -> Any:
        return await self.kernels.bind(SessionId(conv_id), "", self.notebook.kernel_id)

    def ask(self, prompt: str, conv_id: str = "c1", profile: str = "kernel") -> Any:
        return self.app.chat(prompt, conv_id=conv_id, profile=profile)

    async def answer(self, prompt: str, **more: Any) -> str:
        async with asyncio.timeout(WAIT_S):
            return str(await self.ask(prompt, **more).text())

    async def failure(self, prompt: str, **more: Any) -> RunFailedError:
        with pytest.raises(RunFailedError) as failed:
            await self.answer(prompt, **more)
        return failed.value

    async def stopped(self, prompt: str, *, after: int) -> RunFailedError:
        """Stop an answer after so many pieces of it."""
        answer = self.ask(prompt)

        async def read() -> None:
            count = 0
            async for _ in answer:
                count += 1
                if count == after:
                    await answer.stop()

        with pytest.raises(RunFailedError) as stopped:
            await asyncio.wait_for(read(), WAIT_S)
        return stopped.value

    async def payloads(self, kind: str) -> dict[str, Any]:
        """Of all entities of a kind, by id; none while the conversation does not exist."""
        if not (await self.app.hub.session(SessionId("c1"))).exists:
            return {}
        snapshot = await self.app.service.snapshot(Principal(), "c1")
        return {row.id: json.loads(row.payload) for row in snapshot.entities if row.kind == kind}


@pytest.fixture
def chat(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Chat]:
    extension: WebChatExtension = jp_serverapp.extension_manager.extension_points["webchat_nb"].app
    jp_asyncio_loop.run_until_complete(extension.runtime.ready())
    assert extension.runtime.app is not None
    notebook = jp_asyncio_loop.run_until_complete(Notebook.start(jp_serverapp.kernel_manager))
    yield Chat(extension.runtime.app, extension._kernels, notebook)
    notebook.disconnect()


@pytest.mark.rule("EN9")
async def test_functions_of_each_kind_answer_from_the_kernel(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
greeting = "Hello"
def shout(messages):
    return f"{greeting}, {messages[-1].content.upper()} ({len(messages)})"
chat = ChatWidget(conversation="c1", engine=shout)
"""
    )
    assert await chat.notebook.evaluate("chat.profile") == "'kernel'"
    assert (await chat.bind()).has_engine
    assert await chat.answer("one") == "Hello, ONE (1)"
    await chat.notebook.run("greeting = 'Bye'")
    assert await chat.answer("two") == "Bye, TWO (3)"
    await chat.notebook.run(
        "@chat.engine\nasync def slow(prompt):\n    await asyncio.sleep(0.01)\n    return 'async ' + prompt"
    )
    assert await chat.answer("three") == "async three"
    await chat.notebook.run(
        """
@chat.engine
def words(prompt, request):
    yield {"think": "Hm."}
    for number in range(2000):
        yield f"w{number} "
    yield {"usage": {"input_tokens": 3, "output_tokens": 4}}
    yield {"finish": "length"}
"""
    )
    assert (await chat.answer("four")).split() == [f"w{number}" for number in range(2000)]
    await chat.notebook.run(
        "@chat.engine\nasync def streaming():\n    for word in ('a ', 'b ', 'c'):\n        yield word"
    )
    assert await chat.answer("five") == "a b c"


@pytest.mark.rule("EN9")
async def test_text_streams_while_the_function_works_and_a_stop_ends_it(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
async def on_and_on(prompt):
    global ended
    ended = False
    try:
        for number in range(10_000):
            yield f"{number} "
            await asyncio.sleep(0.01)
    finally:
        ended = True
chat = ChatWidget(conversation="c1", engine=on_and_on)
"""
    )
    await chat.bind()
    assert (await chat.stopped("go", after=5)).status == "stopped"
    async with asyncio.timeout(WAIT_S):
        while await chat.notebook.evaluate("ended") != "True":
            await asyncio.sleep(0.05)


@pytest.mark.rule("EN9")
async def test_a_stop_ends_a_function_that_blocks_the_kernel(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
async def block():
    yield "begun"
    time.sleep(100)
chat = ChatWidget(conversation="c1", engine=block)
"""
    )
    await chat.bind()
    await chat.stopped("go", after=1)
    async with asyncio.timeout(10):
        assert await chat.notebook.evaluate("1 + 1") == "2"


@pytest.mark.rule("EN9", "TL6")
async def test_the_function_calls_tools_and_asks_the_person(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
def work():
    outcome = yield {"call": {"tool": "double", "args": {"number": 21}}}
    yield f"It is {outcome.result}. "
    gone = yield {"call": {"tool": "gone", "args": {}}}
    yield f"{gone.is_error}. "
    said = yield {"ask": {"question": "Who are you?"}}
    yield f"Hello {said['answer']}."

def double(number: int) -> int:
    return number * 2

chat = ChatWidget(conversation="c1", engine=work, tools=[double])
"""
    )
    assert (await chat.bind()).tools == ("double",)
    running = asyncio.create_task(chat.answer("go"))
    async with asyncio.timeout(WAIT_S):
        while not (asked := await chat.payloads("ChatApproval")):
            await asyncio.sleep(0.05)
    ((approval_id, question),) = asked.items()
    assert question["question"] == "Who are you?"
    request = DecisionRequest(decision="approve", input='{"answer": "Ann"}')
    await chat.app.service.decide(Principal(), "c1", approval_id, request)
    assert await running == "It is 42. True. Hello Ann."
    results = [payload["result"] for payload in (await chat.payloads("ChatToolResult")).values()]
    assert results == ["42", "no tool gone is registered"]


@pytest.mark.rule("EN9")
async def test_what_goes_wrong_is_told_and_may_be_tried_again(chat: Chat) -> None:
    failed = await chat.failure("nobody")
    assert "No function of a notebook answers here" in str(failed) and failed.retryable
    await chat.notebook.run(
        CHAT
        + """
def fail(prompt):
    yield "Half a "
    raise ValueError("no luck")
chat = ChatWidget(conversation="c1", engine=fail)
"""
    )
    await chat.bind()
    failed = await chat.failure("go")
    assert str(failed) == "The notebook's function failed: ValueError: no luck" and failed.retryable
    chat.kernels.busy_timeout_s = 0.5
    chat.notebook.begin("free = False\nwhile not free:\n    time.sleep(0.01)")
    await chat.notebook.until_busy()
    failed = await chat.failure("go")
    assert str(failed) == "The notebook's kernel was busy for 0.5 s." and failed.retryable
    await chat.notebook.kernel.interrupt_kernel()


@pytest.mark.rule("EN9")
async def test_a_kernel_that_dies_ends_the_run_with_an_error_that_may_be_tried_again(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
async def hang():
    yield "begun"
    await asyncio.sleep(1000)
chat = ChatWidget(conversation="c1", engine=hang)
"""
    )
    await chat.bind()
    chat.notebook.kernel.stop_restarter()
    failure = asyncio.create_task(chat.failure("go"))
    async with asyncio.timeout(WAIT_S):
        while "begun" not in [payload.get("content") for payload in (await chat.payloads("ChatMessage")).values()]:
            await asyncio.sleep(0.05)
    os.kill(chat.notebook.kernel.provisioner.process.pid, signal.SIGKILL)
    failed = await failure
    assert str(failed) == "The notebook's kernel has died." and failed.retryable and failed.status == "failed"


@pytest.mark.rule("EN9")
async def test_a_function_that_says_more_than_is_taken_in_waits(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
async def flood():
    global said
    said = 0
    while True:
        said += 1
        yield "x"
chat = ChatWidget(conversation="c1", engine=flood)
"""
    )
    await chat.bind()
    request = RunRequest(
        session_id="c1",
        run_id="r1",
        root_id="t1",
        prompt="go",
        turn=1,
        history=[],
        plan=EnginePlan(profile="kernel", engine="kernel"),
    )
    async with aclosing(KernelEngine(chat.kernels).run(request)) as records:  # type: ignore[type-var]
        await anext(records)
        said = [await chat.notebook.evaluate("said") for _ in range(20)]
        assert int(said[-1]) <= RECORDS_AHEAD + 1
        for _ in range(3 * RECORDS_AHEAD):
            await anext(records)
        assert int(await chat.notebook.evaluate("said")) <= 5 * RECORDS_AHEAD


@pytest.mark.rule("EN9", "AT1")
async def test_the_function_reads_the_files_of_the_prompt(chat: Chat) -> None:
    await chat.notebook.run(
        CHAT
        + """
async def read(request):
    for file in request.attachments:
        yield f"{file.filename}: {(await file.read()).decode()}"
chat = ChatWidget(conversation="c1", engine=read)
"""
    )
    await chat.bind()
    service = chat.app.service
    await chat.answer("nothing yet")
    file = await service.upload_attachment(
        Principal(), "c1", content_type="text/plain", filename="a.txt", content="déjà vu".encode()
    )
    await service.submit(
        Principal(),
        SubmitRequest(prompt="read", conv_id="c1", profile="kernel", attachments=[file.attachment_id]),
        cookie_profile=None,
    )
    await service.wait_idle(Principal(), "c1")
    texts = [payload.get("content") for payload in (await chat.payloads("ChatMessage")).values()]
    assert texts[-1] == "a.txt: déjà vu"
