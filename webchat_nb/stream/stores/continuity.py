"""The one condition on a commit, the same for every store: it continues the log that is there."""

from __future__ import annotations

from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Epoch, Ordinal
from webchat_nb.stream.store import SessionCommit


def check_follows(commit: SessionCommit, *, head: Ordinal, epoch: Epoch) -> None:
    """Refuse a commit that does not continue the log that is there.

    Raises:
        StoreConflictError: Its base is not the log's head, its epoch another one, or its ordinals have a gap.

    Rule: OR1, OR2.
    """
    where = f"session {commit.session_id}"
    if commit.base != head:
        raise StoreConflictError(f"{where}: the log is at {head}, the batch continues from {commit.base}")
    if commit.epoch != epoch:
        raise StoreConflictError(f"{where}: the log's epoch is {epoch}, the batch is for {commit.epoch}")
    for expected, entry in enumerate(commit.events, commit.base + 1):
        if entry.ordinal != expected:
            raise StoreConflictError(f"{where}: expected the event with ordinal {expected}, got {entry.ordinal}")
