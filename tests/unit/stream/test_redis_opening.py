"""What is refused when a Redis store is made or opened, and that no message tells a secret (ST5, AC7)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.stream.redis_stores import C1, opened, prefix, server
from webchat_nb.app import Config, build
from webchat_nb.errors import ConfigError, StoreError, StoreUnreachableError, StoreVersionError
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.store_author import Author

__all__ = ["prefix", "server"]


async def refusal(url: str, **settings: str) -> StoreError:
    """What opening fails with; it leaves nothing open."""
    store = RedisStore(url, **settings)
    with pytest.raises(StoreError) as caught:
        await store.open()
    with pytest.raises(StoreError, match="not open"):
        await store.session(C1)
    await store.close()
    return caught.value


@pytest.mark.rule("ST1")
async def test_a_chat_is_built_on_a_redis_by_its_url(server: RedisServer) -> None:
    async with build(Config(db=server.url)) as app:
        assert type(app.hub.store) is RedisStore


@pytest.mark.rule("AC7")
@pytest.mark.parametrize(
    "url",
    [
        "mongodb://user:hunter2@there/0",
        "http://user:hunter2@there",
        "redis://",
        "redis://user:hunter2",
        "redis://user:hunter2@there:port/0",
        "redis://user:hunter2@there:99999/0",
        "redis://user/hunter2@there/0",
        "redis://user:hunter2@there/0?socket_timeout=hunter2",
        "redis://user:hunter2@there/0?hunter2=1",
        "rediss://user:hunter2@there/x",
        "unix://",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Config(db=url))
    assert "db:" in caught.value.message
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("prefix", ["", "a:b", "a b", "x" * 65])
def test_a_prefix_that_could_meet_another_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="prefix"):
        RedisStore("redis://localhost", prefix=prefix)


@pytest.mark.rule("AC7", "ST5")
async def test_a_wrong_password_is_said_to_be_wrong_and_not_told(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", requirepass="right") as locked:
        for url in (locked.url, locked.url.replace("//", "//:hunter2@"), locked.url.replace("//", "//me:hunter2@")):
            error = await refusal(url)
            assert "password" in error.message
            assert not error.retryable
            assert "hunter2" not in "".join(traceback.format_exception(error))
        async with opened(locked.url.replace("//", "//:right@")) as store:
            await Author(store).write(b"a")


@pytest.mark.rule("ST5", "AC7")
async def test_a_redis_that_is_away_is_said_to_be_away() -> None:
    error = await refusal("redis://me:hunter2@127.0.0.1:1/3")
    assert type(error) is StoreUnreachableError
    assert "redis://127.0.0.1:1/3" in error.message
    assert "hunter2" not in "".join(traceback.format_exception(error))


@pytest.mark.rule("ST5")
async def test_something_else_at_that_address_is_said_to_be_no_redis() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        error = await refusal(f"redis://127.0.0.1:{port}")
        assert "not a Redis" in error.message
        assert not error.retryable


@pytest.mark.rule("ST5")
async def test_keys_of_a_newer_version_are_refused_and_left_alone(server: RedisServer, prefix: str) -> None:
    async with opened(server.url, prefix=prefix) as store:
        await Author(store).write(b"a")
    server.ask("HSET", f"{prefix}:meta", "version", "2")
    before = server.ask("HGETALL", f"{prefix}:meta")
    error = await refusal(server.url, prefix=prefix)
    assert type(error) is StoreVersionError
    assert "version 2" in error.message
    assert server.ask("HGETALL", f"{prefix}:meta") == before


@pytest.mark.rule("ST5")
async def test_a_store_that_is_open_stops_writing_when_a_newer_version_takes_over(
    server: RedisServer, prefix: str
) -> None:
    async with opened(server.url, prefix=prefix) as store:
        author = Author(store)
        await author.write(b"a")
        server.ask("HSET", f"{prefix}:meta", "version", "2")
        with pytest.raises(StoreVersionError):
            await author.write(b"b")
        assert server.ask("XLEN", f"{prefix}:log:c1") == 1


@pytest.mark.rule("ST5")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru"}, "noeviction"),
        ({"maxmemory": "100mb", "maxmemory_policy": "volatile-ttl"}, "noeviction"),
        ({"cluster_enabled": "yes"}, "Cluster"),
    ],
)
async def test_a_redis_that_could_not_keep_a_chat_is_refused(
    tmp_path: Path, settings: dict[str, str], expected: str
) -> None:
    with RedisServer(tmp_path / "redis", **settings) as unfit:
        error = await refusal(unfit.url)
        assert expected in error.message
        assert not error.retryable


@pytest.mark.rule("ST1")
def test_without_the_extra_everything_else_works_and_the_message_says_what_to_install() -> None:
    script = """
import sys
sys.modules["redis"] = None  # as when it is not installed
import webchat_nb
from webchat_nb.app import Config, build
build(Config())
try:
    build(Config(db="redis://localhost"))
except webchat_nb.errors.ConfigError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install webchat-nb[redis]" in ran.stdout
