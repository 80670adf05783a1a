"""Real kernels of a real Jupyter server, and the conversations that they are bound to."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from webchat_nb.chat.tools import Ask, Tool, ToolDecision, ToolOutcome, ToolUse
from webchat_nb.stream.model import SessionId
from webchat_nb_server.kernels import JupyterKernels

WAIT_S = 30.0


class Notebook:
    """A kernel, as a notebook uses it."""

    def __init__(self, manager: Any, kernel_id: str) -> None:
        self.kernel_id = kernel_id
        self.manager = manager
        self.client: Any = None

    @classmethod
    async def start(cls, manager: Any, **how: Any) -> Notebook:
        """Start a kernel of a Jupyter server's kernel manager."""
        notebook = cls(manager, await manager.start_kernel(**how))
        await notebook.connect()
        return notebook

    @property
    def kernel(self) -> Any:
        return self.manager.get_kernel(self.kernel_id)

    async def connect(self) -> None:
        self.client = self.kernel.client()
        self.client.session.session = secrets.token_hex(16)
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=WAIT_S)

    def disconnect(self) -> None:
        self.client.stop_channels()

    async def run(self, cell: str) -> Any:
        """Run a cell to its end."""
        reply = await self.client.execute(cell, reply=True, timeout=WAIT_S)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])
        return reply

    async def evaluate(self, expression: str) -> str:
        """The repr of an expression."""
        reply = await self.client.execute("", user_expressions={"it": expression}, reply=True, timeout=WAIT_S)
        told = reply["content"]["user_expressions"]["it"]
        assert told["status"] == "ok", told
        return str(told["data"]["text/plain"])

    async def run_in_subshell(self, cell: str) -> None:
        """Run a cell in a subshell of its own, beside the main thread."""
        client = self.client
        client.control_channel.send(client.session.msg("create_subshell_request", {}))
        created = await client.get_control_msg(timeout=WAIT_S)
        message = client.session.msg("execute_request", {"code": cell, "silent": False, "store_history": False})
        message["header"]["subshell_id"] = created["content"]["subshell_id"]
        client.shell_channel.send(message)

    def begin(self, cell: str) -> None:
        """Run a cell, and do not wait."""
        self.client.execute(cell)

    async def until_busy(self) -> None:
        """Wait until a cell works."""
        await until(lambda: self.kernel.execution_state == "busy")


async def until(is_so: Callable[[], Any]) -> None:
    """Wait for a fact that comes from another process."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():
            await asyncio.sleep(0.02)


class Context:
    """What a call tells, and how a person answers."""

    def __init__(self, answer: Callable[[Ask], Awaitable[ToolDecision]] | None = None) -> None:
        self.session_id = SessionId("c1")
        self.run_id = "r1"
        self.actor = ""
        self.places: list[str] = []
        self.words: list[str] = []
        self.asked: list[Ask] = []
        self._answer = answer

    def executing(self, *, place: str = "", answer_schema: str = "") -> None:
        self.places.append(place)

    def progress(self, text: str) -> None:
        self.words.append(text)

    async def ask(self, ask: Ask) -> ToolDecision:
        self.asked.append(ask)
        assert self._answer is not None
        return await self._answer(ask)


class Desk:
    """Tools of one conversation."""

    def __init__(self, kernels: JupyterKernels, conv_id: str = "c1", actor: str = "") -> None:
        self.kernels = kernels
        self.conv_id = SessionId(conv_id)
        self.actor = actor

    async def bind(self, notebook: Notebook) -> list[str]:
        return sorted((await self.kernels.bind(self.conv_id, self.actor, notebook.kernel_id)).tools)

    def names(self) -> list[str]:
        return [tool.schema.name for tool in self.kernels.tools(self.conv_id, self.actor)]

    def tool(self, name: str) -> Tool:
        (found,) = [tool for tool in self.kernels.tools(self.conv_id, self.actor) if tool.schema.name == name]
        return found

    async def call(self, name: str, context: Context | None = None, /, **arguments: Any) -> ToolOutcome:
        use = ToolUse(call_id="call-1", name=name, input=msgspec.json.encode(arguments).decode())
        async with asyncio.timeout(WAIT_S):
            return await self.tool(name).call(use, context or Context())
