"""A store refused, or somebody else wrote first."""

from __future__ import annotations

from webchat_nb.errors.base import OperationError


class StoreError(OperationError):
    """The store refused; nothing of the batch is stored and nobody was told."""

    code = "store_unavailable"
    http_status = 503
    retryable = True


class StoreUnreachableError(StoreError):
    """The store's server does not answer; whether it carried a write out is then not known."""

    code = "store_unreachable"
    retry_after_s = 1.0


class StoreLockedError(StoreError):
    """Another process has the store open."""

    code = "store_locked"


class StoreReadOnlyError(StoreError):
    """The store cannot be written to."""

    code = "store_read_only"


class StoreFullError(StoreError):
    """No space is left where the store lives."""

    code = "store_full"


class StoreDamagedError(StoreError):
    """The file is not a database or is damaged."""

    code = "store_damaged"
    retryable = False


class StoreVersionError(StoreError):
    """The store was written by a newer version of webchat_nb."""

    code = "store_version"
    retryable = False


class StoreConflictError(StoreError):
    """Somebody else appended to the same log; read it again and retry."""

    code = "store_conflict"
