"""Approvals: a person decides whether a tool call may be made, or answers a question; a plugin with a command of its own.

The question and the decision are events, so both survive a reload and a restart. The first valid decision stands; later
ones are told so. A run that ends takes its open questions along.

Rule: TL2, TL4, TL5, PG1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast, final

import msgspec

from webchat_nb.chat.engine import ApprovalAsked
from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.chat.tools import ToolDecision
from webchat_nb.chat.tools.schemas.forms import check_filled_in
from webchat_nb.contracts.v1.commands_pb2 import ChatDecideApproval
from webchat_nb.contracts.v1.entities_pb2 import ChatApproval
from webchat_nb.contracts.v1.events_pb2 import ChatToolApprovalDecided, ChatToolApprovalRequested
from webchat_nb.contracts.v1.ui_pb2 import UiApproval
from webchat_nb.errors import AlreadyDecidedError, ApprovalExpiredError, BadRequestError, UnknownApprovalError
from webchat_nb.stream import (
    CommandTurn,
    Event,
    Hub,
    LoggedEvent,
    Op,
    SchemaRegistry,
    Session,
    SessionId,
    TimelineView,
    UIEvent,
    Upsert,
)
from webchat_nb.stream.commands import Handler

KIND = "ChatApproval"
EXPIRE = "expire"
"""The decision that only the server makes: the time is over."""

_STATUSES = {"approve": "approved", "deny": "denied", EXPIRE: "expired"}

Decided = Callable[[SessionId, str, ToolDecision], None]
"""Told session, approval id and decision, after it is in the log."""


@final
class ApprovalPlugin:
    """Questions about tool calls, and their decisions.

    Attributes:
        decided: Told of each decision that this server commits or looks up; whoever waits is behind it.
    """

    name = "approvals"
    events: Collection[str] = ("ChatToolApprovalRequested", "ChatToolApprovalDecided")

    def __init__(self) -> None:
        self.decided: Decided = lambda *_: None

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """A command, two events, two UI events and an entity kind."""
        registry.command("ChatDecideApproval", ChatDecideApproval)
        registry.event("ChatToolApprovalRequested", ChatToolApprovalRequested)
        registry.event("ChatToolApprovalDecided", ChatToolApprovalDecided)
        registry.ui_event("tool.approval.requested", UiApproval)
        registry.ui_event("tool.approval.decided", UiApproval)
        registry.entity(KIND, ChatApproval)

    def handlers(self, hub: Hub) -> Mapping[str, Handler]:
        """Decides open questions, once each."""

        async def decide(turn: CommandTurn) -> dict[str, Any]:
            request: Any = turn.command.payload
            session_id = turn.session.session_id
            found: Any = await hub.entity(session_id, KIND, request.approval_id)
            if found is None:
                raise UnknownApprovalError(f"approvalId: no approval {request.approval_id[:200]!r}")
            approval = found.payload
            if approval.status != "pending":
                if request.decision != EXPIRE:
                    _refuse_late(approval.status)
                made = recorded_decision(approval)
                turn.after_commit(lambda: self.decided(session_id, approval.approval_id, made))
                return {"status": approval.status}
            is_over = 0 < approval.expires_at_ms <= hub.clock.now_ms()
            if is_over and request.decision != EXPIRE:
                raise ApprovalExpiredError("nobody decided in time")
            status, filled_in = _STATUSES[request.decision], await _filled_in(request, approval)
            if filled_in and not approval.question:
                status = "edited"
            decision = ChatToolApprovalDecided(
                approval_id=approval.approval_id,
                status=status,
                input=filled_in,
                reason=request.reason,
                actor="" if request.decision == EXPIRE else turn.command.actor,
            )
            turn.publish(Event(session_id=session_id, name="ChatToolApprovalDecided", payload=decision))
            made = to_decision(status, filled_in, request.reason)
            turn.after_commit(lambda: self.decided(session_id, approval.approval_id, made))
            return {"status": status}

        return {"ChatDecideApproval": decide}

    def open_run(self, run: RunIdentity) -> RunPart:
        """Follows the run's questions."""
        return ApprovalPart(run)

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """A question comes, and is decided."""
        payload: Any = event.payload
        if event.name == "ChatToolApprovalRequested":
            asked = ChatApproval(
                approval_id=payload.approval_id,
                tool_call_id=payload.tool_call_id,
                tool_name=payload.tool_name,
                input=payload.input,
                input_hash=payload.input_hash,
                status="pending",
                expires_at_ms=payload.expires_at_ms,
                run_id=payload.run_id,
                question=payload.question,
                schema=payload.schema,
            )
            return (Upsert(KIND, payload.approval_id, asked),)
        entity = view.get(KIND, payload.approval_id)
        before = cast("ChatApproval", entity.payload) if entity is not None else None
        if before is None or before.status != "pending":
            return ()
        decided = ChatApproval()
        decided.CopyFrom(before)
        decided.status, decided.reason, decided.decided_by = payload.status, payload.reason, payload.actor
        if payload.input:
            decided.input = payload.input
        return (Upsert(KIND, payload.approval_id, decided),)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """``tool.approval.requested`` and ``tool.approval.decided``."""
        payload: Any = event.payload
        is_question = event.name == "ChatToolApprovalRequested"
        data = UiApproval(
            approval_id=payload.approval_id,
            tool_call_id=payload.tool_call_id if is_question else "",
            status="pending" if is_question else payload.status,
        )
        return (UIEvent(f"tool.approval.{'requested' if is_question else 'decided'}", payload.approval_id, data),)


@final
class ApprovalPart:
    """One run's questions: which are open."""

    records: Collection[type[Any]] = (ApprovalAsked,)
    observes: Collection[str] = ("ChatToolApprovalRequested", "ChatToolApprovalDecided")

    def __init__(self, run: RunIdentity) -> None:
        self._run = run
        self._open: dict[str, None] = {}

    def translate(self, record: Any) -> Sequence[Event]:
        """A question is one event."""
        asked = ChatToolApprovalRequested(
            approval_id=record.approval_id,
            tool_call_id=record.call_id,
            tool_name=record.tool_name,
            input=record.input,
            input_hash=hashlib.sha256(record.input.encode()).hexdigest(),
            expires_at_ms=record.expires_at_ms or 0,
            run_id=self._run.run_id,
            question=record.question,
            schema=record.schema,
        )
        return [Event(session_id=self._run.session_id, name="ChatToolApprovalRequested", payload=asked)]

    def give_way(self) -> Sequence[Event]:
        """Questions stand beside text."""
        return ()

    def observe(self, name: str, payload: Any) -> None:
        """Follow which are open."""
        if name == "ChatToolApprovalRequested":
            self._open[payload.approval_id] = None
        else:
            self._open.pop(payload.approval_id, None)

    def settle(self, status: str) -> Sequence[Event]:
        """Nobody waits any more."""
        return [
            Event(
                session_id=self._run.session_id,
                name="ChatToolApprovalDecided",
                payload=ChatToolApprovalDecided(approval_id=id, status="expired", reason="The run ended."),
            )
            for id in self._open
        ]


def recorded_decision(approval: Any) -> ToolDecision:
    """What was decided, as the entity has it."""
    is_filled_in = bool(approval.question) or approval.status == "edited"
    return to_decision(approval.status, approval.input if is_filled_in else "", approval.reason)


def to_decision(status: str, filled_in: str, reason: str) -> ToolDecision:
    """A decision as its event has it, for whoever waits.

    Args:
        status: What it came to.
        filled_in: The edited arguments, or the answer; empty when the arguments stay.
        reason: For a denial.
    """
    if status in ("approved", "edited"):
        return ToolDecision(is_approved=True, input=filled_in or None)
    return ToolDecision(is_approved=False, reason=reason or ("Nobody decided in time." if status == "expired" else ""))


def _refuse_late(status: str) -> None:
    if status == "expired":
        raise ApprovalExpiredError("nobody decided in time, or the run has ended")
    raise AlreadyDecidedError(f"it was decided already: {status}")


async def _filled_in(request: Any, approval: Any) -> str:
    """What the person filled in, which fits the form: edited arguments, or an answer; empty when the arguments stay."""
    if request.decision != "approve" or not (request.input or approval.question):
        return ""
    text = str(request.input) or "{}"
    value = _read_object(text)
    if value is None:
        raise BadRequestError("input: expected the JSON text of an object")
    if not approval.question and _sorted(value) == _sorted(_read_object(approval.input)):
        return ""
    if approval.schema:
        await check_filled_in(value, approval.schema, "input")
    return text


def _read_object(text: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _sorted(value: dict[str, Any] | None) -> bytes:
    return msgspec.json.encode(value, order="sorted")
