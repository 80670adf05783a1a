"""Driving an engine: one prompt in, records out, events published; and how it ended.

Rule: RN2, RN5, EP1.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol, final

from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.conversations import ActiveRun, Conversation
from webchat_nb.chat.engine import CANNOT_GO_ON, AcceptsSteering, ApprovalAsked, Engine, RunRequest
from webchat_nb.chat.history import read_history
from webchat_nb.chat.plan import EnginePlan
from webchat_nb.chat.tools.boxes import ToolBoxes
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.contracts.v1.commands_pb2 import ChatSettleInference
from webchat_nb.errors import EngineError, WebchatError
from webchat_nb.stream import Event, Hub

_CUT = "The server stopped while this was being answered."

_log = logging.getLogger(__name__)


class Planner(Protocol):
    """Builds plans and engines: the chat's own knowledge of profiles stays out of here."""

    def plan(self, profile: str, overrides_json: str) -> EnginePlan:
        """The plan of a stored request.

        Raises:
            UsageError: The profile is gone or does not take the overrides any more.
        """

    def build(self, plan: EnginePlan) -> Engine:
        """The engine of a plan.

        Raises:
            ConfigError: It cannot be built.
        """

    def timeout_s(self, profile: str) -> float | None:
        """How long an answer may take, as the profile says; None when it does not say or is gone."""


@final
class EngineDriver:
    """Lets engines answer."""

    def __init__(self, hub: Hub, planner: Planner, attachments: Attachments, tools: ToolBoxes) -> None:
        self._hub = hub
        self._planner = planner
        self._attachments = attachments
        self._tools = tools

    async def drive(self, conversation: Conversation, run: ActiveRun) -> ChatSettleInference:
        """Let the engine answer; whatever it does, this returns how the run ended and never raises.

        What is told of a failure is safe to show: the message of an ``EngineError``, or none of the exception's own.
        """
        end = ChatSettleInference(run_id=run.run_id, status="failed")
        try:
            await self._answer(conversation, run)
            end.status, end.finish_reason = "finished", run.translator.finish_reason
        except asyncio.CancelledError:
            end.status, end.error = "interrupted", "The run was cancelled."
        except EngineError as error:
            end.error, end.code, end.retryable = error.message, error.engine_code, error.retryable
            if run.so_far is not None and error.engine_code == CANNOT_GO_ON:
                end.status = "interrupted"
        except WebchatError as error:
            _log.warning("run %s failed: %s", run.run_id, error)
            end.error, end.code, end.retryable = error.message, error.code, error.retryable
        except (Exception, SystemExit):  # noqa: BLE001 - what an engine raises ends its run, not the server (RN5)
            _log.exception("the engine of run %s failed", run.run_id)
            end.error, end.code, end.retryable = "The engine failed; the server's log says why.", "internal", True
        return end

    async def _answer(self, conversation: Conversation, run: ActiveRun) -> None:
        info, publisher = run.info, run.publisher
        assert publisher is not None and run.desk is not None
        engine, plan = self._engine(conversation, run)
        if isinstance(engine, AcceptsSteering) and engine.accepts_steering and not info.accepts_steering:
            await publisher.send(_event(run, ev.ChatSteeringOffered(run_id=info.run_id)))
        history = await read_history(
            self._hub,
            conversation.session_id,
            before_message_id=info.message_id,
            files=partial(self._attachments.files, conversation.session_id),
        )
        request = RunRequest(
            session_id=conversation.session_id,
            run_id=info.run_id,
            root_id=info.turn_id,
            prompt=history.prompt,
            turn=history.turn,
            history=history.messages,
            plan=plan,
            attachments=history.attachments,
            tools=await self._tools.make(
                plan, session_id=conversation.session_id, run_id=run.run_id, actor=info.actor, desk=run.desk
            ),
            steering=run.inbox,
            approvals=run.desk,
            actor=info.actor,
            so_far=run.so_far.records if run.so_far is not None else None,
        )
        async with aclosing(engine.run(request)) as records:  # type: ignore[type-var]
            async for record in records:
                if run.is_ended:
                    return
                if isinstance(record, ApprovalAsked):
                    if record.approval_id in run.questions:
                        continue  # it goes on from a question that stands (TL9)
                    run.questions[record.approval_id] = record
                events = [*_taken(run), *run.translator.translate(record)]
                if events:
                    await publisher.send(*events)
                if run.translator.failure is not None:
                    raise run.translator.failure
        if not run.is_ended and (events := [*_taken(run), *run.translator.finish()]):
            await publisher.send(*events)
        if run.translator.failure is not None:
            raise run.translator.failure
        await publisher.flush()

    def _engine(self, conversation: Conversation, run: ActiveRun) -> tuple[Engine, EnginePlan]:
        """The run's engine and plan, from its profile as it is now.

        Raises:
            EngineError: ``CANNOT_GO_ON``: the run goes on after a restart, and its profile has no engine now that can.
            WebchatError: The profile is gone, lacks something, or its engine cannot be built.
        """
        try:
            plan = self._planner.plan(run.info.profile, run.info.overrides_json)
            engine = run.engine = conversation.engine_for(plan, self._planner.build)
        except WebchatError as error:
            if run.so_far is None:
                raise
            raise EngineError(_CUT, code=CANNOT_GO_ON) from error
        if run.so_far is not None and not run.goes_on:
            raise EngineError(_CUT, code=CANNOT_GO_ON)
        return engine, plan


def _taken(run: ActiveRun) -> list[Event]:
    """What the engine took since the last record: what it says from now on stands below it."""
    taken = run.inbox.to_record()
    if not taken:
        return []
    events = [_event(run, ev.ChatSteeringTaken(run_id=run.run_id, own_run_id=own_id)) for own_id in taken]
    return [*run.translator.give_way(), *events]


def _event(run: ActiveRun, payload: Any) -> Event:
    return Event(session_id=run.translator.session_id, name=payload.DESCRIPTOR.name, payload=payload)
