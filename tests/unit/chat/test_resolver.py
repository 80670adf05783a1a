from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.unit.chat.chats import ME, chat, event_names, idle, submit
from webchat_nb.chat.resolver import ChatRequest, DefaultResolver, RequestContext, ResolvedRequest
from webchat_nb.errors import ForbiddenError, InvalidIdError, OverridesLockedError, UnknownSessionError
from webchat_nb.stream import SessionId, session_id
from webchat_nb.testing.clock import ManualClock
from webchat_nb.transports.greeting import Join
from webchat_nb.transports.loopback import Loopback
from webchat_nb.wire.requests import Principal, SubmitRequest

ANN, BOB, ROOT = Principal(user="ann"), Principal(user="bob"), Principal(user="root")


class Workspaces:
    """One conversation for each user and workspace; only administrators change a profile; guests may not come in."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._default = DefaultResolver()

    async def resolve(self, who: Principal, request: ChatRequest, context: RequestContext) -> ResolvedRequest:
        if who.user == "guest":
            raise ForbiddenError("guests may only read")
        if request.overrides and who.user != "root":
            raise OverridesLockedError("only administrators may change a profile")
        mine = msgspec.structs.replace(request, conv_id=f"{who.user}:{self._workspace}")
        resolved = await self._default.resolve(who, mine, context)
        return msgspec.structs.replace(resolved, overrides={"model": "house", **(resolved.overrides or {})})


class Recording:
    """Remembers what it was asked, and does what the default one does."""

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self._default = DefaultResolver()

    async def resolve(self, who: Principal, request: ChatRequest, context: RequestContext) -> ResolvedRequest:
        self.asked.append(request)
        return await self._default.resolve(who, request, context)


@pytest.mark.rule("EP2")
async def test_a_host_that_derives_ids_from_user_and_workspace_replaces_one_object(tmp_path: Path) -> None:
    async with chat(tmp_path, resolver=Workspaces("lab-7")) as app:
        answer = await app.service.submit(ANN, SubmitRequest(prompt="hi", conv_id="whatever", profile="other"))
        again = await app.service.submit(ANN, SubmitRequest(prompt="hi"))
        assert (answer.conv_id, answer.profile) == ("ann:lab-7", "other")
        assert (again.conv_id, again.profile) == ("ann:lab-7", "other")
        assert (await app.service.submit(BOB, SubmitRequest(prompt="hi"))).conv_id == "bob:lab-7"
        assert (await app.service.create_session(ANN)).session_id == "ann:lab-7"
        assert await app.service.join(ANN, None, profile=None, cookie_profile=None) == ("ann:lab-7", "other")


@pytest.mark.rule("EP2", "HT4")
async def test_a_host_lets_administrators_only_override_and_may_put_overrides_of_its_own(tmp_path: Path) -> None:
    plans: list[str | None] = []

    def build(plan: object) -> object:
        plans.append(plan.model)  # type: ignore[attr-defined]
        raise RuntimeError

    async with chat(tmp_path, resolver=Workspaces("w"), engines={"scripted": build}) as app:
        asked = SubmitRequest(prompt="hi", overrides={"model": "huge"})
        with pytest.raises(OverridesLockedError, match="only administrators"):
            await app.service.submit(ANN, asked)
        assert not (await app.hub.session(session_id("ann:w"))).exists
        for who, request in ((ROOT, asked), (ANN, SubmitRequest(prompt="hi"))):
            accepted = await app.service.submit(who, request)
            await app.service.wait_idle(who, accepted.conv_id)
        assert plans == ["huge", "house"]


@pytest.mark.rule("EP2")
async def test_the_policy_refuses_with_an_error_of_its_own_and_nothing_is_started(tmp_path: Path) -> None:
    async with chat(tmp_path, resolver=Workspaces("w")) as app:
        with pytest.raises(ForbiddenError, match="guests"):
            await app.service.submit(Principal(user="guest"), SubmitRequest(prompt="hi"))
        assert not (await app.hub.session(session_id("guest:w"))).exists


@pytest.mark.rule("EP2", "AC3")
async def test_what_the_policy_decides_is_checked_like_any_other_request(tmp_path: Path) -> None:
    class Bobs:
        async def resolve(self, who: Principal, request: ChatRequest, context: RequestContext) -> ResolvedRequest:
            return ResolvedRequest(conv_id=SessionId(request.conv_id or "bobs"))

    async with chat(tmp_path, resolver=Bobs()) as app:
        await app.service.submit(BOB, SubmitRequest(prompt="hi"))
        with pytest.raises(UnknownSessionError):
            await app.service.submit(ANN, SubmitRequest(prompt="hi"))
        with pytest.raises(UnknownSessionError):
            await app.service.create_session(ANN)
        with pytest.raises(InvalidIdError):
            await app.service.submit(ANN, SubmitRequest(prompt="hi", conv_id="no/id"))


@pytest.mark.rule("EP2")
async def test_the_policy_sees_which_door_a_request_came_through(tmp_path: Path) -> None:
    recording = Recording()
    async with chat(tmp_path, resolver=recording) as app:
        request = SubmitRequest(prompt="hi", conv_id="c1", profile="other", overrides={"model": "m"})
        await app.service.submit(ME, request, cookie_profile="locked")
        await app.service.create_session(ME, profile="other", cookie_profile="locked")
        await app.service.join(ME, "c1", profile=None, cookie_profile="locked")
    assert recording.asked == [
        ChatRequest(
            purpose="submit",
            conv_id="c1",
            profile="other",
            overrides={"model": "m"},
            cookie_profile="locked",
            submission=request,
        ),
        ChatRequest(purpose="create", profile="other", cookie_profile="locked"),
        ChatRequest(purpose="join", conv_id="c1", cookie_profile="locked"),
    ]


@pytest.mark.rule("HT2", "AC3")
async def test_a_join_changes_nothing_and_tells_a_stranger_nothing(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        await app.service.submit(ANN, SubmitRequest(prompt="hi", conv_id="c1", profile="other"))
        await app.service.wait_idle(ANN, "c1")
        before = await event_names(app)
        assert await app.service.join(ANN, "c1", profile="locked", cookie_profile=None) == ("c1", "locked")
        assert await app.service.join(ANN, "c1", profile=None, cookie_profile=None) == ("c1", "other")
        assert await app.service.join(BOB, "c1", profile=None, cookie_profile=None) == ("c1", "default")
        assert await event_names(app) == before


@pytest.mark.rule("EP2", "FR1")
async def test_a_websocket_is_subscribed_to_the_conversation_that_the_policy_says(tmp_path: Path) -> None:
    async with (
        chat(tmp_path, resolver=Workspaces("lab-7")) as app,
        Loopback(app.service, who=ANN, clock=ManualClock(), join=Join()) as client,
    ):
        assert client.events[0]["data"]["conv_id"] == "ann:lab-7"
        subscribed = await client.until("ws.subscribed")
        assert subscribed["data"]["conv_id"] == "ann:lab-7"


@pytest.mark.rule("HT2")
async def test_a_new_conversation_takes_the_profile_of_the_cookie_and_passes_over_one_that_is_gone(
    tmp_path: Path,
) -> None:
    async with chat(tmp_path) as app:
        for cookie, profile in (("other", "other"), ("of last year", "default"), (None, "default")):
            made = await app.service.create_session(ME, cookie_profile=cookie)
            assert made.attributes["profile"] == profile


@pytest.mark.rule("HT3")
async def test_a_prompt_that_was_accepted_is_answered_again_although_its_profile_is_gone(tmp_path: Path) -> None:
    path, clock = tmp_path / "profiles.yaml", ManualClock()
    path.write_text("profiles: [{slug: gone, script: ./script.yaml}]")
    async with chat(tmp_path, profiles_files=[path], clock=clock) as app:
        first = await submit(app.service, "x", profile="gone", idempotency_key="k")
        await idle(app.service)
        path.write_text("profiles: []")
        clock.jump(1)
        again = await submit(app.service, "x", profile="gone", idempotency_key="k")
        assert (again.run_id, again.deduplicated, again.profile) == (first.run_id, True, "gone")
