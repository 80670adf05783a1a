"""What is found after a death, held against all that the dead ever said.

Rule: ST2, HT3, HT6, OR2, OR3, RN3, RN4, PL3, ST8.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from tests.unit.stream.crash.reports import (
    Acknowledged,
    Asked,
    Erased,
    Erasing,
    Judged,
    Judging,
    Pruned,
    Report,
    Shown,
    Stopped,
    digest_of,
)
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.errors import BadRequestError
from webchat_nb.stream import Ordinal, SessionId
from webchat_nb.testing.fold import rows_timeline
from webchat_nb.wire.requests import FeedbackRequest, Principal, SubmitRequest

ANN = Principal(user="ann")
WHOLE = 10_000
TERMINAL = {"finished", "stopped", "failed", "interrupted"}
BOUNDED_S = 20.0


class Autopsy:
    """Everything that was said about one file, by all its victims.

    Attributes:
        names: What each ordinal was seen to name; it never names anything else.
    """

    def __init__(
        self, path: Path, synchronous: Literal["FULL", "NORMAL"], profiles: dict[str, Any], chance: random.Random
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._profiles = profiles
        self._chance = chance
        self._reports: list[Report] = []
        self.names: dict[tuple[str, str, int], str] = {}
        self._crashed_epochs: set[str] = set()

    def note(self, reports: Sequence[Report], *, is_closed: bool) -> None:
        """Take down what a victim said.

        Args:
            reports: All of it.
            is_closed: It died at the very end of closing, when the file was complete already.
        """
        self._reports += reports
        if not is_closed:
            self._crashed_epochs |= {report.epoch for report in reports if isinstance(report, Acknowledged | Shown)}

    async def examine(self) -> None:
        """Open the file as a restarted server does, and check the promise; then forget the reports."""
        app = build(Config(db=str(self._path), synchronous=self._synchronous, profiles=self._profiles))
        async with app:
            await self._check_shown(app)
            await self._check_keys(app)
            for conv_id in sorted({r.conv_id for r in self._reports if isinstance(r, Asked)}):
                await asyncio.wait_for(app.service.wait_idle(ANN, conv_id), BOUNDED_S)
                await self._check_conversation(app, SessionId(conv_id))
            await self._check_stops(app)
            await self._check_judgements(app)
            await self._check_erased(app)
        self._reports.clear()

    def _said(self, kind: type[Any]) -> list[Any]:
        return [report for report in self._reports if isinstance(report, kind)]

    async def _check_shown(self, app: ChatApp) -> None:
        """What anybody saw or was answered is there, at its ordinal, and looks the same (ST2)."""
        by_conversation: dict[SessionId, dict[tuple[str, int], str]] = {}
        for shown in self._said(Shown):
            known = by_conversation.setdefault(shown.conv_id, {})
            before = known.setdefault((shown.epoch, shown.seq), shown.digest)
            assert before == shown.digest, f"{shown.conv_id}: two timelines were shown at {shown.seq}"
        for conv_id, known in by_conversation.items():
            session = await app.hub.session(conv_id)
            seen = sorted(known, key=lambda place: place[1])
            assert seen[-1][1] <= session.head, f"{conv_id}: {seen[-1]} was shown and is gone"
            for epoch, seq in {*seen[-3:], *self._chance.sample(seen, min(4, len(seen)))}:
                if self._synchronous == "FULL":
                    assert epoch == session.epoch
                snapshot = await app.hub.snapshot(conv_id, as_of=Ordinal(seq), window=WHOLE)
                assert digest_of(rows_timeline(snapshot.entities)) == known[epoch, seq], f"{conv_id} at {seq}"

    async def _check_keys(self, app: ChatApp) -> None:
        """A key that was answered gets the same answer and starts nothing; one that was not runs at most once."""
        answers = {(ack.conv_id, ack.key): ack for ack in self._said(Acknowledged)}
        for asked in self._said(Asked):
            request = SubmitRequest(
                prompt=asked.prompt, conv_id=asked.conv_id, idempotency_key=asked.key, on_busy=asked.on_busy
            )
            ack: Acknowledged | None = answers.get((asked.conv_id, asked.key))
            if ack is None:
                await asyncio.wait_for(app.service.wait_idle(ANN, asked.conv_id), BOUNDED_S)
            answer = await app.service.submit(ANN, request)
            if ack is not None:
                assert answer.deduplicated, f"{asked} was answered and is gone"
                assert (answer.run_id, answer.turn_id, int(answer.seq)) == (ack.run_id, ack.turn_id, ack.seq)
                assert self._synchronous == "NORMAL" or answer.epoch == ack.epoch

    async def _check_judgements(self, app: ChatApp) -> None:
        """Feedback that was accepted is there, once; repeated with its key it is there once, accepted or not."""
        accepted = {(report.conv_id, report.key) for report in self._said(Judged)}
        for judging in self._said(Judging):
            conv_id = SessionId(judging.conv_id)
            request = FeedbackRequest(message_id=judging.message_id, value="up", comment=judging.key)
            before = (await app.hub.session(conv_id)).head
            with suppress(BadRequestError):
                is_repeated = await app.service.give_feedback(ANN, conv_id, request, key=judging.key)
                was_accepted = (judging.conv_id, judging.key) in accepted
                assert is_repeated or not was_accepted, f"{judging} was accepted and is gone"
                assert not is_repeated or (await app.hub.session(conv_id)).head == before
            if await app.hub.store.first_ordinal(conv_id) == 1:
                log = await app.hub.events(conv_id, after=Ordinal(0), limit=10**9)
                payloads: list[Any] = [event.payload for event in log if event.name == "ChatFeedbackGiven"]
                count = [payload.comment for payload in payloads].count(judging.key)
                assert count <= 1, f"{judging} was carried out {count} times"

    async def _check_conversation(self, app: ChatApp, conv_id: SessionId) -> None:
        hub = app.hub
        session = await hub.session(conv_id)
        if self._synchronous == "NORMAL":
            assert session.epoch not in self._crashed_epochs, "a mode that may lose the tail changes the epoch"
        first = await hub.store.first_ordinal(conv_id)
        entries = await hub.store.events(conv_id, Ordinal(0), 10**9)
        assert [entry.ordinal for entry in entries] == list(range(first, session.head + 1))
        for entry in entries:
            content = hashlib.sha256(entry.name.encode() + entry.payload).hexdigest()
            named = self.names.setdefault((conv_id, session.epoch, entry.ordinal), content)
            assert named == content, f"{conv_id}: {entry.ordinal} names two events"
        pruned = [report.first for report in self._said(Pruned) if report.conv_id == conv_id]
        assert first >= max(pruned, default=1), "what was pruned came back"

        entities = rows_timeline((await hub.snapshot(conv_id, window=WHOLE)).entities)
        for (kind, id), entity in entities.items():
            assert kind != "ChatRun" or entity["status"] in TERMINAL, f"{conv_id}: run {id} is {entity['status']}"
            assert not entity.get("streaming") and not entity.get("executing"), f"{conv_id}: {kind} {id} goes on"
        for asked in self._said(Asked):
            if asked.conv_id == conv_id:
                prompts = [
                    e
                    for (kind, _), e in entities.items()
                    if e.get("content") == asked.prompt and e.get("role") == "user"
                ]
                assert len(prompts) == 1, f"{conv_id}: {asked.key} was accepted {len(prompts)} times"
        if first == 1:
            rebuilt = await hub.rebuild(conv_id)
            assert rebuilt.is_same, f"{conv_id}: rows and log differ in {sorted(rebuilt.changed)}"

    async def _check_stops(self, app: ChatApp) -> None:
        for stopped in self._said(Stopped):
            run: Any = await app.hub.entity(stopped.conv_id, "ChatRun", stopped.run_id)
            assert run.payload.status == "stopped", f"{stopped}: it is {run.payload.status}"

    async def _check_erased(self, app: ChatApp) -> None:
        erased = {report.conv_id for report in self._said(Erased)}
        for conv_id in sorted({report.conv_id for report in self._said(Erasing)}):
            session = await app.hub.session(conv_id)
            if conv_id in erased:
                assert not session.exists, f"{conv_id} was erased and is back"
            elif session.exists:  # the erasure was not kept: then all of it is there
                await asyncio.wait_for(app.service.wait_idle(ANN, conv_id), BOUNDED_S)
                assert (await app.hub.rebuild(conv_id)).is_same
