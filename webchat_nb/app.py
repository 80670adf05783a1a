"""The composition: ``build(config)`` puts a chat together. The only file that knows every part.

A host needs nothing else: ``app = build(Config(...))``, ``await app.start()``, mount the transports on ``app.service``,
``await app.stop()``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, final

import msgspec

from webchat_nb.chat.access import AccessPolicy
from webchat_nb.chat.conversations import Conversations
from webchat_nb.chat.engine import EngineFactory
from webchat_nb.chat.ids import IdFactory, random_id
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.plugins import ChatPlugin
from webchat_nb.chat.plugins.answers import answer_plugin
from webchat_nb.chat.plugins.reasoning import reasoning_plugin
from webchat_nb.chat.plugins.tool_calls import ToolCallPlugin
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.chat.projections import ChatProjections
from webchat_nb.chat.resolver import RequestResolver
from webchat_nb.chat.runs import Runs
from webchat_nb.chat.schemas import register_schemas
from webchat_nb.chat.service import ChatService
from webchat_nb.chat.upkeep import Upkeep
from webchat_nb.engines.scripted import Signals, scripted_factory
from webchat_nb.stream import Clock, FanoutSettings, Hub, Policies, Retention, SchemaRegistry, Store, SystemClock
from webchat_nb.stream.pipeline import Probe
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.wire.requests import Limits

MEMORY = "memory"
"""The database name that keeps everything in memory only."""

_log = logging.getLogger(__name__)


class Config(msgspec.Struct, kw_only=True):
    """How a chat is put together; every default is the one a newcomer wants.

    Attributes:
        db: A SQLite file's path, ``memory``, or the URL of a Redis that several servers share: ``redis://``,
            ``rediss://`` (TLS) or ``unix://``; needs ``webchat-nb[redis]``.
        lease_ttl_s: With a Redis: how long the runs of a server that died are waited for before another one settles them.
        synchronous: ``FULL`` survives a power cut; ``NORMAL`` is faster and may then lose the last moment, which
            changes the epoch (ST2).
        profiles_files: YAML or TOML files; a later one wins by slug.
        profiles: Profiles as plain data, in the shape of a profiles file; on top of the files.
        default_profile: Slug of the default profile, on top of what the files say.
        engines: Factories by engine name, beside the built-in ``scripted``.
        plugins: Features beside answers, reasoning and tool calls.
        idle_timeout_s: A conversation that nobody used for so long leaves the memory, never the store (EV1).
        retention: How much is kept of each conversation's log; its timeline stays whole (ST8).
        policies: What becomes of an event that a projection fails on (PL2).
        policy: Who may do what; default: a conversation belongs to its maker.
        resolver: Which conversation and profile a request means.
        store: A store of one's own, instead of ``db``.
        probe: Told the points that batches pass in the pipeline; for tests that crash there.
    """

    db: str = MEMORY
    lease_ttl_s: float = 10.0
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    profiles_files: Sequence[str | Path] = ()
    profiles: Mapping[str, Any] | None = None
    default_profile: str | None = None
    engines: Mapping[str, EngineFactory] = {}
    plugins: Sequence[ChatPlugin] = ()
    limits: Limits = Limits()
    fanout: FanoutSettings = FanoutSettings()
    idle_timeout_s: float = 600.0
    retention: Retention = Retention()
    policies: Policies = Policies()
    policy: AccessPolicy | None = None
    resolver: RequestResolver | None = None
    store: Store | None = None
    probe: Probe | None = None
    clock: Clock | None = None
    new_id: IdFactory = random_id


@final
class ChatApp:
    """A chat, ready to be started.

    Attributes:
        service: What can be done with conversations; transports are mounted on it.
        hub: The stream below it.
        signals: Releases ``wait_for`` steps of scripts; for tests.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        service: ChatService,
        runs: Runs,
        upkeep: Upkeep,
        signals: Signals,
    ) -> None:
        self.hub = hub
        self.service = service
        self.signals = signals
        self._runs = runs
        self._upkeep = upkeep
        self._is_running = False

    async def start(self) -> None:
        """Open the store, settle what a crash left behind, go on with the queues.

        Raises:
            StoreError: The store cannot be opened; the app stays stopped and may be started again.
        """
        await self.hub.start()
        self._is_running = True
        count = await self._runs.recover()
        if count:
            _log.info("%d conversations had open runs; they are settled", count)
        self._upkeep.start()

    async def stop(self) -> None:
        """Settle active runs as interrupted, commit what waits, close the store. Harmless when called twice."""
        if self._is_running:
            self._is_running = False
            await self._upkeep.stop()
            await self._runs.shutdown()
        await self.hub.shutdown()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def build(config: Config | None = None) -> ChatApp:
    """Put a chat together; nothing is opened yet.

    Raises:
        ConfigError: A profiles file cannot be used; the message says file, line and key.
        ConfigError: ``db`` is no URL that can be used, or names a Redis while ``webchat-nb[redis]`` is missing.
        DuplicateNameError: Two plugins register the same name.
    """
    config = config or Config()
    clock = config.clock or SystemClock()
    plugins: list[ChatPlugin] = [answer_plugin(), reasoning_plugin(), ToolCallPlugin(), *config.plugins]
    registry = SchemaRegistry()
    register_schemas(registry, plugins)
    hub = Hub(
        registry=registry,
        store=config.store or _open_store(config, clock),
        projections=ChatProjections(registry, plugins),
        clock=clock,
        fanout=config.fanout,
        probe=config.probe,
    )
    signals = Signals()
    planner = ProfilePlanner(
        ProfileRegistry.load(config.profiles_files, data=config.profiles, default=config.default_profile),
        {"scripted": scripted_factory(clock, signals), **config.engines},
    )
    conversations = Conversations(hub, plugins)
    runs = Runs(
        hub=hub,
        conversations=conversations,
        planner=planner,
        new_id=config.new_id,
        max_queue=config.limits.max_queue,
    )
    service = ChatService(
        hub=hub,
        runs=runs,
        planner=planner,
        limits=config.limits,
        policy=config.policy,
        resolver=config.resolver,
        new_id=config.new_id,
    )
    return ChatApp(
        hub=hub,
        service=service,
        runs=runs,
        upkeep=Upkeep(
            hub=hub,
            conversations=conversations,
            runs=runs,
            idle_timeout_s=config.idle_timeout_s,
            retention=config.retention,
        ),
        signals=signals,
    )


def _open_store(config: Config, clock: Clock) -> Store:
    if config.db == MEMORY:
        return MemoryStore(new_id=config.new_id)
    if "://" in config.db:
        from webchat_nb.stream.stores.redis import RedisStore  # an extra: redis-py need not be there

        return RedisStore(config.db, clock=clock, new_id=config.new_id, lease_ttl_s=config.lease_ttl_s)
    return SQLiteStore(Path(config.db), synchronous=config.synchronous, clock=clock, new_id=config.new_id)
