"""What every class of the contract begins with: an open store, another one at the same place, short questions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from webchat_nb.stream.model import EntityRow, SessionId
from webchat_nb.stream.store import SessionPage, Store
from webchat_nb.testing.aio import AsyncTests

C1 = SessionId("c1")
C2 = SessionId("c2")


class StoreTests(AsyncTests):
    """Gives each test an open store, and a way to open it again.

    Attributes:
        is_durable: What was committed is there after the store was closed and opened again.
        is_shared: Several processes may write to it; then ``SharedStoreContract`` is what to inherit.
    """

    is_durable: ClassVar[bool] = True
    is_shared: ClassVar[bool] = False

    @abstractmethod
    def make_store(self, place: Path) -> Store:
        """A store that is not open yet; for the same place, one that has the same past."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """An open, empty store."""
        store = self.make_store(tmp_path)
        self.runner.run(store.open())
        yield store
        self.runner.run(store.close())

    async def reopen(self, store: Store, place: Path) -> Store:
        """Close the store and open it again, as after a restart."""
        await store.close()
        again = self.make_store(place)
        await again.open()
        return again


def ids_of(rows: Sequence[EntityRow]) -> list[str]:
    """The rows' ids, in their order."""
    return [row.id for row in rows]


async def listed(
    store: Store,
    *,
    limit: int = 50,
    cursor: str | None = None,
    where: dict[str, str] | None = None,
    search: str | None = None,
) -> SessionPage:
    """A page of the list."""
    return await store.sessions(limit=limit, cursor=cursor, where=where or {}, search=search)


async def all_ids(
    store: Store, *, limit: int = 50, where: dict[str, str] | None = None, search: str | None = None
) -> list[str]:
    """The ids on all pages of the list."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await listed(store, limit=limit, cursor=cursor, where=where, search=search)
        ids += [session.session_id for session in page.sessions]
        if page.next is None:
            return ids
        cursor = page.next
