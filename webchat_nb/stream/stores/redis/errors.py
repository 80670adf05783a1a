"""Redis's errors → ours, with the address and what to do about it.

Redis tells errors apart by the first word of an answer; redis-py makes classes of some of them and cuts the word off.
"""

from __future__ import annotations

import ssl

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import TimeoutError as LateAnswerError

from webchat_nb.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)

FAILURES = (RedisError, OSError)
"""All that a question to Redis can end with."""

_NO_ACCESS = (AuthenticationError, AuthorizationError)
_AWAY = (BusyLoadingError, LostConnectionError, LateAnswerError, OSError)


def translated(error: Exception, where: str) -> StoreError:
    """The error as the rest of the package knows it.

    Args:
        error: What redis-py raised.
        where: The address as it may be shown.
    """
    store = f"store {where}"
    if isinstance(error, _NO_ACCESS):
        return _for_good(f"{store}: Redis did not accept the user or the password of the URL: correct them")
    if isinstance(error, BusyLoadingError):
        return StoreUnreachableError(f"{store}: Redis is reading its data from disk: wait until it has")
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return _for_good(f"{store}: its certificate is not accepted ({error.__context__.verify_message}): check both")
    if isinstance(error, _AWAY):
        return StoreUnreachableError(f"{store}: Redis does not answer ({type(error).__name__}): is it running?")
    if isinstance(error, OutOfMemoryError):
        return StoreFullError(f"{store}: Redis has used its maxmemory: raise it, or erase something")
    if isinstance(error, ReadOnlyError):
        return StoreReadOnlyError(f"{store}: Redis is a read-only replica: name the primary")
    if isinstance(error, NoPermissionError):
        return _for_good(f"{store}: Redis refuses a command to this user ({error}): extend its ACL")
    if isinstance(error, (ClusterDownError, MovedError)):
        return _for_good(f"{store}: this is a Redis Cluster: name a single node")
    if isinstance(error, InvalidResponse):
        return _for_good(f"{store}: what answers there is not a Redis: correct the address")
    return _by_word(error, store)


def is_passing(error: StoreError) -> bool:
    """Whether the same request may work in a moment, without anybody's help."""
    return isinstance(error, StoreUnreachableError)


def _by_word(error: Exception, store: str) -> StoreError:
    word = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
    if word == "BUSY":
        return StoreUnreachableError(f"{store}: Redis is busy with a script: wait until it has finished")
    if word == "MISCONF":
        return StoreReadOnlyError(f"{store}: Redis cannot write to its disk and takes no changes: look at its log")
    if word == "WRONGTYPE":
        return StoreDamagedError(f"{store}: another program uses our keys: choose another prefix")
    return StoreError(f"{store}: Redis refused ({type(error).__name__}: {error})")


def _for_good(message: str) -> StoreError:
    error = StoreError(message)
    error.retryable = False
    return error
