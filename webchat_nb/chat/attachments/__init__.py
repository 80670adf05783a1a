"""Attachments: files that a user gives with a prompt.

::

    attachments.py   Attachments: upload, bind, read, forget, sweep
    checking.py      which types, sizes and names
    store.py         AttachmentStore, the port
    memory.py        the readable definition
    folder.py        beside the SQLite file
    redis.py         in the Redis that servers share; an extra

The log says which message has which attachments (``ChatUserMessageAccepted.attachments``); a store keeps the bytes.

Rule: AT1-AT3.
"""

from webchat_nb.chat.attachments.attachments import Attachments
from webchat_nb.chat.attachments.folder import FolderAttachments
from webchat_nb.chat.attachments.memory import MemoryAttachments
from webchat_nb.chat.attachments.store import AttachmentStore, StoredAttachment

__all__ = ["AttachmentStore", "Attachments", "FolderAttachments", "MemoryAttachments", "StoredAttachment"]
