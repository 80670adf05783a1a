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
from webchat_nb.engines.scripted import Signals, scripted_factory
from webchat_nb.stream import Clock, FanoutSettings, Hub, SchemaRegistry, Store, SystemClock
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.wire.requests import Limits

MEMORY = "memory"
"""The database name that keeps everything in memory only."""

EVICT_EVERY_S = 60.0
"""How often idle conversations are looked for."""

_log = logging.getLogger(__name__)


class Config(msgspec.Struct, kw_only=True):
    """How a chat is put together; every default is the one a newcomer wants.

    Attributes:
        db: A SQLite file's path, or ``memory``.
        synchronous: ``FULL`` survives a power cut; ``NORMAL`` is faster and may then lose the last moment, which
            changes the epoch (ST2).
        profiles_files: YAML or TOML files; a later one wins by slug.
        profiles: Profiles as plain data, in the shape of a profiles file; on top of the files.
        default_profile: Slug of the default profile, on top of what the files say.
        engines: Factories by engine name, beside the built-in ``scripted``.
        plugins: Features beside answers, reasoning and tool calls.
        idle_timeout_s: A conversation that nobody used for so long leaves the memory, never the store (EV1).
        policy: Who may do what; default: a conversation belongs to its maker.
        resolver: Which conversation and profile a request means.
        store: A store of one's own, instead of ``db``.
    """

    db: str = MEMORY
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    profiles_files: Sequence[str | Path] = ()
    profiles: Mapping[str, Any] | None = None
    default_profile: str | None = None
    engines: Mapping[str, EngineFactory] = {}
    plugins: Sequence[ChatPlugin] = ()
    limits: Limits = Limits()
    fanout: FanoutSettings = FanoutSettings()
    idle_timeout_s: float = 600.0
    policy: AccessPolicy | None = None
    resolver: RequestResolver | None = None
    store: Store | None = None
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
        conversations: Conversations,
        signals: Signals,
        idle_timeout_s: float,
    ) -> None:
        self.hub = hub
        self.service = service
        self.signals = signals
        self._runs = runs
        self._conversations = conversations
        self._idle_timeout_s = idle_timeout_s
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
        self._evict_later()

    async def stop(self) -> None:
        """Settle active runs as interrupted, commit what waits, close the store. Harmless when called twice."""
        if self._is_running:
            self._is_running = False
            await self._runs.shutdown()
        await self.hub.shutdown()

    def _evict_later(self) -> None:
        def evict() -> None:
            if self._is_running:
                for session_id in self.hub.evict(idle_longer_than_s=self._idle_timeout_s):
                    self._conversations.forget(session_id)
                self._evict_later()

        self.hub.clock.call_later(min(EVICT_EVERY_S, self._idle_timeout_s), evict)

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
        conversations=conversations,
        signals=signals,
        idle_timeout_s=config.idle_timeout_s,
    )


def _open_store(config: Config, clock: Clock) -> Store:
    if config.db == MEMORY:
        return MemoryStore(new_id=config.new_id)
    return SQLiteStore(Path(config.db), synchronous=config.synchronous, clock=clock, new_id=config.new_id)
