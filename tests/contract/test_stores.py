"""The built-in stores keep the store contract (ST1), and agree with each other on whatever hypothesis thinks of."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from webchat_nb.errors import StoreError
from webchat_nb.stream.model import EntityRow, Epoch, Ordinal, SessionId
from webchat_nb.stream.store import SessionCommit, Store
from webchat_nb.stream.stores import MemoryStore, SQLiteStore
from webchat_nb.testing.store_author import entry, receipt, row
from webchat_nb.testing.store_contract import StoreContract

T = TypeVar("T")


class TestMemoryStore(StoreContract):
    is_durable = False

    def make_store(self, place: Path) -> Store:
        return MemoryStore()


class TestSQLiteStore(StoreContract):
    def make_store(self, place: Path) -> Store:
        return SQLiteStore(place / "chat.db")


class TestSQLiteStoreNormal(StoreContract):
    def make_store(self, place: Path) -> Store:
        return SQLiteStore(place / "chat.db", synchronous="NORMAL")


SESSIONS = [SessionId("a"), SessionId("b"), SessionId("c:1")]
KINDS = ["ChatMessage", "ChatRun"]
sessions = st.sampled_from(SESSIONS)
texts = st.sampled_from(["", "Äpfel", "100%", "äpfel und birnen", "ann"])
attributes = st.dictionaries(st.sampled_from(["title", "owner", "status", "folder"]), texts, max_size=3)
times = st.integers(0, 5)
hidden_kinds = st.lists(st.sampled_from(KINDS), max_size=1)
rows = st.lists(
    st.builds(
        row,
        st.sampled_from(["x", "y", "z"]),
        st.integers(1, 4),
        st.integers(1, 12),
        kind=st.sampled_from(KINDS),
        payload=st.binary(max_size=8),
        removed=st.booleans(),
    ),
    max_size=3,
)


class StoresAgree(RuleBasedStateMachine):
    """Says everything to both stores: the SQLite store has to do as its readable definition does."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.memory: Store = MemoryStore()
        self.sqlite: Store = SQLiteStore(Path(self.folder.name) / "chat.db")
        self.run(lambda store: store.open())

    def run(self, ask: Callable[[Store], Awaitable[T]]) -> T:
        """Ask both, hold the answers equal."""

        async def answer(store: Store) -> T | type[StoreError]:
            try:
                return await ask(store)
            except StoreError as error:
                return type(error)

        wanted, got = (self.runner.run(answer(store)) for store in (self.memory, self.sqlite))
        assert got == wanted
        return wanted  # type: ignore[return-value]

    def commit(self, drafts: Sequence[SessionCommit]) -> None:
        self.run(lambda store: store.commit(drafts))

    def draft(
        self,
        session_id: SessionId,
        event_count: int,
        rows: Sequence[EntityRow],
        settled: int,
        attributes: dict[str, str],
        at_ms: int,
        *,
        strayed: int = 0,
        keys: Sequence[str] = (),
    ) -> SessionCommit:
        session = self.run(lambda store: store.session(session_id))
        base = (session.head if session else 0) + strayed
        return SessionCommit(
            session_id=session_id,
            epoch=session.epoch if session else Epoch("new"),
            base=Ordinal(base),
            events=[entry(base + n, at_ms=at_ms) for n in range(1, event_count + 1)],
            rows=rows,
            settled=Ordinal(settled),
            attributes=attributes,
            receipts=[receipt(key, session_id=session_id, answer=str(at_ms)) for key in keys],
            at_ms=at_ms,
        )

    @rule(
        session_id=sessions, n=st.integers(0, 4), rows=rows, settled=st.integers(0, 6), keys=st.sets(texts, max_size=2)
    )
    def commits(self, session_id: SessionId, n: int, rows: list[EntityRow], settled: int, keys: set[str]) -> None:
        self.commit([self.draft(session_id, n, rows, settled, {"title": "T"}, n, keys=sorted(keys))])

    @rule(session_id=sessions, n=st.integers(1, 3), at_ms=times)
    def tokens_stream(self, session_id: SessionId, n: int, at_ms: int) -> None:
        for _ in range(n):
            self.commit([self.draft(session_id, 1, [], 0, {"title": "T"}, at_ms)])

    @rule(session_id=sessions, attributes=attributes, at_ms=times)
    def attributes_change(self, session_id: SessionId, attributes: dict[str, str], at_ms: int) -> None:
        self.commit([self.draft(session_id, 1, [], 0, attributes, at_ms)])

    @rule(strayed=st.sampled_from([-1, 0, 0, 1]), at_ms=times)
    def sessions_share_a_batch(self, strayed: int, at_ms: int) -> None:
        drafts = [self.draft(session_id, 1, [row("x", 1)], 0, {}, at_ms) for session_id in SESSIONS[:2]]
        self.commit([*drafts, self.draft(SESSIONS[2], 1, [], 0, {}, at_ms, strayed=strayed)])

    @rule(session_id=sessions, upto=st.integers(0, 6))
    def prunes(self, session_id: SessionId, upto: int) -> None:
        self.run(lambda store: store.prune(session_id, upto=Ordinal(upto)))

    @rule(session_id=sessions)
    def erases(self, session_id: SessionId) -> None:
        self.run(lambda store: store.erase(session_id))

    @rule()
    def sqlite_restarts(self) -> None:
        self.runner.run(self.sqlite.close())
        self.sqlite = SQLiteStore(Path(self.folder.name) / "chat.db")
        self.runner.run(self.sqlite.open())

    @rule(session_id=sessions, after=st.integers(0, 8), limit=st.integers(0, 5))
    def log_is_read(self, session_id: SessionId, after: int, limit: int) -> None:
        self.run(lambda store: store.events(session_id, Ordinal(after), limit))
        self.run(lambda store: store.first_ordinal(session_id))

    @rule(session_id=sessions, ordinal=st.integers(0, 9), limit=st.integers(0, 4), hidden=hidden_kinds)
    def pages_are_read(self, session_id: SessionId, ordinal: int, limit: int, hidden: list[str]) -> None:
        at = Ordinal(ordinal)
        self.run(lambda store: store.window(session_id, limit=limit, before=at or None, hidden=hidden))
        self.run(lambda store: store.changed(session_id, after=at, limit=limit, hidden=hidden))
        self.run(lambda store: store.entities(session_id, KINDS[0]))

    @rule(limit=st.integers(0, 3), where=attributes, search=texts)
    def list_is_read(self, limit: int, where: dict[str, str], search: str) -> None:
        page = self.run(lambda store: store.sessions(limit=limit, cursor=None, where={}, search=None))
        self.run(lambda store: store.sessions(limit=limit, cursor=page.next, where={}, search=None))
        self.run(lambda store: store.sessions(limit=limit, cursor=None, where=where, search=search))

    @rule(session_id=sessions, key=texts)
    def receipt_is_read(self, session_id: SessionId, key: str) -> None:
        self.run(lambda store: store.receipt(session_id, "ann", key))

    @invariant()
    def sessions_are_the_same(self) -> None:
        for session_id in SESSIONS:
            self.run(lambda store, session_id=session_id: store.session(session_id))  # type: ignore[misc]

    def teardown(self) -> None:
        for store in (self.memory, self.sqlite):
            self.runner.run(store.close())
        self.runner.close()
        self.folder.cleanup()


QUICK = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestStoresAgree = pytest.mark.rule("ST1", "ST4")(StoresAgree.TestCase)
TestStoresAgree.settings = QUICK


class LongStoresAgree(StoresAgree):
    """The same, for longer."""


TestStoresAgreeForLong = pytest.mark.nightly(pytest.mark.timeout(600)(LongStoresAgree.TestCase))
TestStoresAgreeForLong.settings = settings(QUICK, max_examples=600, stateful_step_count=60)
