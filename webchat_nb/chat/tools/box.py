"""The tools of one run: found by name, allowed by a person where one is asked, timed, and their results kept.

Whatever goes wrong is a result that a model can go on from.

Rule: TL1, TL4, TL5, TL8.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, final

import msgspec

from webchat_nb.chat.approvals import ApprovalDesk
from webchat_nb.chat.engine import ApprovalAsked, ToolCallRequested
from webchat_nb.chat.tools.context import CallContext
from webchat_nb.chat.tools.failures import log_failure, words_of
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.chat.tools.ports import Approval, Tell, Tool, ToolDecision, ToolOutcome, ToolSchema, ToolUse
from webchat_nb.chat.tools.stopwatch import Stopwatch, TimeOverError, finish_in_time
from webchat_nb.errors import ToolError, WebchatError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.model import SessionId

Keep = Callable[[ToolUse, ToolOutcome], Awaitable[ToolOutcome]]
"""Cuts what is too long and keeps what a person is shown; returns the outcome that is told."""

_log = logging.getLogger(__name__)


@final
class RunToolBox:
    """Fits ``ToolBox``.

    Args:
        tools: In their order; of two with the same name the first is meant.
        approvals: ``never`` or ``always`` by tool name, instead of what the tool says.
        session_id: The conversation.
        run_id: The run.
        actor: Whose prompt it is.
        desk: Where decisions come in.
        clock: Time.
        limits: For tools that do not say otherwise.
        keep: What is done with each result.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        approvals: Mapping[str, str],
        session_id: SessionId,
        run_id: str,
        actor: str,
        desk: ApprovalDesk,
        clock: Clock,
        limits: ToolLimits,
        keep: Keep,
    ) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self._tools.setdefault(tool.schema.name, tool)
        self._approvals = approvals
        self._session_id = session_id
        self._run_id = run_id
        self._actor = actor
        self._desk = desk
        self._clock = clock
        self._limits = limits
        self._keep = keep
        self._called: set[str] = set()
        self._leaving: set[asyncio.Task[Any]] = set()

    def schemas(self) -> Sequence[ToolSchema]:
        """What a model is told of each, in their order."""
        return [tool.schema for tool in self._tools.values()]

    async def call(self, use: ToolUse, tell: Tell) -> ToolOutcome:
        """Call a tool; see ``ToolBox``. A call is made once, whatever a model says."""
        tool = self._tools.get(use.name)
        if tool is None:
            return _error(f"no tool {use.name[:100]} is registered")
        if use.call_id in self._called:
            return _error("not called: a call with the same id was made before")
        self._called.add(use.call_id)
        arguments = _read_arguments(use.input)
        if isinstance(arguments, str):
            return _error(arguments)
        if not use.input.strip():
            use = msgspec.structs.replace(use, input="{}")
        try:
            is_asked = self._desk.knows(f"{use.call_id}:approval")  # before a restart: what is said then stands (TL9)
            if is_asked or await self._wants_approval(tool, arguments):
                decision = await self.decide(use, tell)
                if not decision.is_approved:
                    return _error(f"The user did not allow this call. {decision.reason}".strip())
                if decision.input is not None and decision.input != use.input:
                    use = msgspec.structs.replace(use, input=decision.input)
                    tell(ToolCallRequested(use.call_id, use.input))
            return await self._keep(use, await self._work(tool, use, tell))
        except ToolError as error:
            return await self._keep(use, _error(error.message))
        except WebchatError as error:
            _log.warning("the tool %s could not be called: %s", use.name, error)
            return _error("The call could not be made; the server's log says why.")
        except Exception as error:  # noqa: BLE001 - a model can go on from whatever a tool raises (TL1)
            log_failure(_log, f"the tool {use.name} failed", error)
            return await self._keep(use, _error(words_of(error)))

    async def decide(self, use: ToolUse, tell: Tell) -> ToolDecision:
        """Ask a person about a call; see ``ToolBox``. A call that was asked about is not asked about again.

        Raises:
            WebchatError: The expiry could not be recorded.
        """
        approval_id, tool = f"{use.call_id}:approval", self._tools.get(use.name)
        expires_s = self._limits.approval_expires_s
        expires_at_ms = None if expires_s is None else self._clock.now_ms() + round(expires_s * 1000)
        if not self._desk.knows(approval_id):
            tell(
                ApprovalAsked(
                    approval_id=approval_id,
                    call_id=use.call_id,
                    tool_name=use.name,
                    input=use.input,
                    expires_at_ms=expires_at_ms,
                    schema="" if tool is None else msgspec.json.encode(tool.schema.input_schema).decode(),
                )
            )
        return await self._desk.decision(approval_id, expires_at_ms=expires_at_ms)

    async def _wants_approval(self, tool: Tool, arguments: dict[str, Any]) -> bool:
        """As the profile says, else the tool; one that cannot say it is asked about (TL4)."""
        name = tool.schema.name
        approval: Approval | str = self._approvals.get(name, tool.approval)
        if isinstance(approval, str):
            return approval != "never"
        try:
            wanted = approval(arguments)
            if inspect.isawaitable(wanted):
                watch = Stopwatch(self._clock, self._timeout_s(tool))
                wanted = await finish_in_time(watch, _awaited(wanted), self._leaving)
            return bool(wanted)
        except Exception as error:  # noqa: BLE001 - whatever it raises: nobody has said that the call is harmless
            log_failure(_log, f"whether a person is asked about {name} cannot be said, so one is", error)
            return True

    async def _work(self, tool: Tool, use: ToolUse, tell: Tell) -> ToolOutcome:
        """Let the tool work, no longer than it may."""
        timeout_s = self._timeout_s(tool)
        watch = Stopwatch(self._clock, timeout_s)
        context = CallContext(
            use,
            session_id=self._session_id,
            run_id=self._run_id,
            actor=self._actor,
            desk=self._desk,
            tell=tell,
            clock=self._clock,
            watch=watch,
            expires_s=self._limits.approval_expires_s,
        )
        try:
            return await finish_in_time(watch, tool.call(use, context), self._leaving, leave=context.close)
        except TimeOverError:
            raise ToolError(f"The tool took longer than {timeout_s:g} s.") from None
        finally:
            context.close()

    def _timeout_s(self, tool: Tool) -> float:
        return self._limits.timeout_s if tool.timeout_s is None else tool.timeout_s


def _error(message: str) -> ToolOutcome:
    return ToolOutcome(result=message, is_error=True)


def _read_arguments(text: str) -> dict[str, Any] | str:
    """The arguments, or what is wrong with them; none at all is none given."""
    try:
        arguments = msgspec.json.decode(text.strip() or "{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return f"not called: the arguments are not JSON: {error}"
    if not isinstance(arguments, dict):
        return f"not called: expected the arguments as a JSON object, got {type(arguments).__name__}"
    return arguments


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value
