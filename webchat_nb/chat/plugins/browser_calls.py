"""Calls that a browser makes: claimed by one page, answered once; a plugin that brings commands of its own.

Claims and answers are events, so that they count on every server, and an answer that came twice is the same answer. Who
has a call is private; what came of it is the call's result, which the run makes of the answer.

Rule: TL7, PG1, AC5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast, final

import msgspec

from webchat_nb.chat.line import OPEN_RUN
from webchat_nb.chat.plugins import RunIdentity, RunPart
from webchat_nb.chat.tools import ToolOutcome
from webchat_nb.chat.tools.schemas.forms import check_filled_in
from webchat_nb.contracts.v1.commands_pb2 import ChatAnswerToolCall, ChatClaimToolCall
from webchat_nb.contracts.v1.entities_pb2 import ChatBrowserCall, ChatToolCall
from webchat_nb.contracts.v1.events_pb2 import ChatToolCallAnswered, ChatToolCallClaimed
from webchat_nb.errors import AlreadyAnsweredError, BadRequestError, UnknownToolCallError
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

KIND = "ChatBrowserCall"

Answered = Callable[[SessionId, str, ToolOutcome], None]
"""Told session, call id and answer, after it is in the log."""


@final
class BrowserCallPlugin:
    """Who makes a call that a browser was asked for, and what it answers.

    Args:
        answered: Told of each answer that this server commits; whoever waits is behind it.
    """

    name = "browser calls"
    events: Collection[str] = ("ChatToolCallClaimed", "ChatToolCallAnswered")

    def __init__(self, *, answered: Answered) -> None:
        self._answered = answered

    def register_schemas(self, registry: SchemaRegistry) -> None:
        """Two commands, two events and a private entity kind."""
        registry.command("ChatClaimToolCall", ChatClaimToolCall)
        registry.command("ChatAnswerToolCall", ChatAnswerToolCall)
        registry.event("ChatToolCallClaimed", ChatToolCallClaimed)
        registry.event("ChatToolCallAnswered", ChatToolCallAnswered)
        registry.entity(KIND, ChatBrowserCall, private=True)

    def handlers(self, hub: Hub) -> Mapping[str, Handler]:
        """One page gets the call; the first answer stands."""

        async def claim(turn: CommandTurn) -> dict[str, Any]:
            request: Any = turn.command.payload
            held, call = await _look(hub, turn)
            if held is not None:
                is_open = call is not None and not held.is_answered
                return {"accepted": is_open and held.client_id == request.client_id}
            if call is None:
                raise _unknown(request)
            if call.answer_schema:
                raise BadRequestError("claim: this call is a person's to answer")
            claimed = ChatToolCallClaimed(
                tool_call_id=request.tool_call_id, client_id=request.client_id, actor=turn.command.actor
            )
            turn.publish(Event(session_id=turn.session.session_id, name="ChatToolCallClaimed", payload=claimed))
            return {"accepted": True}

        async def answer(turn: CommandTurn) -> dict[str, Any]:
            request: Any = turn.command.payload
            session_id, call_id = turn.session.session_id, request.tool_call_id
            if not request.is_expired:
                await _check_answer(hub, turn)
            elif (ended := await _state(hub, turn)) is not None and (ended.is_answered or ended.is_expired):
                return {"accepted": False}
            said = ChatToolCallAnswered(
                tool_call_id=call_id,
                result=request.result,
                is_error=request.is_error,
                actor=turn.command.actor,
                is_expired=request.is_expired,
            )
            turn.publish(Event(session_id=session_id, name="ChatToolCallAnswered", payload=said))
            outcome = ToolOutcome(result=request.result, is_error=request.is_error)
            turn.after_commit(lambda: self._answered(session_id, call_id, outcome))
            return {"accepted": True}

        return {"ChatClaimToolCall": claim, "ChatAnswerToolCall": answer}

    def open_run(self, run: RunIdentity) -> RunPart | None:
        """Nothing: what an engine tells of such a call is told like any other."""
        return None

    def project_timeline(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[Op]:
        """Keep who has the call, and that it was answered."""
        payload: Any = event.payload
        entity = view.get(KIND, payload.tool_call_id)
        call = ChatBrowserCall(tool_call_id=payload.tool_call_id, actor=payload.actor)
        if entity is not None:
            call.CopyFrom(cast("ChatBrowserCall", entity.payload))
        if event.name == "ChatToolCallClaimed":
            call.client_id = payload.client_id
        elif payload.is_expired:
            call.is_expired = True
        else:
            call.is_answered = True
        return (Upsert(KIND, payload.tool_call_id, call),)

    def project_ui(self, event: LoggedEvent, session: Session, view: TimelineView) -> Sequence[UIEvent]:
        """Nothing: screens are told of the result."""
        return ()


async def _state(hub: Hub, turn: CommandTurn) -> ChatBrowserCall | None:
    """What is known of the call, whosever it is."""
    request: Any = turn.command.payload
    found = await hub.entity(turn.session.session_id, KIND, request.tool_call_id)
    return cast("ChatBrowserCall", found.payload) if found is not None else None


async def _look(hub: Hub, turn: CommandTurn) -> tuple[ChatBrowserCall | None, ChatToolCall | None]:
    """Who has the call, and the call while it waits for a browser; nothing of it when it is another user's."""
    state = await _state(hub, turn)
    held = state if state is not None and state.actor == turn.command.actor else None
    if state is not None and state.is_expired:
        return None, None
    return held, await _open(hub, turn)


async def _open(hub: Hub, turn: CommandTurn) -> ChatToolCall | None:
    request: Any = turn.command.payload
    session_id = turn.session.session_id
    found = await hub.entity(session_id, "ChatToolCall", request.tool_call_id)
    call = cast("ChatToolCall", found.payload) if found is not None else None
    if call is None or call.place != "browser" or call.status != "executing":
        return None
    run: Any = await hub.entity(session_id, OPEN_RUN, call.run_id)
    return call if run is not None and run.payload.actor == turn.command.actor else None


async def _check_answer(hub: Hub, turn: CommandTurn) -> None:
    """See that an answer is the first one, from whom it may come, and that it fits the form."""
    request: Any = turn.command.payload
    held, call = await _look(hub, turn)
    if held is not None and held.is_answered:
        raise AlreadyAnsweredError("toolCallId: this call was answered already")
    if call is None:
        raise _unknown(request)
    if held is not None and request.client_id not in ("", held.client_id):
        raise AlreadyAnsweredError("toolCallId: another page makes this call")
    if call.answer_schema and not request.is_error:
        await _check_form(request.result, call.answer_schema)


def _unknown(request: Any) -> UnknownToolCallError:
    return UnknownToolCallError(f"toolCallId: no call {request.tool_call_id[:200]!r} waits for a browser of yours")


async def _check_form(result: str, answer_schema: str) -> None:
    """What a person filled in has to fit the form."""
    try:
        value = msgspec.json.decode(result)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequestError("result: expected a JSON object") from None
    await check_filled_in(value, answer_schema, "result")
