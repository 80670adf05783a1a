"""The first route family, in snake_case: profiles, prompts, cancelling, timelines, schemas.

Rule: HT1-HT6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from webchat_nb.errors import UnknownProfileError
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.wire import codec
from webchat_nb.wire.requests import CancelRequest, SelectProfileRequest, SubmitRequest


class ProfilesHandler(ApiHandler):
    """``v1/profiles``."""

    async def get(self) -> None:
        """All profiles, and what is wrong with the newest version of a profiles file."""
        self.reply(
            {
                "profiles": list(self.backend.describe_profiles()),
                "problems": list(self.backend.profile_problems()),
            }
        )


class ProfileHandler(ApiHandler):
    """``v1/profile``: the chosen one."""

    async def get(self) -> None:
        """The profile of the cookie, or the default one when there is none or it is no more."""
        try:
            slug = self.backend.profile_slug(self.cookie_profile)
        except UnknownProfileError:
            slug = self.backend.profile_slug(None)
        self.reply(self._describe(slug))

    async def post(self) -> None:
        """Choose another one."""
        slug = self.backend.profile_slug(self.read_body(SelectProfileRequest).slug)
        self.remember_profile(slug)
        self.reply(self._describe(slug))

    def _describe(self, slug: str) -> Mapping[str, Any]:
        return next(profile for profile in self.backend.describe_profiles() if profile["slug"] == slug)


class ChatHandler(ApiHandler):
    """``v1/chat``."""

    async def post(self) -> None:
        """Accept a prompt: 200 when it started, 202 while it waits."""
        request = self.read_body(SubmitRequest)
        if self.idempotency_key is not None:
            request = msgspec.structs.replace(request, idempotency_key=self.idempotency_key)
        answer = await self.backend.submit(self.who, request, cookie_profile=self.cookie_profile)
        self.reply(answer.to_snake(), status=answer.http_status)


class CancelHandler(ApiHandler):
    """``v1/cancel``."""

    async def post(self) -> None:
        """Stop a run or drop a waiting one; repeatable."""
        request = self.read_body(CancelRequest)
        self.reply(await self.backend.cancel(self.who, request, key=self.idempotency_key))


class TimelineHandler(ApiHandler):
    """``v1/timeline``."""

    async def get(self) -> None:
        """The newest entities, those before an ordinal, or those changed since a version.

        A tombstone has ``"removed": true`` instead of a payload. ``next`` is the ``before`` (or ``since_version``) of
        the next page; without it there is none.
        """
        page = await self.backend.timeline(
            self.who,
            self.conversation_argument(),
            since_version=self.ordinal_argument("since_version"),
            limit=self.limit_argument(),
            before=self.ordinal_argument("before"),
        )
        answer: dict[str, Any] = {
            "conv_id": page.conv_id,
            "epoch": page.epoch,
            "version": str(page.version),
            "server_time_ms": page.server_time_ms,
            "entities": codec.encode_entities(page.entities),
        }
        if page.next is not None:
            answer["next"] = page.next
        self.reply(answer)


class SchemasHandler(ApiHandler):
    """``v1/schemas``."""

    async def get(self) -> None:
        """Every registered name with its category and message type."""
        self.reply({"schemas": list(self.backend.describe_schemas())})
