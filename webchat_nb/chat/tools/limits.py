"""How long a tool may work, how much it may say, how long a person is waited for."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class ToolLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of every tool that does not say otherwise.

    Attributes:
        timeout_s: How long a call may work; the time stands still while a person is asked.
        max_result_chars: Longest result, and longest table shown, in characters; what is longer is cut and says so.
        approval_expires_s: How long a person may take to decide about a call, or to answer a tool's question that does
            not say; None: as long as the run.
    """

    timeout_s: Seconds = 60.0
    max_result_chars: Annotated[int, msgspec.Meta(ge=1000)] = 100_000
    approval_expires_s: Seconds | None = None
