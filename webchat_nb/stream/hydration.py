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
from webchat_nb.stream.live_entity import LiveEntity, utf16_length
from webchat_nb.stream.loading import Loader
from webchat_nb.stream.model import Cursor, Entity, EntityKey, EntityRow, Ordinal, Session, Snapshot, SnapshotReason
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import Store
from webchat_nb.stream.timeline import NotLoadedError

MAX_MISSED_EVENTS = 20_000
"""More missed events than this are not looked through; a snapshot of a window is cheaper."""

MAX_MISSED_ENTITIES = 200
"""Most changed entities that subscribers are told of at once, when another process changed them."""

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
        self._loader.check_rows(live, page.rows)
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

    def past_snapshot(
        self, session: Session, rows: Sequence[EntityRow], *, window: int, before: Ordinal | None
    ) -> Snapshot:
        """The newest of all live entities as they were once; ``rows`` by (created, kind, id)."""
        shown = [
            row for row in rows if not self._registry.is_private(row.kind) and (before is None or row.created < before)
        ]
        first = max(0, len(shown) - max(1, window))
        while first > 0 and shown[first - 1].created == shown[first].created:
            first -= 1
        page = shown[first:]
        return Snapshot(
            session_id=session.session_id,
            epoch=session.epoch,
            ordinal=session.head,
            entities=page,
            has_more=first > 0,
            oldest=page[0].created if page else Ordinal(0),
            attributes=session.attributes,
        )

    async def missed(self, live: LiveSession, since: Cursor) -> Sequence[Delivery] | None:
        """What brings subscribers from a cursor to where the session stands; None when only a snapshot does."""
        resumed = await self._resume(live, since, MAX_MISSED_ENTITIES)
        return resumed.missed if isinstance(resumed, Hydration) else None

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
            changes, has_more = await self._changes(live, since.ordinal, window)
            if has_more:
                return "gap_too_large"
            ops = await self._catch_up(live, session, since.ordinal, changes)
            if await self._store.first_ordinal(live.session_id) > since.ordinal + 1:
                return "pruned"  # meanwhile: pieces of a text may be missing
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
        changes, has_more = await self._changes(live, after, limit)
        return [change.to_row() if isinstance(change, LiveEntity) else change for change in changes], has_more

    async def _changes(
        self, live: LiveSession, after: Ordinal, limit: int
    ) -> tuple[list[EntityRow | LiveEntity], bool]:
        """The same, where what grows in memory is not encoded."""
        page = await self._store.changed(live.session_id, after=after, limit=limit, hidden=self._registry.private_kinds)
        self._loader.check_rows(live, page.rows)
        dirty = live.timeline.dirty
        changes: list[EntityRow | LiveEntity] = [row for row in page.rows if (row.kind, row.id) not in dirty]
        if not page.has_more:
            changes += [
                entity
                for entity in dirty.values()
                if entity.updated > after and not self._registry.is_private(entity.kind)
            ]
        return sorted(changes, key=lambda change: (change.updated, change.kind, change.id)), page.has_more

    async def entities(self, live: LiveSession, kind: str) -> Sequence[Entity]:
        """All entities of a kind."""
        try:
            return live.timeline.entities(kind)
        except NotLoadedError as missing:
            await self._loader.load_missing(live, missing)
            return live.timeline.entities(kind)

    async def _catch_up(
        self, live: LiveSession, session: Session, after: Ordinal, changes: Sequence[EntityRow | LiveEntity]
    ) -> list[WireOp]:
        logged: dict[EntityKey, dict[str, tuple[int, str]]] | None = None
        ops: list[WireOp] = []
        for change in changes:
            if isinstance(change, EntityRow) and change.removed:
                ops.append(RemoveOp(change.kind, change.id, change.updated))
                continue
            tails = None
            if change.rebased <= after:
                entity = live.timeline.peek(change.kind, change.id)
                tails = entity.tails(after) if entity is not None and entity.updated == change.updated else None
                if tails is None:
                    logged = logged if logged is not None else await self._logged_tails(live, session, after)
                    tails = logged.get((change.kind, change.id))
            if tails:
                for field, (at, text) in tails.items():
                    ops.append(AppendOp(change.kind, change.id, field, at, text, change.updated))
            else:
                ops.append(UpsertOp(change.kind, change.id, change.created, change.updated, change.payload))
        return ops

    async def _logged_tails(
        self, live: LiveSession, session: Session, after: Ordinal
    ) -> dict[EntityKey, dict[str, tuple[int, str]]]:
        """What each entity's fields grew by after an ordinal, from the log: where it begins, and the text."""
        pieces: dict[EntityKey, dict[str, list[str]]] = {}
        for entry in await self._store.events(live.session_id, after, session.head - after):
            if not entry.appends:
                continue
            try:
                appends = self._loader.known_appends_of(live, session, entry)
            except NotLoadedError:
                appends = await self._loader.appends_of(live, session, entry)
            for append in appends:
                pieces.setdefault((append.kind, append.id), {}).setdefault(append.field, []).append(append.text)
        tails: dict[EntityKey, dict[str, tuple[int, str]]] = {}
        for (kind, id), fields in pieces.items():
            await self._loader.load_entity(live, kind, id)
            entity = live.timeline.find(kind, id)
            if entity is not None:
                texts = {field: "".join(parts) for field, parts in fields.items()}
                tails[kind, id] = {
                    field: (entity.length(field) - utf16_length(text), text) for field, text in texts.items()
                }
        return tails
