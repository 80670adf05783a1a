"""What becomes of a call's result: cut to its limit, an image kept as an attachment, a table beside the text.

Rule: TL1, TL3, AT1.
"""

from __future__ import annotations

import logging
from typing import Final, final

from webchat_nb.chat.attachments import Attachments
from webchat_nb.chat.tools.ports import TABLE, ToolContent, ToolOutcome, ToolUse
from webchat_nb.chat.tools.results.outcomes import cut
from webchat_nb.chat.tools.results.plain_values import clean
from webchat_nb.errors import UsageError, WebchatError
from webchat_nb.stream.model import SessionId

ENDINGS: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
"""Images that a person is shown, and how their files end."""

_log = logging.getLogger(__name__)


@final
class ResultKeeping:
    """Keeps the results of one run.

    Args:
        attachments: Where images go.
        session_id: The conversation that they belong to.
        actor: Whose prompt it is.
        max_chars: Longest result, and longest table.
    """

    def __init__(self, attachments: Attachments, *, session_id: SessionId, actor: str, max_chars: int) -> None:
        self._attachments = attachments
        self._session_id = session_id
        self._actor = actor
        self._max_chars = max_chars

    async def keep(self, use: ToolUse, outcome: ToolOutcome) -> ToolOutcome:
        """The outcome as it is told; where something is kept is never what the tool says."""
        outcome = cut(outcome, self._max_chars)
        told = ToolOutcome(result=clean(outcome.result), is_error=outcome.is_error)
        shown = outcome.shown
        if shown is None:
            return told
        if shown.media_type == TABLE and isinstance(shown.data, str):
            return ToolOutcome(result=told.result, is_error=told.is_error, media_type=TABLE, content=clean(shown.data))
        if shown.media_type not in ENDINGS or not isinstance(shown.data, bytes):
            _log.warning("the tool %s gave something that cannot be shown: %s", use.name, shown.media_type[:80])
            return told
        return await self._keep_image(use, told, shown)

    async def _keep_image(self, use: ToolUse, told: ToolOutcome, shown: ToolContent) -> ToolOutcome:
        assert isinstance(shown.data, bytes)
        filename = f"{use.name}{ENDINGS[shown.media_type]}"
        try:
            kept = await self._attachments.keep_image(
                self._session_id, self._actor, media_type=shown.media_type, filename=filename, content=shown.data
            )
        except WebchatError as error:
            _log.warning("an image of the tool %s could not be kept: %s", use.name, error)
            reason = error.message if isinstance(error, UsageError) else "the server's log says why"
            note = f"{told.result}\n(The image could not be shown to the user: {reason})"
            return ToolOutcome(result=note, is_error=told.is_error)
        return ToolOutcome(
            result=told.result,
            is_error=told.is_error,
            media_type=shown.media_type,
            attachment_id=kept.attachment_id,
        )
