"""Commands that come in frames: which there are, and how each is carried out.

Rule: FR12, AC4, AC5.
"""

from __future__ import annotations

from typing import Any

import msgspec

from webchat_nb.errors import BadRequestError, ForbiddenError
from webchat_nb.transports.port import ChatBackend
from webchat_nb.transports.refusal import log_fault
from webchat_nb.transports.sink import HostCheck
from webchat_nb.transports.subscriber import RunCommand, nack
from webchat_nb.wire import frames
from webchat_nb.wire.requests import (
    Action,
    BindKernelCommand,
    CancelRequest,
    DecideCommand,
    FeedbackCommand,
    Principal,
    SubmitRequest,
    convert,
)
from webchat_nb.wire.tool_requests import ManifestCommand, ToolResultCommand

RIGHTS: dict[str, Action] = {
    "chat.submit": "submit",
    "chat.cancel": "cancel",
    "chat.feedback": "submit",
    "kernel.bind": "submit",
    "tool.decide": "decide",
    "tool.manifest": "submit",
    "tool.result": "submit",
}
"""The commands, and the right that each needs."""


def right_of(command: RunCommand) -> Action:
    """The right that a command needs.

    Raises:
        BadRequestError: There is no command of that name.
    """
    right = RIGHTS.get(command.name)
    if right is None:
        known = ", ".join(sorted(RIGHTS))
        raise BadRequestError(f"name: unknown command {command.name[:40]!r}; known are {known}")
    return right


async def run_command(
    backend: ChatBackend, who: Principal, command: RunCommand, *, cookie_profile: str | None
) -> dict[str, Any]:
    """Carry out a command; its events are committed when this returns.

    Returns:
        The answer's fields in snake_case, as ``v1/chat`` and ``v1/cancel`` give them.

    Raises:
        WebchatError: It was refused; nothing was stored.
    """
    data = {"conv_id": command.conv_id, **command.data}
    if data["conv_id"] != command.conv_id:
        raise BadRequestError("data.conv_id: differs from the frame's conv_id")
    if command.name == "chat.cancel":
        answer: dict[str, Any] = msgspec.to_builtins(
            await backend.cancel(who, convert(data, CancelRequest), key=command.id)
        )
        return answer
    if command.name == "chat.feedback":
        request = convert(data, FeedbackCommand).to_request()
        is_repeated = await backend.give_feedback(who, command.conv_id, request, key=command.id)
        return {"accepted": True, **({"deduplicated": True} if is_repeated else {})}
    if command.name == "tool.decide":
        decide = convert(data, DecideCommand)
        status = await backend.decide(who, command.conv_id, decide.approval_id, decide.to_request(), key=command.id)
        return {"status": status}
    if command.name == "tool.manifest":
        manifest = convert(data, ManifestCommand).to_request()
        offered = await backend.offer_tools(who, command.conv_id, manifest)
        return {"accepted": True, "tools": offered.tools, "lease_s": offered.lease_s}
    if command.name == "tool.result":
        result = convert(data, ToolResultCommand).to_request()
        is_accepted = await backend.answer_tool_call(who, command.conv_id, result, key=command.id)
        return {"accepted": is_accepted}
    if command.name == "kernel.bind":
        return await backend.bind_kernel(who, command.conv_id, convert(data, BindKernelCommand).kernel_id)
    prompt = convert({"idempotency_key": command.id, **data}, SubmitRequest)
    return (await backend.submit(who, prompt, cookie_profile=cookie_profile)).to_snake()


async def answer_command(
    backend: ChatBackend,
    who: Principal,
    command: RunCommand,
    host_check: HostCheck,
    *,
    cookie_profile: str | None,
) -> frames.Ack | frames.Nack:
    """Check every right again, carry the command out, and say how that went."""
    try:
        right = right_of(command)
        if not await host_check("execute"):
            raise ForbiddenError("this login no longer allows it")
        if command.name == "kernel.bind" and not await host_check("kernels"):
            raise ForbiddenError("this login may not let kernels work")
        await backend.authorize(who, right, command.conv_id)
        answer = await run_command(backend, who, command, cookie_profile=cookie_profile)
    except Exception as error:  # noqa: BLE001 - told to the client, and logged when it is our fault
        log_fault(error)
        return nack(command.id, error)
    return frames.Ack(id=command.id, answer=answer)
