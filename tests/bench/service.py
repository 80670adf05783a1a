"""The service without sockets: prompts accepted, tokens on their way, runs in memory, lists (S1, S3, S4).

The whole application on an SQLite file with ``synchronous=FULL``; what is awaited is what a transport would await.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.measurement import Measurement, measured
from tests.bench.memory import resident_bytes
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.engine import EngineEvent, RunRequest, TextDelta
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import Principal, SubmitRequest

ME = Principal()

_SUBMITTERS = 64
"""Prompts under way at a time: as many conversations."""

_LIST_COUNT = 10_000
_HELD_TOKENS = 20


class _Brief:
    """Answers with one word."""

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        yield TextDelta("Good.")


class _Holding:
    """Says some words, then waits until it is stopped."""

    async def run(self, request: RunRequest) -> AsyncIterator[EngineEvent]:
        for _ in range(_HELD_TOKENS):
            yield TextDelta("word ")
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(engine: Any, **config: Any) -> AsyncIterator[ChatApp]:
    """The application with one profile, whose engine this is."""
    profiles = {"profiles": [{"slug": "bench", "engine": "bench"}]}
    with TemporaryDirectory(prefix="webchat-bench-") as folder:
        db = str(Path(folder) / "chat.sqlite")
        async with build(Config(db=db, profiles=profiles, engines={"bench": lambda plan: engine}, **config)) as app:
            yield app


def run(is_quick: bool) -> Iterable[Measurement]:
    """S1, S3 and S4."""
    return asyncio.run(_measure(is_quick))


async def _measure(is_quick: bool) -> list[Measurement]:
    accepted = [await _accepted_rate(1000 if is_quick else 3000) for _ in range(2 if is_quick else 5)]
    one_by_one = [await _accepted_rate(200, submitters=1) for _ in range(2 if is_quick else 5)]
    return [
        measured("S1.accepted", f"prompts/s from {_SUBMITTERS} clients", accepted),
        measured("S1.accepted.one_client", "prompts/s, one after the other", one_by_one),
        measured("S3.run", "bytes per active run", [await _run_bytes(100 if is_quick else 500)], at_most=50_000),
        *await _lists(1000 if is_quick else _LIST_COUNT),
    ]


async def _accepted_rate(count: int, *, submitters: int = _SUBMITTERS) -> float:
    """Prompts per second: submitted, committed, acknowledged; their answers are written meanwhile."""
    async with serving(_Brief()) as app:

        async def submit(submitter: int) -> None:
            for number in range(count // submitters):
                await app.service.submit(ME, SubmitRequest(prompt="hello", conv_id=f"c{submitter}-{number}"))

        begun_s = time.perf_counter()
        await asyncio.gather(*(submit(number) for number in range(submitters)))
        took_s = time.perf_counter() - begun_s
        await _all_idle(app)
    return count // submitters * submitters / took_s


async def _all_idle(app: ChatApp) -> None:
    while True:
        page = await app.hub.store.sessions(limit=1, cursor=None, where={"status": "running"}, search=None)
        if not page.sessions:
            return
        await app.service.wait_idle(ME, page.sessions[0].session_id)


async def _run_bytes(count: int) -> float:
    """What a run keeps in memory while its engine waits: conversation, run, engine, publisher, live entities."""
    async with serving(_Holding()) as app:
        await _hold(app, "warm", count)
        before = await resident_bytes()
        await _hold(app, "c", count)
        after = await resident_bytes()
    return (after - before) / count


async def _hold(app: ChatApp, prefix: str, count: int) -> None:
    for number in range(count):
        await app.service.submit(ME, SubmitRequest(prompt="hold", conv_id=f"{prefix}{number}"))
    last = session_id(f"{prefix}{count - 1}")
    while (await app.hub.session(last)).head < _HELD_TOKENS:
        await asyncio.sleep(0.01)


async def _lists(count: int) -> list[Measurement]:
    """Pages of lists and searches: of all conversations, and of one of a hundred users who share the server."""
    users = [Principal(user=f"user-{number}") for number in range(100)]
    async with serving(_Brief()) as app:
        service = app.service
        for first in range(0, count, len(users)):
            made = await asyncio.gather(*(service.create_session(user) for user in users))
            titles = [f"About the {(first + number) % 997}th thing" for number in range(len(users))]
            sessions = zip(users, made, titles, strict=True)
            await asyncio.gather(
                *(service.rename_session(user, session.session_id, title) for user, session, title in sessions)
            )
        _, middle = await service.list(ME)
        for _ in range(count // 100):
            _, middle = await service.list(ME, cursor=middle)
        asked: dict[str, Callable[[], Awaitable[Any]]] = {
            "S4.list": lambda: service.list(ME),
            "S4.list.middle": lambda: service.list(ME, cursor=middle),
            "S4.list.user": lambda: service.list(users[7]),
            "S4.search": lambda: service.list(ME, query="the 500th"),
            "S4.search.nothing": lambda: service.list(ME, query="not to be found"),
            "S4.search.user": lambda: service.list(users[7], query="7th thing"),
        }
        unit = f"ms, of {count:,} conversations"
        return [measured(id, unit, await _times_ms(ask), at_most=10) for id, ask in asked.items()]


async def _times_ms(ask: Callable[[], Awaitable[Any]]) -> Sequence[float]:
    took: list[float] = []
    for _ in range(30):
        begun_s = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - begun_s) * 1000)
    return [median(took[index : index + 6]) for index in range(0, 30, 6)]
