"""Rebuilding: the whole log through the projections again, into the rows that should be there.

For a projection that was changed or mended. Subscribers see no traffic of it; where the outcome differs from what was
kept, the session gets a new epoch and they hydrate again, since what they hold no longer follows from their cursor.

Rule: PL3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import msgspec

from webchat_nb.errors import LogPrunedError, ProjectionError
from webchat_nb.stream.failures import FAILURE, FailingError
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import EntityKey, EntityRow, LogEntry, Ordinal, Session
from webchat_nb.stream.projecting import Projector
from webchat_nb.stream.projections import merged_attributes
from webchat_nb.stream.store import SessionCommit, Store
from webchat_nb.stream.timeline import LiveTimeline

_PAGE = 1000

Progress = Callable[[int, int], None]
"""Told how many of how many events are projected, now and then."""


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
    """Projects logs from their beginning; call it with the session held at one position (``LiveSession.reading``)."""

    def __init__(self, *, store: Store, projector: Projector, loader: Loader) -> None:
        self._store = store
        self._projector = projector
        self._loader = loader

    async def rebuild(self, live: LiveSession, progress: Progress | None = None) -> Rebuilt:
        """Project the log from its beginning and keep the outcome.

        Records of refused events stay: they are not in the log.

        Raises:
            LogPrunedError: The log no longer reaches back to its beginning. Nothing is changed.
            ProjectionError: A projection refuses an event of the log. Nothing is changed.
            StoreError: The store refused. Nothing is changed.
        """
        session = live.session
        if not session.exists:
            return Rebuilt(event_count=0, changed=frozenset(), attributes_changed=False)
        kept = await self._kept_rows(live)
        folded, timeline = await self._fold(live, session.head, progress)
        refused = {key: row for key, row in kept.items() if row.kind == FAILURE and _is_refused(row)}
        rows = {**_rows(timeline), **refused}
        rebuilt = Rebuilt(
            event_count=session.head,
            changed=frozenset(key for key in kept.keys() | rows.keys() if kept.get(key) != rows.get(key)),
            attributes_changed=folded.attributes != session.attributes,
        )
        shown = [key for key in rebuilt.changed if key[0] != FAILURE]
        await self._store.commit(
            [
                SessionCommit(
                    session_id=live.session_id,
                    epoch=session.epoch,
                    base=session.head,
                    events=(),
                    rows=list(rows.values()),
                    settled=session.head,
                    attributes=folded.attributes,
                    at_ms=session.updated_at_ms,
                    replaces_rows=True,
                    next_epoch=self._store.new_epoch() if shown else None,
                )
            ]
        )
        live.is_loaded = False
        return rebuilt

    async def rows_at(self, live: LiveSession, ordinal: Ordinal) -> tuple[Session, list[EntityRow]]:
        """The session and its live rows, oldest first, as they were right after an event.

        Raises:
            LogPrunedError, ProjectionError, StoreError: As ``rebuild``.
        """
        folded, timeline = await self._fold(live, ordinal, None)
        rows = [entity.to_row() for entity in timeline.live_entities()]
        return folded, sorted(rows, key=lambda row: (row.created, row.kind, row.id))

    async def _kept_rows(self, live: LiveSession) -> dict[EntityKey, EntityRow]:
        """Every row, with what is newer in memory."""
        rows: dict[EntityKey, EntityRow] = {}
        after = Ordinal(-1)  # a record of a refused event may be older than the first event
        while True:
            page = await self._store.changed(live.session_id, after=after, limit=_PAGE, hidden=())
            rows |= {(row.kind, row.id): row for row in page.rows}
            if not page.has_more:
                break
            after = page.rows[-1].updated
        self._loader.check_rows(live, list(rows.values()))
        return rows | {key: entity.to_row() for key, entity in live.timeline.dirty.items()}

    async def _fold(self, live: LiveSession, until: Ordinal, progress: Progress | None) -> tuple[Session, LiveTimeline]:
        if await self._store.first_ordinal(live.session_id) > 1:
            raise LogPrunedError(f"session {live.session_id}: the beginning of its log was pruned")
        timeline = LiveTimeline(is_complete=True)
        so_far = msgspec.structs.replace(live.session, head=Ordinal(0), settled=Ordinal(0), attributes={})
        while so_far.head < until:
            entries = await self._store.events(live.session_id, so_far.head, min(_PAGE, until - so_far.head))
            if not entries:
                raise LogPrunedError(f"session {live.session_id}: its log was pruned or erased meanwhile")
            for entry in entries:
                so_far = self._fold_entry(live, entry, so_far, timeline)
            if progress is not None:
                progress(so_far.head, until)
        return so_far, timeline

    def _fold_entry(self, live: LiveSession, entry: LogEntry, so_far: Session, timeline: LiveTimeline) -> Session:
        event = self._loader.to_event(live.session_id, entry)
        try:
            projected = self._projector.project(event, so_far, timeline, is_past=True)
        except FailingError as failing:
            raise ProjectionError(f"session {live.session_id} at {entry.ordinal}: {failing}") from failing
        timeline.keep()
        attributes = merged_attributes(so_far.attributes, projected.attributes)
        return msgspec.structs.replace(so_far, head=event.ordinal, attributes=attributes)


def _rows(timeline: LiveTimeline) -> dict[EntityKey, EntityRow]:
    live = {(entity.kind, entity.id): entity.to_row() for entity in timeline.live_entities()}
    return {**timeline.tombstones, **live}


def _is_refused(row: EntityRow) -> bool:
    return row.removed or "ordinal" not in msgspec.json.decode(row.payload)  # protobuf JSON leaves a 0 out
