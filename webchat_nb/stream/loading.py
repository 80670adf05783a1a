"""From the store into memory: sessions, what a projection misses, and what a crash left in the log only.

Rule: ST2, ST3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import final

from google.protobuf.message import Message

from webchat_nb.stream.live import LiveSession
from webchat_nb.stream.model import Append, EntityRow, LogEntry, LoggedEvent, Session, SessionId
from webchat_nb.stream.projections import Projections
from webchat_nb.stream.schema import SchemaRegistry
from webchat_nb.stream.store import Store
from webchat_nb.stream.timeline import LiveTimeline, NotLoadedError

_PAGE = 1000

_NEWEST = 50
"""Entities that are loaded at once with a session that other processes write to as well."""

Moved = Callable[[LiveSession, Session], Awaitable[None]]
"""Told a session that was loaded anew and stands elsewhere now, and what it was before; may raise ``OutrunError``."""


class OutrunError(Exception):
    """Another process wrote what was just read: memory has to follow first. Inside the stream only."""


@final
class Loader:
    """Brings sessions into memory.

    Attributes:
        moved: See ``Moved``; unless set otherwise, all subscribers hydrate again.
    """

    def __init__(self, *, registry: SchemaRegistry, store: Store, projections: Projections) -> None:
        self._registry = registry
        self._store = store
        self._projections = projections
        self.moved: Moved = _lag_all

    async def ensure(self, live: LiveSession) -> None:
        """Make the live session stand for what is in the store.

        Raises:
            StoreError: The store cannot be read; the session stays unloaded.
        """
        while not live.is_loaded:
            if live.loading is not None:
                await asyncio.shield(live.loading)
                continue
            live.loading = asyncio.get_running_loop().create_future()
            try:
                await self._load(live)
                live.is_loaded = True
            finally:
                done, live.loading = live.loading, None
                done.set_result(None)

    async def _load(self, live: LiveSession) -> None:
        before = live.session
        try:
            while True:
                try:
                    await self._read(live, before)
                    if before.epoch and (before.epoch, before.head) != (live.session.epoch, live.session.head):
                        await self.moved(live, before)
                    break
                except OutrunError:
                    continue  # it is further now: read that
        except BaseException:
            live.session = before  # who loads it next has to see that it moved
            raise

    async def _read(self, live: LiveSession, before: Session) -> None:
        stored = await self._store.session(live.session_id)
        if stored is None:
            epoch = before.epoch if before.epoch and not before.exists else self._store.new_epoch()
            stored = Session(session_id=live.session_id, epoch=epoch)
        live.session = stored
        live.timeline = LiveTimeline(is_complete=not stored.exists)
        if self._store.sharing is not None and stored.exists:
            await self._load_newest(live)
        if stored.settled < stored.head:
            await self._recover_appends(live, stored)

    async def _load_newest(self, live: LiveSession) -> None:
        """What other processes will change next is among the newest: to follow them it has to be here as it was."""
        page = await self._store.window(live.session_id, limit=_NEWEST, before=None, hidden=())
        self.check_rows(live, page.rows)
        for row in page.rows:
            live.timeline.load(row.kind, row.id, row, self._parse)

    async def _recover_appends(self, live: LiveSession, stored: Session) -> None:
        """Apply the appends that are in the log but not yet in the rows."""
        after = stored.settled
        while after < stored.head:
            entries = await self._store.events(live.session_id, after, min(_PAGE, stored.head - after))
            if not entries:
                return
            for entry in entries:
                if entry.appends:
                    await self._recover_entry(live, stored, entry)
            after = entries[-1].ordinal

    async def _recover_entry(self, live: LiveSession, stored: Session, entry: LogEntry) -> None:
        for append in await self.appends_of(live, stored, entry):
            await self.load_entity(live, append.kind, append.id)
            entity = live.timeline.find(append.kind, append.id)
            if entity is not None and entity.updated < entry.ordinal:
                live.timeline.apply([append], entry.ordinal)
        live.timeline.keep()

    async def appends_of(self, live: LiveSession, session: Session, entry: LogEntry) -> list[Append]:
        """What a logged event appends; the ops of such an event depend on the event alone (see ``Append``)."""
        while True:
            try:
                return self.known_appends_of(live, session, entry)
            except NotLoadedError as missing:
                await self.load_missing(live, missing)

    def known_appends_of(self, live: LiveSession, session: Session, entry: LogEntry) -> list[Append]:
        """The same, without waiting.

        Raises:
            NotLoadedError: The projection asks for what is in the store only.
        """
        event = self.to_event(live.session_id, entry)
        ops = self._projections.project_timeline(event, session, live.timeline)
        return [op for op in ops if isinstance(op, Append)]

    def to_event(self, session_id: SessionId, entry: LogEntry) -> LoggedEvent:
        """The record of a log entry, its payload decoded."""
        payload = self._registry.message_type("event", entry.name).FromString(entry.payload)
        return LoggedEvent(
            session_id=session_id, ordinal=entry.ordinal, name=entry.name, payload=payload, at_ms=entry.at_ms
        )

    async def load_missing(self, live: LiveSession, missing: NotLoadedError) -> None:
        """Bring what a projection asked for into memory."""
        if missing.id is not None:
            await self.load_entity(live, missing.kind, missing.id)
        else:
            rows = await self._store.entities(live.session_id, missing.kind)
            self.check_rows(live, rows)
            await self._check_tombstones(live, missing.kind)
            live.timeline.load_kind(missing.kind, rows, self._parse)

    async def load_entity(self, live: LiveSession, kind: str, id: str) -> None:
        """Bring one entity into memory, if it is not there."""
        try:
            live.timeline.find(kind, id)
        except NotLoadedError:
            row = await self._store.entity(live.session_id, kind, id)
            if row is not None and row.created > live.session.head:
                row = None  # another process made it, later than where this session stands
            self.check_rows(live, (row,) if row is not None else ())
            live.timeline.load(kind, id, row, self._parse)

    def check_rows(self, live: LiveSession, rows: Iterable[EntityRow]) -> None:
        """Refuse rows that are newer than where the session stands.

        Raises:
            OutrunError: Another process wrote them.
        """
        if self._store.sharing is not None and any([row.updated > live.session.head for row in rows]):
            raise OutrunError

    async def _check_tombstones(self, live: LiveSession, kind: str) -> None:
        """A row that another process took away would be missing without a trace."""
        if self._store.sharing is not None:
            page = await self._store.changed(live.session_id, after=live.session.head, limit=_PAGE, hidden=())
            if page.has_more or any([row.kind == kind for row in page.rows]):
                raise OutrunError

    def _parse(self, row: EntityRow) -> Message:
        return self._registry.from_json("entity", row.kind, row.payload)


async def _lag_all(live: LiveSession, before: Session) -> None:
    live.fanout.lag_all()
