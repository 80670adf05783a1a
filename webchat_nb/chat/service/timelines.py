"""Timelines: read, followed.

Rule: HT5, FR2-FR6.
"""

from __future__ import annotations

import msgspec

from webchat_nb.chat.service.base import ServicePart
from webchat_nb.errors import BadRequestError, UnknownSessionError
from webchat_nb.stream import (
    Cursor,
    Ordinal,
    Subscription,
    session_id,
)
from webchat_nb.stream.model import SnapshotReason
from webchat_nb.wire.requests import (
    Principal,
    TimelinePage,
)


class Timelines(ServicePart):
    """What conversations look like, now and from now on."""

    async def timeline(
        self,
        who: Principal,
        conv_id: str,
        *,
        since_version: int | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> TimelinePage:
        """A page of the timeline: what changed after a version, or the newest entities before an ordinal (HT5).

        ``next`` continues: as ``since_version`` for changes, as ``before`` for older entities.
        """
        id = session_id(conv_id)
        session = await self.guard.authorized(who, "read", id)
        if not session.exists:
            raise UnknownSessionError(f"no conversation {id!r}")
        if since_version is not None and before is not None:
            raise BadRequestError("since_version and before: expected one of them")
        limit = self.window(limit)
        if since_version is not None:
            session, rows, has_more = await self.hub.changed(id, after=Ordinal(since_version), limit=limit)
            next_ = str(rows[-1].updated) if has_more and rows else None
        else:
            snapshot = await self.hub.snapshot(id, window=limit, before=Ordinal(before) if before is not None else None)
            rows, session = snapshot.entities, msgspec.structs.replace(session, head=snapshot.ordinal)
            next_ = str(snapshot.oldest) if snapshot.has_more else None
        return TimelinePage(
            conv_id=id,
            epoch=session.epoch,
            version=session.head,
            server_time_ms=self.hub.clock.now_ms(),
            entities=rows,
            next=next_,
        )

    async def subscribe(
        self,
        who: Principal,
        conv_id: str,
        *,
        since: Cursor | None = None,
        window: int | None = None,
        reason: SnapshotReason = "first",
    ) -> Subscription:
        """Follow a conversation; one that does not exist yet is empty at ordinal 0 and then belongs to ``who``."""
        session = await self.guard.authorized(who, "read", session_id(conv_id))
        return await self.hub.subscribe(session.session_id, since=since, window=self.window(window), reason=reason)
