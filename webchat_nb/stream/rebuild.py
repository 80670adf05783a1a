"""Rebuilding: the whole log through the projections again, into the rows that should be there.

For a projection that was changed or mended. Subscribers see no traffic of it; where the outcome differs from what was
kept, the session gets a new epoch and they hydrate again, since what they hold no longer follows from their cursor.

Rule: PL3.
"""

from __future__ import annotations

from typing import final

import msgspec

from webchat_nb.errors import StoreError
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import EntityKey, EntityRow, Ordinal, Session
from webchat_nb.stream.projections import Projections, merged_attributes
from webchat_nb.stream.store import SessionCommit, Store
from webchat_nb.stream.timeline import LiveTimeline

_PAGE = 1000


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild found.

    Attributes:
        event_count: Events that were projected again.
        changed: Entities that are not what they were, by (kind, id).
        attributes_changed: What is known of the session differs.
    """

    event_count: int
    changed: frozenset[EntityKey]
    attributes_changed: bool

    @property
    def is_same(self) -> bool:
        """The log folds to what was kept."""
        return not self.changed and not self.attributes_changed


@final
class Rebuilder:
    """Rebuilds sessions; call it with the session held at one position (``LiveSession.reading``)."""

    def __init__(self, *, store: Store, projections: Projections, loader: Loader) -> None:
        self._store = store
        self._projections = projections
        self._loader = loader

    async def rebuild(self, live: LiveSession) -> Rebuilt:
        """Project the log from its beginning and keep the outcome.

        Raises:
            StoreError: The log no longer reaches back to its beginning, or the store refused. Nothing is changed.
            ProjectionError: A projection refuses an event of the log. Nothing is changed.
        """
        session = live.session
        if not session.exists:
            return Rebuilt(event_count=0, changed=frozenset(), attributes_changed=False)
        if await self._store.first_ordinal(live.session_id) > 1:
            raise StoreError(f"session {live.session_id}: the beginning of its log was pruned, it cannot be rebuilt")
        kept = await self._kept_rows(live)
        rows, attributes = await self._project(live, session)
        rebuilt = Rebuilt(
            event_count=session.head,
            changed=frozenset(key for key in kept.keys() | rows.keys() if kept.get(key) != rows.get(key)),
            attributes_changed=attributes != dict(session.attributes),
        )
        await self._store.commit(
            [
                SessionCommit(
                    session_id=live.session_id,
                    epoch=session.epoch,
                    base=session.head,
                    events=(),
                    rows=list(rows.values()),
                    settled=session.head,
                    attributes=attributes,
                    at_ms=session.updated_at_ms,
                    replaces_rows=True,
                    next_epoch=self._store.new_epoch() if rebuilt.changed else None,
                )
            ]
        )
        live.is_loaded = False
        return rebuilt

    async def _kept_rows(self, live: LiveSession) -> dict[EntityKey, EntityRow]:
        """Every row, with what is newer in memory."""
        rows: dict[EntityKey, EntityRow] = {}
        after = Ordinal(0)
        while True:
            page = await self._store.changed(live.session_id, after=after, limit=_PAGE, hidden=())
            rows |= {(row.kind, row.id): row for row in page.rows}
            if not page.has_more:
                break
            after = page.rows[-1].updated
        return rows | {key: entity.to_row() for key, entity in live.timeline.dirty.items()}

    async def _project(self, live: LiveSession, session: Session) -> tuple[dict[EntityKey, EntityRow], dict[str, str]]:
        timeline = LiveTimeline(is_complete=True)
        so_far = msgspec.structs.replace(session, head=Ordinal(0), settled=Ordinal(0), attributes={})
        while so_far.head < session.head:
            for entry in await self._store.events(live.session_id, so_far.head, _PAGE):
                event = self._loader.to_event(live.session_id, entry)
                ops = self._projections.project_timeline(event, so_far, timeline)
                changes = self._projections.project_attributes(event, so_far, timeline)
                timeline.apply(ops, event.ordinal)
                timeline.keep()
                attributes = merged_attributes(so_far.attributes, changes)
                so_far = msgspec.structs.replace(so_far, head=event.ordinal, attributes=attributes)
        rows = {(entity.kind, entity.id): entity.to_row() for entity in timeline.live_entities()}
        return {**timeline.tombstones, **rows}, dict(so_far.attributes)
