"""The export in JSON, as it is written and read again.

``entities`` are kind, id and protobuf JSON, in the order of the timeline. Ordinals are left out: an imported
conversation has a log of its own.

Rule: EX1, EX2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from webchat_nb.chat.exports.document import ExportDocument, ExportedAttachment, ExportedEntity


class ExportFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What the file holds.

    Attributes:
        version: Of this shape; a number that we do not know is refused.
        exported_at_ms: When; wall time, as the others.
        attachments: Each with its bytes in base64, where they are there.
    """

    format: Literal["webchat_nb.conversation"]
    version: Literal[1]
    session_id: str
    title: str = ""
    profile: str = ""
    exported_at_ms: int = 0
    created_at_ms: int = 0
    updated_at_ms: int = 0
    entities: Sequence[ExportedEntity]
    attachments: Sequence[ExportedAttachment] = ()


def file_of(document: ExportDocument) -> ExportFile:
    """A conversation as its file says it."""
    return ExportFile(format="webchat_nb.conversation", version=1, **msgspec.structs.asdict(document))
