"""Tools of a browser: what its pages offer is in the run's tool box, and a call waits until one of them answers.

A call is told on the timeline, like every other. What a page answers comes in as a command, is in the log first, and
reaches the call that waits from there, also when another server took it.

Rule: TL7. Source: PROTOCOL §2 (``tools/manifest``, ``tools/results``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, final

import msgspec

from webchat_nb.chat.tools.browser.manifests import NO_ARGUMENTS, Manifests, Place, check_manifest
from webchat_nb.chat.tools.ports import Approval, Tool, ToolContext, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.contracts.v1.commands_pb2 import ChatAnswerToolCall
from webchat_nb.stream import Command, Hub
from webchat_nb.stream.clock import Clock, done_within
from webchat_nb.stream.model import SessionId
from webchat_nb.stream.observers import Committed
from webchat_nb.wire.requests import Limits
from webchat_nb.wire.tool_requests import ManifestAnswer, ManifestRequest, OfferedTool

LEASE_S: Final = 900.0
"""How long a manifest stands without being sent again."""

PERSON_TIMEOUT_S: Final = 600.0
"""How long a person has to answer, when the tool does not say."""

_SLACK_S: Final = 60.0
"""How much longer a call may take to be ended, when the store is slow, before the box ends it by itself."""

Answer = Callable[[SessionId, str, float], Awaitable[ToolOutcome]]
"""Waits for the answer to a call: given conversation, call and its time; an answer that did not come is one too."""


@final
class BrowserTools:
    """The tools of all pages, and the calls that wait for them. Fits ``ToolSource``; belongs to one event loop.

    Manifests are in memory only: a page sends its own again after every reconnect. They are known to the server they
    were sent to, which is that of the page's prompts when both go over one connection.

    Args:
        clock: Time.
        limits: What pages may send.
        timeout_s: How long a page may take, when its tool does not say.
    """

    def __init__(self, *, clock: Clock, limits: Limits, timeout_s: float) -> None:
        self._clock = clock
        self._limits = limits
        self._timeout_s = timeout_s
        self._manifests = Manifests()
        self._waiting: dict[tuple[SessionId, str], asyncio.Future[ToolOutcome]] = {}
        self._hub: Hub | None = None

    def attach(self, hub: Hub) -> None:
        """Say where calls are recorded as over, and where the answers that other servers took come from."""
        self._hub = hub
        if hub.store.sharing is not None:
            hub.observe(self._see)

    async def offer(self, session_id: SessionId, actor: str, request: ManifestRequest) -> ManifestAnswer:
        """Take what a page offers, instead of what it offered before; it is checked on a thread.

        Args:
            session_id: The conversation.
            actor: Who sent it, from the server's identity; only runs of this user have the tools.
            request: The manifest.

        Raises:
            BadRequestError, TooLargeError: As they say. What the page offered before stands.
        """
        await asyncio.to_thread(check_manifest, request, self._limits)
        now_s = self._clock.steady_s()
        place = Place(session_id, actor)
        self._manifests.put(place, request.client_id, request.tools, now_s=now_s, until_s=now_s + LEASE_S)
        return ManifestAnswer(tools=len(request.tools), lease_s=LEASE_S)

    def tools(self, session_id: SessionId, actor: str) -> Sequence[Tool]:
        """What the user's pages offer; of two pages with one name the page that spoke last is heard."""
        found = self._manifests.offered(Place(session_id, actor), now_s=self._clock.steady_s())
        by_name = {tool.name: tool for tool in found}
        return [BrowserTool(tool, timeout_s=self._time_of(tool), answer=self._answer) for tool in by_name.values()]

    def _time_of(self, tool: OfferedTool) -> float:
        """A person gets more time than a page."""
        usual_s = self._timeout_s if tool.answer_schema is None else max(self._timeout_s, PERSON_TIMEOUT_S)
        return usual_s if tool.timeout_s is None else tool.timeout_s

    def forget(self, session_id: SessionId) -> None:
        """The conversation is gone."""
        self._manifests.forget(session_id)

    def answered(self, session_id: SessionId, call_id: str, outcome: ToolOutcome) -> None:
        """Bring an answer that is in the log; the call may be another server's, or over."""
        waiting = self._waiting.get((session_id, call_id))
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    async def _answer(self, session_id: SessionId, call_id: str, timeout_s: float) -> ToolOutcome:
        """Wait for the first answer. When the time is over the log decides whether one was faster."""
        waiting: asyncio.Future[ToolOutcome] = asyncio.get_running_loop().create_future()
        self._waiting[session_id, call_id] = waiting
        try:
            if not await done_within(self._clock, waiting, timeout_s):
                await self._expire(session_id, call_id, timeout_s)
            return await waiting
        finally:
            del self._waiting[session_id, call_id]

    async def _expire(self, session_id: SessionId, call_id: str, timeout_s: float) -> None:
        assert self._hub is not None, "attach was not called"
        over = ChatAnswerToolCall(
            tool_call_id=call_id,
            result=f"No answer came from the browser within {timeout_s:g} s.",
            is_error=True,
            is_expired=True,
        )
        await self._hub.submit(Command(session_id=session_id, name="ChatAnswerToolCall", payload=over))

    def _see(self, committed: Committed) -> None:
        """Bring the answers that another server took."""
        if committed.is_own or not self._waiting:
            return
        for event in committed.events:
            if event.name == "ChatToolCallAnswered":
                answer: Any = event.payload
                outcome = ToolOutcome(result=answer.result, is_error=answer.is_error)
                self.answered(committed.session.session_id, answer.tool_call_id, outcome)


@final
class BrowserTool:
    """A tool of a page. Fits ``Tool``.

    Args:
        offered: As the manifest says.
        timeout_s: How long its calls wait.
        answer: Waits for the answer to a call.
    """

    def __init__(self, offered: OfferedTool, *, timeout_s: float, answer: Answer) -> None:
        self._offered = offered
        self._timeout_s = timeout_s
        self._answer = answer

    @property
    def schema(self) -> ToolSchema:
        """What a model is told of it."""
        offered = self._offered
        schema = NO_ARGUMENTS if offered.input_schema is None else offered.input_schema
        return ToolSchema(name=offered.name, description=offered.description, input_schema=schema)

    @property
    def approval(self) -> Approval:
        """As the page says; the person that is asked is the page's own user."""
        return self._offered.approval

    @property
    def timeout_s(self) -> float | None:
        """More than its calls take: they end by themselves, so that the log says which came first, answer or end."""
        return self._timeout_s + _SLACK_S

    async def call(self, use: ToolUse, context: ToolContext) -> ToolOutcome:
        """Tell the pages, and wait for the first answer; cancelling it leaves the call to nobody."""
        form = self._offered.answer_schema
        context.executing(place="browser", answer_schema="" if form is None else msgspec.json.encode(form).decode())
        return await self._answer(context.session_id, use.call_id, self._timeout_s)
