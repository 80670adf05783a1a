"""Tools of the pages that show a conversation.

Rule: TL7, AC3, AC5, AC6.
"""

from __future__ import annotations

import msgspec
from google.protobuf.message import Message

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.chat.tools.browser.manifests import check_client_id
from webchat_nb.contracts.v1 import commands_pb2 as cmd
from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import Principal
from webchat_nb.wire.tool_requests import ManifestAnswer, ManifestRequest, ToolResultRequest


class BrowserToolParts(ServicePart):
    """What pages offer, and what they answer."""

    async def offer_tools(self, who: Principal, conv_id: str, request: ManifestRequest) -> ManifestAnswer:
        """Take a page's tools for the runs of this user, also before the conversation's first prompt.

        Raises:
            BadRequestError, TooLargeError: The manifest cannot be used; what the page offered before stands.
            UnknownSessionError, ForbiddenError: It is not the principal's conversation to prompt in.
        """
        session = await self.guard.authorized(who, "submit", session_id(conv_id))
        return await self.browser_tools.offer(session.session_id, who.user, request)

    async def answer_tool_call(
        self, who: Principal, conv_id: str, request: ToolResultRequest, *, key: str | None = None
    ) -> bool:
        """Take a page's answer to a call, or its claim to make the call; of each the first one stands.

        Returns:
            True; False for a claim when another page makes the call, or made it.

        Raises:
            UnknownToolCallError: No such call waits for a browser of this user: it is over, or was never there.
            AlreadyAnsweredError: Another answer stands, or another page makes the call.
            BadRequestError: It does not fit the form; the call stays open.
            TooLargeError: The result is over the limit; the call stays open.
            UnknownSessionError, ForbiddenError: It is not the principal's conversation to prompt in.
        """
        session = await self.guard.existing(who, "submit", conv_id)
        command = _claim(request) if request.claim else _answer(request, self.limits.max_tool_result_chars)
        receipt = await self.change(who, session.session_id, command, key=key)
        return bool(receipt.answer["accepted"])


def _claim(request: ToolResultRequest) -> Message:
    if request.result is not msgspec.UNSET or request.is_error:
        raise BadRequestError("result: not with a claim")
    check_client_id(request.client_id)
    return cmd.ChatClaimToolCall(tool_call_id=request.tool_call_id, client_id=request.client_id)


def _answer(request: ToolResultRequest, max_chars: int) -> Message:
    if request.client_id:
        check_client_id(request.client_id)
    result = "" if request.result is msgspec.UNSET else request.result
    text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    if len(text) > max_chars:
        raise TooLargeError(f"result: {len(text)} characters, the limit is max_tool_result_chars ({max_chars})")
    return cmd.ChatAnswerToolCall(
        tool_call_id=request.tool_call_id, result=text, is_error=request.is_error, client_id=request.client_id
    )
