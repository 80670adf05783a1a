"""Prompts, stops, signals, restarts and crashes in any order, and what becomes of the runs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.laws.board_machine import ignore
from tests.laws.client import EVERYTHING
from tests.laws.homes import Home, MemoryHome
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.errors import (
    ApprovalExpiredError,
    BusyError,
    IdempotencyConflictError,
    QueueFullError,
    UnknownRunError,
    UnknownSessionError,
)
from webchat_nb.stream import LoggedEvent, Ordinal, session_id
from webchat_nb.testing.fold import Fold, rows_timeline
from webchat_nb.wire.requests import CancelRequest, DecisionRequest, Limits, Principal, SubmitAnswer, SubmitRequest

T = TypeVar("T")
TALK = session_id("talk")
ANN = Principal(user="ann")
BOUNDED_S = 20.0
ENDS = {
    "ChatInferenceFinished": "finished",
    "ChatInferenceStopped": "stopped",
    "ChatInferenceFailed": "failed",
    "ChatInferenceInterrupted": "interrupted",
}
POINTS = ["projected", "committed", "told"]
OnBusy = Literal["queue", "reject", "replace"]

SCRIPT = {
    "script": 1,
    "defaults": {"chunk": "word", "delay_ms": 0},
    "turns": [
        {"match": "wait", "steps": [{"think": "Hm. "}, {"say": "Before "}, {"wait_for": "go"}, {"say": "after"}]},
        {"match": "tool", "steps": [{"call": {"tool": "add", "args": {"a": 1}, "result": 2}}, {"say": "Two."}]},
        {
            "match": "ask",
            "steps": [
                {"say": "May I?"},
                {"call": {"tool": "add", "args": {"a": 1}, "result": 2}},
                {"call": {"tool": "burn", "args": {"a": 1}, "approval": True, "result": "ash"}},
                {"say": "Done."},
            ],
        },
        {"match": "fail", "steps": [{"say": "Half "}, {"fail": {"message": "overloaded"}}]},
        {"steps": [{"say": "You said: {prompt}"}]},
    ],
}


class RunMachine(RuleBasedStateMachine):
    """One conversation of one person."""

    make_home: Callable[[], Home] = MemoryHome

    def __init__(self) -> None:
        super().__init__()
        self.home = type(self).make_home()
        self.folder = tempfile.TemporaryDirectory(prefix="laws-")
        self.runner: asyncio.Runner | None = None
        self.answers: list[SubmitAnswer] = []
        self.kept: dict[str, tuple[str, SubmitAnswer]] = {}
        self.probe: Callable[[str], None] = ignore

    # The process

    @initialize(open_approvals=st.sampled_from(["expire", "wait"]))
    def begins(self, open_approvals: Literal["expire", "wait"]) -> None:
        self.open_approvals: Literal["expire", "wait"] = open_approvals
        script = Path(self.folder.name) / "script.json"
        script.write_bytes(msgspec.json.encode(SCRIPT))
        self.profiles = {"default": "default", "profiles": [{"slug": "default", "script": str(script)}]}
        self.start()

    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.home.make_store()
        self.app: ChatApp = self.run(self._build())
        self.run(self.app.start())

    async def _build(self) -> ChatApp:
        return build(
            Config(
                store=self.store,
                profiles=self.profiles,
                limits=Limits(max_queue=3),
                open_approvals=self.open_approvals,
                probe=lambda point: self.probe(point),
            )
        )

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            return await asyncio.wait_for(coroutine, BOUNDED_S)

        assert self.runner is not None
        return self.runner.run(bounded())

    def ends(self) -> None:
        assert self.runner is not None
        self.runner.close()
        self.runner = None
        if not self.home.outlives_process:
            self.answers, self.kept = [], {}

    @rule()
    def restarts(self) -> None:
        self.run(self.app.stop())
        self.ends()
        self.start()

    @rule(
        prompts=st.lists(st.sampled_from(["wait", "tool", "ask", "fail", "hi"]), max_size=3),
        point=st.sampled_from(POINTS),
        pass_number=st.integers(1, 8),
    )
    def crashes(self, prompts: list[str], point: str, pass_number: int) -> None:
        """While prompts are being taken and answered; what was acknowledged by then is there."""
        known = list(self.answers)
        self.answers = known + self.run(self._submit_until(prompts, point, pass_number))
        self.run(self.app.stop())  # in order, because it has to be let go; what that writes is taken back
        self.home.after_crash()
        self.ends()
        self.start()

    async def _submit_until(self, prompts: list[str], point: str, pass_number: int) -> list[SubmitAnswer]:
        tasks = [asyncio.ensure_future(self._submit(prompt, "queue", "")) for prompt in prompts]
        photographed = asyncio.Event()
        acknowledged: list[SubmitAnswer] = []
        passes: list[str] = []

        def look(passed: str) -> None:
            passes.append(passed)
            if passed == point and passes.count(point) == pass_number:
                photograph()

        def photograph() -> None:
            self.home.photograph()
            answers = [task.result() for task in tasks if task.done()]
            acknowledged.extend(answer for answer in answers if answer is not None)
            photographed.set()

        self.probe = look
        await asyncio.gather(*tasks)
        for _ in range(20):  # the answers go on meanwhile
            await asyncio.sleep(0)
        self.probe = ignore
        if not photographed.is_set():
            photograph()
        return acknowledged

    async def _submit(self, prompt: str, on_busy: OnBusy, key: str) -> SubmitAnswer | None:
        try:
            return await self.app.service.submit(
                ANN,
                SubmitRequest(prompt=prompt, conv_id=TALK, on_busy=on_busy, idempotency_key=key or None),
            )
        except (BusyError, QueueFullError):
            return None

    # What a person does

    @rule(
        prompt=st.sampled_from(["wait", "wait", "tool", "ask", "ask", "fail", "hi"]),
        on_busy=st.sampled_from(["queue", "reject", "replace"]),
        key=st.sampled_from(["", "", "k1", "k2"]),
    )
    def prompts(self, prompt: str, on_busy: OnBusy, key: str) -> None:
        kept = self.kept.get(key)
        asked = f"{prompt} {on_busy}"
        try:
            answer = self.run(self._submit(prompt, on_busy, key))
        except IdempotencyConflictError:
            assert kept is not None and kept[0] != asked
            return
        if kept is not None:
            assert answer is not None and answer.deduplicated and answer.run_id == kept[1].run_id
        elif answer is not None:
            assert not answer.deduplicated
            self.answers.append(answer)
            if key:
                self.kept[key] = (asked, answer)

    @rule(which=st.integers(0, 6), names_it=st.sampled_from(["run", "key", "nothing"]))
    def stops(self, which: int, names_it: str) -> None:
        request = CancelRequest(conv_id=TALK)
        if self.answers and names_it != "nothing":
            answer = self.answers[which % len(self.answers)]
            request = (
                CancelRequest(conv_id=TALK, run_id=answer.run_id)
                if names_it == "run"
                else CancelRequest(conv_id=TALK, idempotency_key=answer.idempotency_key)
            )
        try:
            answered = self.run(self.app.service.cancel(ANN, request))
        except (UnknownSessionError, UnknownRunError):
            assert not self.answers
            return
        if answered.run_id is not None:
            assert self.statuses()[answered.run_id] not in ("queued", "running"), (
                "a stop is acknowledged when it is done"
            )

    @rule(decision=st.sampled_from(["approve", "deny"]))
    def decides(self, decision: Literal["approve", "deny"]) -> None:
        self.run(self._decide(decision))

    async def _decide(self, decision: Literal["approve", "deny"]) -> None:
        """Say something to all that is asked now."""
        for approval in await self.app.hub.entities(TALK, "ChatApproval"):
            if approval.payload.status == "pending":  # type: ignore[attr-defined]
                with suppress(ApprovalExpiredError):  # its run ended meanwhile
                    await self.app.service.decide(ANN, TALK, approval.id, DecisionRequest(decision=decision))

    async def _decide_until_idle(self) -> None:
        idle = asyncio.ensure_future(self.app.service.wait_idle(ANN, TALK))
        while not idle.done():
            await self._decide("approve")
            await asyncio.wait([idle], timeout=0.001)
        await idle

    @rule(count=st.integers(1, 2))
    def waiting_scripts_go_on(self, count: int) -> None:
        self.app.signals.send("go", count=count)

    @rule(ticks=st.integers(1, 30))
    def time_passes(self, ticks: int) -> None:
        async def turn() -> None:
            for _ in range(ticks):
                await asyncio.sleep(0)

        self.run(turn())

    @rule()
    def everything_ends(self) -> None:
        """However it went: each accepted run has one end, nothing of it comes after, and its prompt is there once."""
        self.app.signals.send("go", count=100)
        if self.answers:
            self.run(self._decide_until_idle())
        log = self.run(self.app.hub.events(TALK, after=Ordinal(0), limit=EVERYTHING))
        check_runs(log, [answer.run_id for answer in self.answers])
        check_calls(log)
        snapshot = self.run(self.app.hub.snapshot(TALK, window=EVERYTHING))
        timeline = rows_timeline(snapshot.entities)
        ends = {event.payload.run_id: ENDS[event.name] for event in log if event.name in ENDS}  # type: ignore[attr-defined]
        assert {id: run["status"] for (kind, id), run in timeline.items() if kind == "ChatRun"} == ends
        assert not [entity for entity in timeline.values() if entity.get("streaming") or entity.get("executing")]
        assert not [entity for entity in timeline.values() if entity.get("status") == "pending"]
        if self.answers:
            assert self.run(self.app.hub.rebuild(TALK)).is_same
        fold = Fold()
        subscription = self.run(self.app.hub.subscribe(TALK, window=EVERYTHING))
        fold.hydrate(subscription.hydration)
        subscription.close()
        assert fold.timeline == timeline

    def statuses(self) -> dict[str, str]:
        runs = self.run(self.app.hub.entities(TALK, "ChatRun"))
        return {run.id: run.payload.status for run in runs}  # type: ignore[attr-defined]

    def teardown(self) -> None:
        try:
            if self.runner is not None and sys.exc_info()[0] is None:  # else that is what is to be told
                self.everything_ends()
        finally:
            try:
                if self.runner is not None:
                    self.run(self.app.stop())
                    self.runner.close()
            finally:
                self.home.close()
                self.folder.cleanup()


def check_runs(log: Sequence[LoggedEvent], accepted: Sequence[str]) -> None:
    """Hold a log against RN1 and RN2.

    Args:
        log: All of it, with nothing under way.
        accepted: Runs that were acknowledged; more may be in the log, of prompts whose answer a crash swallowed.
    """
    assert len(set(accepted)) == len(accepted)
    prompted: list[str] = []
    running: str | None = None
    ended: set[str] = set()
    for event in log:
        payload: Any = event.payload
        run_id = getattr(payload, "run_id", "")
        assert run_id not in ended or not run_id, f"{event.name} of {run_id} after its end"
        if event.name == "ChatUserMessageAccepted":
            prompted.append(run_id)
        elif event.name == "ChatInferenceStarted":
            assert running is None, f"{run_id} began while {running} was running"
            running = run_id
        elif event.name in ENDS:
            ended.add(run_id)
            running = None if running == run_id else running
    assert len(set(prompted)) == len(prompted), "a command is carried out once"
    assert set(accepted) <= set(prompted)
    assert ended == set(prompted) and running is None, "each run ends, in one way"


def check_calls(log: Sequence[LoggedEvent]) -> None:
    """Hold a log against TL2 and TL9: a question is asked and decided once, and no call begins or ends twice."""
    by_name: dict[str, list[str]] = {}
    for event in log:
        payload: Any = event.payload
        if event.name == "ChatToolCallExecutionStarted":
            continue  # who acts upon an approval says so, and the tool says it again
        id = getattr(payload, "approval_id", "") or getattr(payload, "tool_call_id", "")
        if id and event.name != "ChatToolCallArgumentsDelta":
            by_name.setdefault(event.name, []).append(id)
    for name, ids in by_name.items():
        assert len(set(ids)) == len(ids), f"{name} twice"
    assert set(by_name.get("ChatToolApprovalRequested", ())) == set(by_name.get("ChatToolApprovalDecided", ()))
    assert set(by_name.get("ChatToolCallStarted", ())) == set(by_name.get("ChatToolCallFinished", ()))
