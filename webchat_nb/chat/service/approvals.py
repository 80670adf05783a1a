"""Decisions about tool calls.

Rule: TL2, AC3, AC5.
"""

from __future__ import annotations

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError
from webchat_nb.wire.requests import DecisionRequest, Principal


class Approvals(ServicePart):
    """Who may decide, and what they decided."""

    async def decide(
        self, who: Principal, conv_id: str, approval_id: str, request: DecisionRequest, *, key: str | None = None
    ) -> str:
        """Decide whether a tool call may be made; the first valid decision stands.

        Returns:
            The status that the approval has now: ``approved``, ``edited`` or ``denied``.

        Raises:
            UnknownApprovalError: The conversation has no such approval.
            AlreadyDecidedError, ApprovalExpiredError: It is too late.
            BadRequestError: ``input`` is not the JSON text of an object, or comes with a denial.
            UnknownSessionError, ForbiddenError: It is not the principal's to decide.
        """
        session = await self.guard.existing(who, "decide", conv_id)
        if request.input is not None and request.decision != "approve":
            raise BadRequestError("input: only with the decision 'approve'")
        command = cmd.ChatDecideApproval(
            approval_id=approval_id, decision=request.decision, input=request.input or "", reason=request.reason
        )
        return str((await self.change(who, session.session_id, command, key=key)).answer["status"])
