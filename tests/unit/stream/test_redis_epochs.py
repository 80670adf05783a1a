"""A Redis that may have lost something changes the epochs; one that has not keeps them (OR3)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.unit.stream.redis_stores import C1, opened, payloads
from webchat_nb.errors import StoreConflictError
from webchat_nb.stream.model import Epoch
from webchat_nb.stream.stores.redis import RedisStore
from webchat_nb.testing.clock import ManualClock
from webchat_nb.testing.store_author import Author

StartRedis = Callable[..., RedisServer]


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts a server with these settings; it ends with the test."""
    started: list[RedisServer] = []

    def start(**settings: str) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(started)}", **settings)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


async def epoch_of(store: RedisStore) -> Epoch:
    session = await store.session(C1)
    assert session is not None
    return session.epoch


async def begin(url: str) -> Epoch:
    async with opened(url) as store:
        await Author(store).write(b"a")
        return await epoch_of(store)


@pytest.mark.rule("OR3", "ST10")
@pytest.mark.parametrize(
    ("settings", "is_kept"),
    [
        ({}, True),
        ({"appendfsync": "everysec"}, False),
        ({"no_appendfsync_on_rewrite": "yes"}, False),
    ],
)
async def test_a_restart_keeps_epochs_only_when_every_answer_was_on_disk(
    start_redis: StartRedis, settings: dict[str, str], is_kept: bool
) -> None:
    server = start_redis(**settings)
    first = await begin(server.url)
    assert await _visit(server.url) == first, "the store was restarted, Redis was not"
    server.restart()
    second = await _visit(server.url)
    assert (second == first) is is_kept
    assert await _visit(server.url) == second, "once for one restart"


async def _visit(url: str) -> Epoch:
    async with opened(url) as store:
        return await epoch_of(store)


@pytest.mark.rule("OR3", "ST10")
async def test_what_counts_is_how_redis_was_set_when_it_acknowledged(start_redis: StartRedis) -> None:
    server = start_redis(appendfsync="everysec")
    first = await begin(server.url)
    server.settings["appendfsync"] = "always"
    server.restart()
    second = await _visit(server.url)
    assert second != first
    server.restart()
    assert await _visit(server.url) == second


@pytest.mark.rule("OR3", "ST10")
async def test_a_connected_store_finds_out_before_it_writes(start_redis: StartRedis) -> None:
    server = start_redis(appendfsync="everysec")
    async with opened(server.url) as one, opened(server.url) as two:
        author = Author(one)
        await author.write(b"a")
        server.ask("CONFIG", "SET", "appendfsync", "always")  # on disk from now on, whatever the epochs say
        await author.write(b"b")
        server.ask("CONFIG", "SET", "appendfsync", "everysec")
        server.restart()
        with pytest.raises(StoreConflictError):
            await author.write(b"c")
        assert await payloads(one) == [b"a", b"b"]
        new = await epoch_of(one)
        assert new.startswith(f"{author.epoch}.")
        assert await epoch_of(two) == new, "both found out, the epochs changed once"
        author.epoch = new
        await author.write(b"c")
        fresh = Author(two, "fresh")
        await fresh.write(b"a")
        assert "." not in fresh.epoch, "a log that began in this generation needs no suffix"


@pytest.mark.rule("OR3", "ST10")
async def test_settings_that_may_not_be_read_count_as_unsafe(start_redis: StartRedis) -> None:
    server = start_redis()
    server.ask("ACL", "SETUSER", "chat", "on", ">secret", "~*", "&*", "+@all", "-config")
    url = server.url.replace("//", "//chat:secret@")
    first = await begin(url)
    server.restart()
    server.ask("ACL", "SETUSER", "chat", "on", ">secret", "~*", "&*", "+@all", "-config")
    assert await _visit(url) != first


@pytest.mark.rule("OR3", "ST10")
async def test_a_dump_instead_of_the_log_of_commands_changes_the_epoch(start_redis: StartRedis) -> None:
    server = start_redis()
    first = await begin(server.url)
    server.ask("SAVE")
    server.kill()
    server.settings["appendonly"] = "no"
    server.start()
    assert await _visit(server.url) != first


@pytest.mark.rule("OR3", "ST10")
async def test_a_restored_backup_is_recognised_by_a_server_that_was_connected(start_redis: StartRedis) -> None:
    server = start_redis()
    async with opened(server.url) as store, opened(server.url) as other:
        author, elsewhere = Author(store), Author(other, "elsewhere")
        await author.write(b"a")
        server.kill()
        backup = server.folder.with_name("backup")
        shutil.copytree(server.folder, backup)
        server.start()
        await author.write(b"lost with the backup")
        await elsewhere.write(b"lost too")
        assert await epoch_of(store) == author.epoch
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(backup, server.folder)
        server.start()
        with pytest.raises(StoreConflictError):
            await author.write(b"c")
        assert await payloads(store) == [b"a"]
        renewed = await epoch_of(store)
        assert renewed.startswith(f"{author.epoch}.")
        with pytest.raises(StoreConflictError):
            await elsewhere.write(b"d")
        assert await epoch_of(other) == renewed, "the first one to find out renewed the epochs for all"


@pytest.mark.rule("OR3", "ST10")
async def test_a_lost_tail_under_way_is_recognised_by_the_next_commit(start_redis: StartRedis) -> None:
    """Without a restart, as behind an address that moved to a replica which was behind."""
    server = start_redis()
    async with opened(server.url) as store:
        author = Author(store)
        await author.write(b"a")
        writer_key = server.ask("KEYS", "webchat:writer:*")[0]
        server.ask("SET", writer_key, "0 ")
        with pytest.raises(StoreConflictError):
            await author.write(b"b")
        assert (await epoch_of(store)).startswith(f"{author.epoch}.")


@pytest.mark.rule("OR3", "ST10")
async def test_being_forgotten_after_a_day_of_silence_is_no_loss(start_redis: StartRedis) -> None:
    server, clock = start_redis(), ManualClock()
    async with opened(server.url, clock=clock) as store:
        author = Author(store)
        await author.write(b"a")
        writer_key = server.ask("KEYS", "webchat:writer:*")[0]
        assert server.ask("TTL", writer_key) > 86_000
        server.ask("DEL", writer_key)
        clock.jump(24 * 3600)
        await author.write(b"b")
        assert await epoch_of(store) == author.epoch


@pytest.mark.rule("OR3", "ST10")
async def test_deleting_what_is_kept_about_the_store_changes_the_epoch(start_redis: StartRedis) -> None:
    server = start_redis()
    first = await begin(server.url)
    server.ask("DEL", "webchat:meta")  # what one does after restoring a backup with all servers stopped
    assert (await _visit(server.url)).startswith(f"{first}.")
