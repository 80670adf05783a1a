"""What pages say of their tools: a manifest, a claim, a result.

A tool is described in the same words over HTTP and in a frame, those of the Model Context Protocol.

Rule: TL7, AC5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A tool of a page.

    Attributes:
        name: What a model calls it.
        description: For the model.
        input_schema: JSON Schema of an object; None: there are no arguments.
        answer_schema: JSON Schema of an object that a person fills in; None: the page answers by itself.
        timeout_s: How long a call may take; None: as the server says.
        approval: Whether a person is asked first.
    """

    name: str
    description: str = ""
    input_schema: dict[str, Any] | None = None
    answer_schema: dict[str, Any] | None = None
    timeout_s: float | None = None
    approval: Literal["never", "always"] = "never"


class ManifestRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """POST ``v1/sessions/{id}/tools/manifest``: all tools of one page, instead of those that it named before.

    Attributes:
        client_id: Which page; another one after each reload.
        tools: Empty: none any more.
    """

    client_id: str
    tools: Sequence[OfferedTool]


class ManifestCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in a frame: command ``tool.manifest``."""

    conv_id: str
    client_id: str
    tools: Sequence[OfferedTool]

    def to_request(self) -> ManifestRequest:
        """The same request as the route would take it."""
        return ManifestRequest(client_id=self.client_id, tools=self.tools)


class ManifestAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a manifest is answered.

    Attributes:
        tools: How many the page offers now.
        lease_s: How long that stands, in seconds, unless the page says it again.
    """

    accepted: bool = True
    tools: int
    lease_s: float


class ToolResultRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """POST ``v1/sessions/{id}/tools/results``: the result of a call, or the wish to make it.

    Attributes:
        result: Text, or any JSON; left out it is empty text.
        is_error: It went wrong, and ``result`` says how.
        claim: This page wants to make the call; there is no result yet.
        client_id: Which page; may be left out with what a person filled in.
    """

    tool_call_id: str
    result: Any | UnsetType = UNSET
    is_error: bool = False
    claim: bool = False
    client_id: str = ""


class ToolResultCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in a frame: command ``tool.result``."""

    conv_id: str
    tool_call_id: str
    result: Any | UnsetType = UNSET
    is_error: bool = False
    claim: bool = False
    client_id: str = ""

    def to_request(self) -> ToolResultRequest:
        """The same request as the route would take it."""
        return ToolResultRequest(
            tool_call_id=self.tool_call_id,
            result=self.result,
            is_error=self.is_error,
            claim=self.claim,
            client_id=self.client_id,
        )
