"""How a subscription begins: a snapshot, or what was missed.

A resumption does not replay the missed events one by one: it is one delivery with what they changed. An entity whose
text only grew is sent as the piece that is missing; any other as it is now. Its cost depends on what was missed, not on
the history, and the fold is the same (FR6).

Rule: FR4-FR6, FR13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from webchat_nb.stream.delivery import BATCH_TYPE, AppendOp, Delivery, RemoveOp, UpsertOp, WireOp
from webchat_nb.stream.fanout import Hydration
from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import Cursor, Entity, EntityKey, EntityRow, Ordinal, Session, Snapshot, SnapshotReason
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import Store
from webchat_nb.stream.timeline import NotLoadedError, utf16_length

MAX_MISSED_EVENTS = 20_000
"""More missed events than this are not looked through; a snapshot of a window is cheaper."""

MAX_MISSED_BYTES = 512 << 10
"""A resumption is one frame; a larger one becomes a snapshot, which may come in parts."""


@final
class Hydrator:
    """Reads where a subscription begins; call it with the session held at one position (``LiveSession.reading``)."""

    def __init__(self, *, registry: SchemaRegistry, store: Store, loader: Loader) -> None:
        self._registry = registry
        self._store = store
        self._loader = loader

    async def hydrate(
        self, live: LiveSession, *, since: Cursor | None, window: int, reason: SnapshotReason
    ) -> Hydration:
        """A resumption where that is whole, else a snapshot and why.

        Args:
            live: The session, loaded.
            since: Where the subscriber stands, if it holds anything.
            window: Newest entities in a snapshot.
            reason: Told with a snapshot when ``since`` is None.
        """
        if since is not None:
            resumed = await self._resume(live, since, window)
            if isinstance(resumed, Hydration):
                return resumed
            reason = resumed
        snapshot = await self.snapshot(live, window=window)
        return Hydration(
            session_id=live.session_id,
            epoch=snapshot.epoch,
            mode="snapshot",
            reason=reason,
            start=Ordinal(0),
            head=snapshot.ordinal,
            snapshot=snapshot,
        )

    async def snapshot(self, live: LiveSession, *, window: int, before: Ordinal | None = None) -> Snapshot:
        """The newest entities with ``created`` < ``before``, at the present position."""
        session = live.session
        page = await self._store.window(
            live.session_id, limit=window, before=before, hidden=self._registry.private_kinds
        )
        rows = live.timeline.overlay(page.rows)
        return Snapshot(
            session_id=live.session_id,
            epoch=session.epoch,
            ordinal=session.head,
            entities=rows,
            has_more=page.has_more,
            oldest=rows[0].created if rows else Ordinal(0),
            attributes=session.attributes,
        )

    async def _resume(self, live: LiveSession, since: Cursor, window: int) -> Hydration | SnapshotReason:
        session = live.session
        if since.epoch != session.epoch:
            return "epoch_changed"
        if since.ordinal > session.head:
            return "ahead_of_head"
        missed_count = session.head - since.ordinal
        if missed_count and await self._store.first_ordinal(live.session_id) > since.ordinal + 1:
            return "pruned"
        if missed_count > MAX_MISSED_EVENTS:
            return "gap_too_large"
        missed: list[Delivery] = []
        if missed_count:
            rows, has_more = await self.changed_page(live, after=since.ordinal, limit=window)
            if has_more:
                return "gap_too_large"
            ops = await self._catch_up(live, session, since.ordinal, rows)
            delivery = Delivery(
                live.session_id, since.ordinal, session.head, session.updated_at_ms, BATCH_TYPE, "", None, ops
            )
            if delivery.weight > MAX_MISSED_BYTES:
                return "gap_too_large"
            missed.append(delivery)
        return Hydration(
            session_id=live.session_id,
            epoch=session.epoch,
            mode="resumed",
            reason=None,
            start=since.ordinal,
            head=session.head,
            missed=missed,
        )

    async def changed_page(self, live: LiveSession, *, after: Ordinal, limit: int) -> tuple[list[EntityRow], bool]:
        """Rows that changed after an ordinal, tombstones included, by ``updated``; and whether there are more.

        What grows in memory is newer than any row, so it comes on the last page only.
        """
        page = await self._store.changed(live.session_id, after=after, limit=limit, hidden=self._registry.private_kinds)
        dirty = live.timeline.dirty
        rows = {(row.kind, row.id): row for row in page.rows if (row.kind, row.id) not in dirty}
        if not page.has_more:
            for key, entity in dirty.items():
                if entity.updated > after and not self._registry.is_private(entity.kind):
                    rows[key] = entity.to_row()
        return sorted(rows.values(), key=lambda row: (row.updated, row.kind, row.id)), page.has_more

    async def entities(self, live: LiveSession, kind: str) -> Sequence[Entity]:
        """All entities of a kind."""
        try:
            return live.timeline.entities(kind)
        except NotLoadedError as missing:
            await self._loader.load_missing(live, missing)
            return live.timeline.entities(kind)

    async def _catch_up(
        self, live: LiveSession, session: Session, after: Ordinal, rows: Sequence[EntityRow]
    ) -> list[WireOp]:
        grown = [row for row in rows if not row.removed and row.rebased <= after]
        tails = await self._tails(live, session, after) if grown else {}
        ops: list[WireOp] = []
        for row in rows:
            if row.removed:
                ops.append(RemoveOp(row.kind, row.id, row.updated))
            elif row.rebased > after or not tails.get((row.kind, row.id)):
                ops.append(UpsertOp(row.kind, row.id, row.created, row.updated, row.payload))
            else:
                entity = live.timeline.find(row.kind, row.id)
                for field, text in tails[row.kind, row.id].items():
                    assert entity is not None
                    at = entity.length(field) - utf16_length(text)
                    ops.append(AppendOp(row.kind, row.id, field, at, text, row.updated))
        return ops

    async def _tails(self, live: LiveSession, session: Session, after: Ordinal) -> dict[EntityKey, dict[str, str]]:
        """What each entity's fields grew by after an ordinal, from the log."""
        pieces: dict[EntityKey, dict[str, list[str]]] = {}
        for entry in await self._store.events(live.session_id, after, MAX_MISSED_EVENTS):
            if not entry.appends:
                continue
            try:
                appends = self._loader.known_appends_of(live, session, entry)
            except NotLoadedError:
                appends = await self._loader.appends_of(live, session, entry)
            for append in appends:
                pieces.setdefault((append.kind, append.id), {}).setdefault(append.field, []).append(append.text)
        for kind, id in pieces:
            await self._loader.load_entity(live, kind, id)
        return {key: {field: "".join(texts) for field, texts in fields.items()} for key, fields in pieces.items()}
