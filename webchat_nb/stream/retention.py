"""How much of a log is kept, and forgetting the rest of it.

A log may be forgotten from its beginning as far as rows stand for it. Who holds an older cursor then gets a snapshot,
reason ``pruned``; a session without its beginning cannot be rebuilt (PL3), nor shown as of an ordinal that is gone.

Rule: ST8, FR4.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from webchat_nb.errors import ConfigError
from webchat_nb.stream.model import Ordinal, Session, SessionId
from webchat_nb.stream.store import Store


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stays of each log; an event goes as soon as one of the limits says so.

    Attributes:
        max_events: Newest events that are kept. None: any number.
        max_age_s: Seconds that an event is kept. None: for ever.
    """

    max_events: int | None = None
    max_age_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing.

        Raises:
            ConfigError: A limit is below 0.
        """
        for name, limit in (("max_events", self.max_events), ("max_age_s", self.max_age_s)):
            if limit is not None and limit < 0:
                raise ConfigError(f"retention: {name}: expected 0 or more, got {limit}")

    @property
    def keeps_all(self) -> bool:
        """Nothing is ever forgotten: there is no need to look."""
        return self.max_events is None and self.max_age_s is None


async def prune(
    store: Store,
    session_id: SessionId,
    retention: Retention,
    *,
    now_ms: int,
    may_prune: Callable[[Session], bool] | None = None,
) -> Ordinal:
    """Forget what the retention does not keep of one session's log.

    May be done at any time, beside whatever else is done with the session, in this process and in others.

    Args:
        store: Open.
        session_id: One that does not exist has nothing to forget.
        retention: What stays.
        now_ms: The present wall time.
        may_prune: Whether the application needs none of the events up to the session's head. Nothing that comes after
            that answer is forgotten, so that what begins meanwhile keeps all of its events. None: it never needs any.

    Returns:
        The oldest event that is still in the log.

    Raises:
        StoreError: The store refused. What it forgot so far is forgotten; the log has no gap.

    Rule: ST8.
    """
    session = await store.session(session_id)
    first = await store.first_ordinal(session_id)
    if session is None or retention.keeps_all or (may_prune is not None and not may_prune(session)):
        return first
    upto = Ordinal(0)
    if retention.max_events is not None:
        upto = Ordinal(session.head - retention.max_events)
    if retention.max_age_s is not None:
        oldest_ms = now_ms - int(retention.max_age_s * 1000)
        upto = max(upto, await _last_before(store, session_id, oldest_ms, first=first, last=session.settled))
    upto = min(upto, session.settled)  # of that moment
    return await store.prune(session_id, upto=upto) if upto >= first else first


async def _last_before(store: Store, session_id: SessionId, at_ms: int, *, first: Ordinal, last: Ordinal) -> Ordinal:
    """The newest event that is older than a time, by halving: a log of a million events takes 20 questions.

    Where the wall clock was set back, times do not rise everywhere; what is found then is one of the places where
    older events meet newer ones.

    Args:
        store: Open.
        session_id: Whose log.
        at_ms: Events before this are older.
        first: The oldest event there is.
        last: The newest event that may be found.

    Returns:
        ``first`` - 1 when no event is older.
    """
    low, high = first - 1, last  # low is older, high + 1 is not
    is_first_look = True
    while low < high:
        middle = low + 1 if is_first_look else (low + high + 1) // 2  # mostly nothing is to be done
        is_first_look = False
        found = await store.events(session_id, Ordinal(middle - 1), 1)
        if found and found[0].ordinal == middle and found[0].at_ms < at_ms:
            low = middle
        else:
            high = Ordinal(middle - 1)
    return Ordinal(low)
