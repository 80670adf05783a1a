"""RedisAttachments: in the Redis that servers share, beside its conversations. Needs ``webchat-nb[redis]``.

======================================  ======  ===========================================================
``webchat:attachments``                 zset    ``<conversation>/<attachment id>``, by name
``webchat:attachment:c1/a1``            hash    what is known of it
``webchat:content:<digest>``            string  the bytes
``webchat:content-users:<digest>``      set     the attachments that refer to them
======================================  ======  ===========================================================

A conversation's id has no slash, so a name is never another's. Each change is one script, so one step in Redis, and may
be sent again without harm.

Rule: AT1, AT3, OR4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, final

import msgspec
from redis.asyncio import Redis

from webchat_nb.chat.attachments.store import AttachmentKey, StoredAttachment
from webchat_nb.errors import ConfigError
from webchat_nb.stream import SessionId
from webchat_nb.stream.stores.redis.address import Address
from webchat_nb.stream.stores.redis.errors import FAILURES, translated

_TAKE_AWAY = """
local function take_away(prefix, name)
  local key = prefix .. ':attachment:' .. name
  local digest = redis.call('HGET', key, 'digest')
  redis.call('DEL', key)
  redis.call('ZREM', prefix .. ':attachments', name)
  if digest then
    local users = prefix .. ':content-users:' .. digest
    redis.call('SREM', users, name)
    if redis.call('EXISTS', users) == 0 then redis.call('DEL', prefix .. ':content:' .. digest) end
  end
end
"""

_PUT = """#!lua
local prefix, name, digest, content = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('SET', prefix .. ':content:' .. digest, content)
redis.call('SADD', prefix .. ':content-users:' .. digest, name)
if redis.call('ZADD', prefix .. ':attachments', 'NX', 0, name) == 1 then
  redis.call('HSET', prefix .. ':attachment:' .. name, unpack(ARGV, 5))
end
"""

_CHANGE = """#!lua flags=allow-oom
local key = ARGV[1] .. ':attachment:' .. ARGV[2]
if redis.call('EXISTS', key) == 0 then return 0 end
redis.call('HSET', key, ARGV[3], ARGV[4])
return 1
"""

_DROP = f"""#!lua flags=allow-oom
{_TAKE_AWAY}
local key = ARGV[1] .. ':attachment:' .. ARGV[2]
local is = redis.call('HMGET', key, 'at_ms', 'is_kept')
if is[1] ~= ARGV[3] or is[2] ~= ARGV[4] then return 0 end
take_away(ARGV[1], ARGV[2])
return 1
"""

_FORGET = f"""#!lua flags=allow-oom
{_TAKE_AWAY}
for _, name in ipairs(redis.call('ZRANGEBYLEX', ARGV[1] .. ':attachments', '[' .. ARGV[2] .. '/', '(' .. ARGV[2] .. '0')) do
  take_away(ARGV[1], name)
end
"""

_FIELDS = tuple(name for name in StoredAttachment.__struct_fields__ if name not in ("session_id", "attachment_id"))


@final
class RedisAttachments:
    """Keeps attachments in Redis; several servers may have it open at a time.

    The bytes are in Redis's memory: set ``maxmemory``, and ``max_attachment_bytes`` where many are expected.

    Args:
        url: As of ``RedisStore``.
        prefix: Of all keys; the one of the conversations.

    Raises:
        ConfigError: The URL or the prefix is not of that form.
    """

    is_shared: Final = True

    def __init__(self, url: str, *, prefix: str = "webchat") -> None:
        address = Address(url, prefix)
        self._where = f"{address.shown} (attachments)"
        self._prefix = prefix
        try:
            self._client: Redis = Redis.from_url(address.url, decode_responses=False, protocol=2)
        except (TypeError, ValueError):  # its text may hold the password
            raise ConfigError(f"db: {address.shown}: a parameter of the URL is not understood") from None

    async def open(self) -> None:
        """See that it answers.

        Raises:
            StoreError: It does not, or refuses.
        """
        await self._ask("PING")

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def put(self, attachment: StoredAttachment, content: bytes) -> None:
        """Keep an attachment, with its bytes in one step."""
        values = msgspec.structs.asdict(attachment)
        fields = [text for name in _FIELDS for text in (name, _text(values[name]))]
        await self._run(_PUT, _name(*attachment.key), attachment.digest, content, *fields)

    async def find(self, session_id: SessionId, attachment_id: str) -> StoredAttachment | None:
        """One attachment."""
        name = _name(session_id, attachment_id)
        return self._record(name, await self._ask("HMGET", f"{self._prefix}:attachment:{name}", *_FIELDS))

    async def read(self, digest: str) -> bytes | None:
        """The bytes."""
        content: bytes | None = await self._ask("GET", f"{self._prefix}:content:{digest}")
        return content

    async def touch(self, session_id: SessionId, attachment_id: str, *, at_ms: int) -> bool:
        """Let its time of grace begin anew."""
        return bool(await self._run(_CHANGE, _name(session_id, attachment_id), "at_ms", _text(at_ms)))

    async def keep(self, session_id: SessionId, attachment_id: str) -> None:
        """Mark it as kept."""
        await self._run(_CHANGE, _name(session_id, attachment_id), "is_kept", _text(True))

    async def drop(self, attachment: StoredAttachment) -> bool:
        """Take one away, unless it was touched since it was read."""
        as_read = (_text(attachment.at_ms), _text(attachment.is_kept))
        return bool(await self._run(_DROP, _name(*attachment.key), *as_read))

    async def forget(self, session_id: SessionId) -> None:
        """Take all of a conversation away."""
        await self._run(_FORGET, session_id)

    async def page(self, *, after: AttachmentKey | None, limit: int) -> Sequence[StoredAttachment]:
        """Attachments by key, beginning after one."""
        start = f"({_name(*after)}" if after else "-"
        names = await self._ask("ZRANGEBYLEX", f"{self._prefix}:attachments", start, "+", "LIMIT", 0, limit)
        found = [await self.find(*_key(name.decode())) for name in names]
        return [attachment for attachment in found if attachment is not None]

    def _record(self, name: str, values: Sequence[bytes | None]) -> StoredAttachment | None:
        session_id, attachment_id = _key(name)
        known = {field: value.decode() for field, value in zip(_FIELDS, values, strict=True) if value is not None}
        if not known:
            return None
        known |= {"session_id": session_id, "attachment_id": attachment_id}
        return msgspec.convert(known, StoredAttachment, strict=False)

    async def _run(self, script: str, *arguments: bytes | str) -> Any:
        return await self._ask("EVAL", script, 0, self._prefix, *arguments)

    async def _ask(self, *command: bytes | str | int) -> Any:
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except FAILURES as error:
            raise translated(error, self._where) from error


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, (bool, int)) else str(value)


def _name(session_id: SessionId, attachment_id: str) -> str:
    return f"{session_id}/{attachment_id}"


def _key(name: str) -> AttachmentKey:
    session_id, _, attachment_id = name.partition("/")
    return (SessionId(session_id), attachment_id)
