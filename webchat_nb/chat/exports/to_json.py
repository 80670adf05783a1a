"""JSON: everything, and the one format that is imported again."""

from __future__ import annotations

import msgspec

from webchat_nb.chat.exports.document import ExportDocument
from webchat_nb.chat.exports.export_file import file_of


def to_json(document: ExportDocument) -> bytes:
    """An ``ExportFile``, indented for people."""
    return msgspec.json.format(msgspec.json.encode(file_of(document)), indent=2) + b"\n"
