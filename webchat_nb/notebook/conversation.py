"""Which conversation a widget shows: the notebook's own, a fresh one, or the one that is named.

Rule: DESIGN §4 "which conversation".
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping

from webchat_nb.stream import session_id

_SLUG_CHARS = 40


def conversation_id(
    conversation: str | None,
    *,
    profile: str,
    name: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """The id of the conversation that a widget shows.

    Args:
        conversation: None for the notebook's own, ``"new"`` for a fresh one, anything else is an id.
        profile: The widget's profile; each profile has a conversation of its own in a notebook.
        name: Tells several chats of one notebook apart.
        environ: Where Jupyter tells a kernel which notebook it serves (``JPY_SESSION_NAME``).

    Returns:
        For the notebook's own the same id each time, also after a kernel restart: readable, and unique by a hash of
        the notebook's path, the profile and the name. Outside a notebook it belongs to the working directory.

    Raises:
        InvalidIdError: ``conversation`` is not an id.
    """
    if conversation == "new":
        return f"nb-{secrets.token_hex(8)}"
    if conversation is not None:
        return session_id(conversation)
    notebook = environ.get("JPY_SESSION_NAME") or os.getcwd()
    digest = hashlib.sha256("\0".join((notebook, profile, name or "")).encode()).hexdigest()[:10]
    stem = os.path.splitext(os.path.basename(notebook))[0]
    words = "-".join(part for part in (stem, profile, name or "") if part)
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-.")[:_SLUG_CHARS]
    return session_id(f"nb-{slug or 'chat'}-{digest}")
