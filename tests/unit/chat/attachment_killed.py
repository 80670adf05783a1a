"""A process that uploads for ever and says what is durable; it is killed at any moment."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from webchat_nb.chat.attachments import FolderAttachments, StoredAttachment
from webchat_nb.stream import SessionId


async def upload_for_ever(folder: Path, first: int) -> None:
    """Put attachments of 20 kB, and drop every other one again."""
    store = FolderAttachments(folder)
    await store.open()
    for number in range(first, first + 1_000_000):
        content = str(number).encode() * (20_000 // len(str(number)))
        attachment = StoredAttachment(
            session_id=SessionId("c1"),
            attachment_id=f"a{number}",
            digest=hashlib.sha256(content).hexdigest(),
            media_type="text/plain",
            filename="x",
            size_bytes=len(content),
            actor="",
            at_ms=1,
        )
        await store.put(attachment, content)
        if number % 2:
            await store.drop(attachment)
        print(number, flush=True)


asyncio.run(upload_for_ever(Path(sys.argv[1]), int(sys.argv[2])))
