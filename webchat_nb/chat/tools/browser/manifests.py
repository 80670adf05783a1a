"""Manifests: what a page offers, checked, and kept for as long as it says so again.

Rule: TL7, AC6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, final

import msgspec

from webchat_nb.chat.tools.schemas.json_schemas import check_schema
from webchat_nb.errors import BadRequestError, TooLargeError
from webchat_nb.stream.model import SessionId
from webchat_nb.wire.requests import Limits
from webchat_nb.wire.tool_requests import ManifestRequest, OfferedTool

NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}
"""The schema of a tool that names none."""

MAX_TIMEOUT_S: Final = 86_400.0
"""The longest time that a page may ask for, a day."""

MAX_PAGES: Final = 20
"""Pages of one user in one conversation whose tools are kept; the newest ones."""

MAX_ACTOR_BYTES: Final = 4 << 20
MAX_BYTES: Final = 64 << 20
"""What manifests may take, of one user and of all; the oldest go first, of whoever has most."""

_PAGE_BYTES: Final = 2048
"""What keeping a manifest takes beside its tools, about."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")


class Place(NamedTuple):
    """Whose tools, and where they may be called."""

    session_id: SessionId
    actor: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one page offers.

    Attributes:
        until_s: Steady time at which it ends.
        size_bytes: What it takes.
    """

    tools: Sequence[OfferedTool]
    until_s: float
    size_bytes: int


def check_client_id(client_id: str) -> None:
    """See that a page has a name that can be kept.

    Raises:
        BadRequestError: It is empty, too long or has other characters.
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise BadRequestError("clientId: expected 1-128 visible ASCII characters")


def check_manifest(request: ManifestRequest, limits: Limits) -> None:
    """See that models can be told of all the tools.

    Raises:
        BadRequestError: Something is wrong; the message begins with its path, such as ``tools[2].inputSchema``.
        TooLargeError: There is too much of something; the message names the limit.
    """
    check_client_id(request.client_id)
    most = limits.max_browser_tools
    if len(request.tools) > most:
        raise TooLargeError(f"tools: {len(request.tools)} tools, the limit is max_browser_tools ({most})")
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        if not _NAME.fullmatch(tool.name):
            raise BadRequestError(f"{path}.name: expected 1-64 of A-Z a-z 0-9 _ -, got {tool.name[:80]!r}")
        if tool.name in names:
            raise BadRequestError(f"{path}.name: {tool.name!r} is there twice")
        names.add(tool.name)
        _check_tool(tool, path, limits)


def _check_tool(tool: OfferedTool, path: str, limits: Limits) -> None:
    most = limits.max_tool_chars
    if len(tool.description) > most:
        count = len(tool.description)
        raise TooLargeError(f"{path}.description: {count} characters, the limit is max_tool_chars ({most})")
    if tool.timeout_s is not None and not 0 < tool.timeout_s <= MAX_TIMEOUT_S:
        raise BadRequestError(f"{path}.timeoutS: expected more than 0 and at most {MAX_TIMEOUT_S:g} seconds")
    for key, schema in (("inputSchema", tool.input_schema), ("answerSchema", tool.answer_schema)):
        if schema is None:
            continue
        size = len(msgspec.json.encode(schema))
        if size > most:
            raise TooLargeError(f"{path}.{key}: {size} bytes, the limit is max_tool_chars ({most})")
        check_schema(schema, f"{path}.{key}", may_refer=key == "inputSchema")  # a form is drawn as it stands


@final
class Manifests:
    """The manifests that this process was told, in memory; bounded."""

    def __init__(self) -> None:
        self._by_place: dict[Place, dict[str, Manifest]] = {}
        self._by_actor: dict[str, dict[tuple[SessionId, str], int]] = {}
        self._actor_bytes: dict[str, int] = {}

    def put(self, place: Place, client_id: str, tools: Sequence[OfferedTool], *, now_s: float, until_s: float) -> None:
        """Keep what a page offers now, instead of what it offered before; nothing when there is no tool."""
        self._drop_old(place.actor, now_s)
        self._drop(place, client_id)
        if not tools:
            return
        size = _PAGE_BYTES + len(msgspec.json.encode(tools))
        self._by_place.setdefault(place, {})[client_id] = Manifest(tools=tools, until_s=until_s, size_bytes=size)
        self._by_actor.setdefault(place.actor, {})[place.session_id, client_id] = size
        self._actor_bytes[place.actor] = self._actor_bytes.get(place.actor, 0) + size
        while len(self._by_place.get(place, ())) > MAX_PAGES:
            self._drop(place, next(iter(self._by_place[place])))
        while self._actor_bytes.get(place.actor, 0) > MAX_ACTOR_BYTES:
            self._drop_oldest(place.actor)
        while sum(self._actor_bytes.values()) > MAX_BYTES:
            self._drop_oldest(max(self._actor_bytes, key=self._actor_bytes.__getitem__))

    def offered(self, place: Place, *, now_s: float) -> Iterator[OfferedTool]:
        """The tools of all pages, those of the page that spoke last at the end."""
        for manifest in self._by_place.get(place, {}).values():
            if manifest.until_s > now_s:
                yield from manifest.tools

    def forget(self, session_id: SessionId) -> None:
        """The conversation is gone."""
        for place in [place for place in self._by_place if place.session_id == session_id]:
            for client_id in tuple(self._by_place[place]):
                self._drop(place, client_id)

    def _drop_old(self, actor: str, now_s: float) -> None:
        """Those whose time is over; the oldest are the first."""
        while keys := self._by_actor.get(actor):
            session_id, client_id = next(iter(keys))
            if self._by_place[Place(session_id, actor)][client_id].until_s > now_s:
                return
            self._drop(Place(session_id, actor), client_id)

    def _drop_oldest(self, actor: str) -> None:
        session_id, client_id = next(iter(self._by_actor[actor]))
        self._drop(Place(session_id, actor), client_id)

    def _drop(self, place: Place, client_id: str) -> None:
        manifest = self._by_place.get(place, {}).pop(client_id, None)
        if manifest is None:
            return
        if not self._by_place[place]:
            del self._by_place[place]
        del self._by_actor[place.actor][place.session_id, client_id]
        self._actor_bytes[place.actor] -= manifest.size_bytes
        if not self._by_actor[place.actor]:
            del self._by_actor[place.actor], self._actor_bytes[place.actor]
