"""The line: seen, moved, dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.chat.chats import ME, chat, entities, event_names, idle, run_states, submit
from webchat_nb.app import ChatApp
from webchat_nb.chat.line import placed_at
from webchat_nb.contracts.v1.entities_pb2 import ChatOpenRun
from webchat_nb.errors import BadRequestError, ForbiddenError, NotWaitingError, UnknownRunError, UnknownSessionError
from webchat_nb.stream import Session, session_id
from webchat_nb.wire.requests import Action, Principal, SubmitRequest

C1 = session_id("c1")


async def in_line(app: ChatApp) -> list[tuple[int, str]]:
    """(position, prompt), as the route tells it."""
    return [(waiting.position, waiting.prompt) for waiting in await app.service.queue(ME, "c1")]


async def positions(app: ChatApp) -> list[int | None]:
    """What the runs say of their places, by creation."""
    return [run.get("queuePosition") for run in await entities(app, "ChatRun")]


@pytest.mark.rule("RN11")
async def test_waiting_prompts_are_seen_with_their_places(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        second = await submit(app.service, "two")
        await submit(app.service, "three", profile="other")
        first, last = await app.service.queue(ME, "c1")
        assert (first.position, first.prompt, first.run_id, first.turn_id) == (1, "two", second.run_id, second.turn_id)
        assert (first.message_id, first.profile, first.actor) == (f"{second.turn_id}-user", "default", "")
        assert (last.position, last.prompt, last.profile) == (2, "three", "other")
        app.signals.send("go")
        await idle(app.service)
        assert await in_line(app) == []


@pytest.mark.rule("RN11", "RN1")
async def test_a_waiting_prompt_is_moved_and_all_places_follow(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        runs = [await submit(app.service, text) for text in ("a", "b", "c", "d")]
        moved = await app.service.move(ME, "c1", runs[3].run_id, 1)
        assert (moved.run_id, moved.queue_position, moved.queue_depth) == (runs[3].run_id, 1, 4)
        assert await in_line(app) == [(1, "d"), (2, "a"), (3, "b"), (4, "c")]
        assert await positions(app) == [None, 2, 3, 4, 1]
        await app.service.move(ME, "c1", runs[0].run_id, 99)
        assert await in_line(app) == [(1, "d"), (2, "b"), (3, "c"), (4, "a")]
        await submit(app.service, "e")
        assert (await in_line(app))[-1] == (5, "e")
        await app.service.drop(ME, "c1", runs[1].run_id)
        assert await positions(app) == [None, 3, None, 2, 1, 4]
        app.signals.send("go")
        await idle(app.service)
        answers = [m["content"] for m in await entities(app, "ChatMessage") if m["role"] == "assistant"]
        assert answers == ["Before after", *(f"You said: {text}" for text in "dcae")]
        assert (await app.hub.rebuild(C1)).is_same


@pytest.mark.rule("RN11", "RN1")
async def test_places_follow_when_one_starts(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        await submit(app.service, "wait")
        await submit(app.service, "three")
        assert await positions(app) == [None, 1, 2]
        await app.signals.reached("go")
        app.signals.send("go")
        subscription = await app.service.subscribe(ME, "c1")
        async for delivery in subscription:
            if delivery.type == "run.started":
                break
        subscription.close()
        assert await positions(app) == [None, None, 1]


@pytest.mark.rule("RN11")
async def test_the_order_of_the_line_survives_a_restart(tmp_path: Path) -> None:
    db = str(tmp_path / "chat.db")
    async with chat(tmp_path, db=db) as app:
        await submit(app.service, "wait")
        runs = [await submit(app.service, text) for text in ("wait", "b", "c")]
        await app.service.move(ME, "c1", runs[2].run_id, 2)
    async with chat(tmp_path, db=db) as app:
        assert await in_line(app) == [(1, "c"), (2, "b")]
        app.signals.send("go")
        await idle(app.service)
        assert await run_states(app) == ["interrupted", "finished", "finished", "finished"]


@pytest.mark.rule("RN11")
async def test_only_what_waits_is_moved_or_dropped(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        running = await submit(app.service, "wait")
        waiting = await submit(app.service, "two")
        for position in (0, -1, 2**31):
            with pytest.raises(BadRequestError, match="position"):
                await app.service.move(ME, "c1", waiting.run_id, position)
        with pytest.raises(NotWaitingError):
            await app.service.move(ME, "c1", running.run_id, 1)
        with pytest.raises(NotWaitingError):
            await app.service.drop(ME, "c1", running.run_id)
        for act in (app.service.move(ME, "c1", "run-x", 1), app.service.drop(ME, "c1", "run-x")):
            with pytest.raises(UnknownRunError):
                await act
        assert await run_states(app) == ["running", "queued"]
        assert (await app.service.drop(ME, "c1", waiting.run_id)).status == "dequeued"
        assert (await app.service.drop(ME, "c1", waiting.run_id)).status == "idle"
        with pytest.raises(NotWaitingError):
            await app.service.move(ME, "c1", waiting.run_id, 1)
        assert await run_states(app) == ["running", "stopped"]


@pytest.mark.rule("RN11")
async def test_moving_to_where_it_stands_is_no_event(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await submit(app.service, "wait")
        only = await submit(app.service, "two")
        await app.service.move(ME, "c1", only.run_id, 7)
        assert "ChatInferenceMoved" not in await event_names(app)


class OwnerMaySubmit:
    """Everybody reads; only the owner changes."""

    def may(self, who: Principal, action: Action, session: Session) -> bool:
        return action == "read" or session.attributes.get("owner") == who.user


@pytest.mark.rule("RN11", "AC3")
async def test_the_line_of_somebody_else_is_seen_and_left_alone_as_the_policy_says(tmp_path: Path) -> None:
    ann, bob = Principal(user="ann"), Principal(user="bob")
    async with chat(tmp_path, policy=OwnerMaySubmit()) as app:
        await app.service.submit(ann, SubmitRequest(prompt="wait", conv_id="c1"))
        waiting = await app.service.submit(ann, SubmitRequest(prompt="two", conv_id="c1"))
        assert [prompt.actor for prompt in await app.service.queue(bob, "c1")] == ["ann"]
        for act in (app.service.move(bob, "c1", waiting.run_id, 1), app.service.drop(bob, "c1", waiting.run_id)):
            with pytest.raises(ForbiddenError):
                await act
    async with chat(tmp_path) as app:
        await app.service.submit(ann, SubmitRequest(prompt="wait", conv_id="c1"))
        waiting = await app.service.submit(ann, SubmitRequest(prompt="two", conv_id="c1"))
        for act in (
            app.service.queue(bob, "c1"),
            app.service.move(bob, "c1", waiting.run_id, 1),
            app.service.drop(bob, "c1", waiting.run_id),
        ):
            with pytest.raises(UnknownSessionError):
                await act


@pytest.mark.rule("RN11")
@pytest.mark.parametrize(
    ("position", "order"), [(1, "xabc"), (2, "axbc"), (3, "abxc"), (4, "abcx"), (0, "abcx"), (9, "abcx")]
)
def test_a_place_in_the_line_moves_nobody_else_out_of_order(position: int, order: str) -> None:
    line = [ChatOpenRun(run_id=name, rank=rank) for name, rank in (("a", 3), ("b", 7), ("c", 20))]
    placed = placed_at(line, ChatOpenRun(run_id="x", rank=9), position)
    assert "".join([run.run_id for run in placed]) == order
    assert [run.rank for run in placed] == [3, 7, 9, 20]
    assert [run.rank for run in line] == [3, 7, 20]
