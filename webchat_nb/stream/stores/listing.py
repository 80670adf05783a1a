"""The list of sessions: its order, its cursor and its search, one definition for all stores.

Sessions come by newest activity, then by id backwards, so every session has one place. A cursor names the place of the
last session of a page. A session that becomes active later moves to the top, before every cursor given out: following
the cursors shows no session twice, and misses only those that moved up meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from webchat_nb.errors import BadRequestError
from webchat_nb.stream.model import Session
from webchat_nb.stream.store import SessionPage

_CURSOR = re.compile(r"([0-9]{1,18})~([A-Za-z0-9._:-]{1,128})")


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a session stands in the list; a greater place is listed earlier."""

    updated_at_ms: int
    id: str


def place_of(session: Session) -> Place:
    """The session's place."""
    return Place(session.updated_at_ms, session.session_id)


def read_cursor(cursor: str | None) -> Place | None:
    """The place that a page continues after; None for the first page.

    Raises:
        BadRequestError: No store gave this cursor.
    """
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadRequestError(f"cursor: expected the `next` of a page of sessions, got {cursor[:40]!r}")
    return Place(int(found[1]), found[2])


def page_of(sessions: Sequence[Session], limit: int) -> SessionPage:
    """The first ``limit`` sessions as a page.

    Args:
        sessions: In the list's order, one more than ``limit`` when there are more.
        limit: Most sessions on a page; below 1 counts as 1.
    """
    shown = sessions[: max(1, limit)]
    if len(shown) == len(sessions):
        return SessionPage(sessions=shown)
    last = place_of(shown[-1])
    return SessionPage(sessions=shown, next=f"{last.updated_at_ms}~{last.id}")


def searchable(title: str) -> str:
    """The title as searches compare it: upper and lower case are the same, in every script."""
    return title.casefold()
