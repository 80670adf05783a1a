"""What people think of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.chat.chats import ME, chat, entities, event_names, idle, submit
from webchat_nb.errors import BadRequestError, TooLargeError, UnknownSessionError
from webchat_nb.stream import session_id
from webchat_nb.wire.requests import FeedbackRequest, Limits, Principal, SubmitRequest


@pytest.mark.rule("FB1", "PG1")
async def test_an_answer_gets_a_thumb_and_a_comment_which_can_be_changed_and_taken_back(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        turn = (await submit(app.service, "hi")).turn_id
        await idle(app.service)
        answer = f"{turn}:text:1"
        await app.service.give_feedback(ME, "c1", FeedbackRequest(message_id=answer, value="up"))
        (feedback,) = await entities(app, "ChatFeedback")
        assert (feedback["messageId"], feedback["value"], "comment" in feedback) == (answer, "up", False)
        subscription = await app.service.subscribe(ME, "c1")
        await app.service.give_feedback(ME, "c1", FeedbackRequest(message_id=answer, value="down", comment="Too long."))
        told = await anext(aiter(subscription))
        assert (told.type, told.id) == ("timeline.upsert", answer)
        (feedback,) = await entities(app, "ChatFeedback")
        assert (feedback["value"], feedback["comment"]) == ("down", "Too long.")
        await app.service.give_feedback(ME, "c1", FeedbackRequest(message_id=answer, value="none", comment="ignored"))
        assert (await anext(aiter(subscription))).type == "timeline.remove"
        subscription.close()
        assert await entities(app, "ChatFeedback") == []
        assert (await app.hub.rebuild(session_id("c1"))).is_same


@pytest.mark.rule("FB1")
async def test_saying_the_same_again_is_no_event(tmp_path: Path) -> None:
    async with chat(tmp_path) as app:
        turn = (await submit(app.service, "hi")).turn_id
        await idle(app.service)
        for value in ("none", "up", "up"):
            await app.service.give_feedback(ME, "c1", FeedbackRequest(message_id=f"{turn}:text:1", value=value))
        assert (await event_names(app)).count("ChatFeedbackGiven") == 1


class Everybody:
    """Everything is allowed to everybody."""

    def may(self, *_: object) -> bool:
        return True


@pytest.mark.rule("FB1", "AC5")
async def test_each_person_has_a_thumb_of_their_own_under_their_own_name(tmp_path: Path) -> None:
    ann, bob = Principal(user="ann"), Principal(user="bob")
    async with chat(tmp_path, policy=Everybody()) as app:
        turn = (await app.service.submit(ann, SubmitRequest(prompt="hi", conv_id="c1"))).turn_id
        await idle(app.service)
        for who, value in ((ann, "up"), (bob, "down")):
            await app.service.give_feedback(who, "c1", FeedbackRequest(message_id=f"{turn}:text:1", value=value))
        assert [(each["actor"], each["value"]) for each in await entities(app, "ChatFeedback")] == [
            ("ann", "up"),
            ("bob", "down"),
        ]


@pytest.mark.rule("FB1", "AC6")
async def test_feedback_is_for_answers_and_has_an_end(tmp_path: Path) -> None:
    async with chat(tmp_path, limits=Limits(max_comment_chars=3)) as app:
        turn = (await submit(app.service, "think")).turn_id
        await idle(app.service)
        for message_id in (f"{turn}-user", f"{turn}:thinking:1", "nowhere"):
            with pytest.raises(BadRequestError, match="messageId"):
                await app.service.give_feedback(ME, "c1", FeedbackRequest(message_id=message_id, value="up"))
        long = FeedbackRequest(message_id=f"{turn}:text:1", value="up", comment="long")
        with pytest.raises(TooLargeError, match="max_comment_chars"):
            await app.service.give_feedback(ME, "c1", long)
        with pytest.raises(UnknownSessionError):
            await app.service.give_feedback(ME, "c2", long)
        assert await entities(app, "ChatFeedback") == []
