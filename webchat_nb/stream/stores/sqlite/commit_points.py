"""The moments of writing at which a crash is worth a test, by name.

A store that was given a probe calls it at each of them, on the thread that is writing: tests end the process there.
Without a probe nothing is called.

Rule: ST2.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, unique


@unique
class CommitPoint(StrEnum):
    """A moment between two steps; the value is its name in tests."""

    INCARNATION_ANNOUNCED = "incarnation_announced"
    """Opening or closing: the sidecar names the old and the new incarnation, the database the old one."""
    INCARNATION_KEPT = "incarnation_kept"
    """Opening or closing: the database has the new one, the sidecar still names both."""
    BATCH_GATHERED = "batch_gathered"
    """A batch has its turn; nothing is begun."""
    BEGUN = "begun"
    """The transaction is open."""
    EVENTS_WRITTEN = "events_written"
    """One session's row and its events are in the transaction."""
    ROWS_WRITTEN = "rows_written"
    """And its entities."""
    RECEIPTS_WRITTEN = "receipts_written"
    """And its receipts."""
    BEFORE_COMMIT = "before_commit"
    """All sessions of the batch are in the transaction."""
    COMMITTED = "committed"
    """The batch is kept; whoever waits for it does not know yet."""
    BEFORE_CHECKPOINT = "before_checkpoint"
    """The write-ahead log is about to be copied into the database."""
    CHECKPOINTED = "checkpointed"
    """It is copied."""
    PRUNE_DELETED = "prune_deleted"
    """A piece of a log is deleted in the transaction."""
    PRUNED = "pruned"
    """That piece is gone; more may follow."""
    ERASE_DELETED = "erase_deleted"
    """A session is deleted in the transaction."""
    ERASED = "erased"
    """It is gone; its words are still in the write-ahead log."""


Probe = Callable[[CommitPoint], None]
"""Called at each point; what it raises is raised there."""
