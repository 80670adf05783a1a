"""The composition: ``build(config)`` puts a chat together. The only file that knows every part.

A host needs nothing else: ``async with build(Config(...)) as app``, or ``start`` and ``stop``; then ``app.chat("hello")`` in a
program, or the transports mounted on ``app.service``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, final, overload

from webchat_nb.chat.answer import Answer
from webchat_nb.chat.attachments import Attachments, AttachmentStore, FolderAttachments, MemoryAttachments
from webchat_nb.chat.conversation_commands import handle_conversation_commands
from webchat_nb.chat.conversations import Conversations
from webchat_nb.chat.imports import Imports
from webchat_nb.chat.middlewares.registry import MiddlewareRegistry, installed_middlewares
from webchat_nb.chat.plan import Profile
from webchat_nb.chat.planner import ProfilePlanner
from webchat_nb.chat.plugins import BringsCommands, ChatPlugin
from webchat_nb.chat.plugins.answers import answer_plugin
from webchat_nb.chat.plugins.approvals import ApprovalPlugin
from webchat_nb.chat.plugins.browser_calls import BrowserCallPlugin
from webchat_nb.chat.plugins.feedback import FeedbackPlugin
from webchat_nb.chat.plugins.reasoning import reasoning_plugin
from webchat_nb.chat.plugins.tool_calls import ToolCallPlugin
from webchat_nb.chat.profiles import ProfileRegistry
from webchat_nb.chat.projections import ChatProjections
from webchat_nb.chat.receipts import ReceiptKeeping
from webchat_nb.chat.runs import Runs
from webchat_nb.chat.schemas import register_schemas
from webchat_nb.chat.service import ChatService
from webchat_nb.chat.tools import Approval
from webchat_nb.chat.tools.boxes import ToolBoxes
from webchat_nb.chat.tools.browser.browser_tools import BrowserTools
from webchat_nb.chat.tools.functions.declared import FunctionTool
from webchat_nb.chat.tools.registry import ToolRegistry
from webchat_nb.chat.upkeep import Upkeep
from webchat_nb.config import MEMORY, Config
from webchat_nb.engines.builtin import builtin_engines
from webchat_nb.engines.functions import EngineFunction
from webchat_nb.engines.loading import EngineTable
from webchat_nb.engines.signals import Signals
from webchat_nb.stream import Clock, Hub, SchemaRegistry, Store, SystemClock
from webchat_nb.stream.stores.memory import MemoryStore
from webchat_nb.stream.stores.sqlite import SQLiteStore
from webchat_nb.wire.requests import Principal

__all__ = ["MEMORY", "ChatApp", "Config", "build"]

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)


@final
class ChatApp:
    """A chat, ready to be started.

    Attributes:
        service: What can be done with conversations; transports are mounted on it.
        hub: The stream below it.
        profiles: The profiles; ``register`` adds one from Python, at any time.
        signals: Releases ``wait_for`` steps of scripts; for tests.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        service: ChatService,
        profiles: ProfileRegistry,
        engines: EngineTable,
        tools: ToolRegistry,
        runs: Runs,
        upkeep: Upkeep,
        attachments: Attachments,
        signals: Signals,
    ) -> None:
        self.hub = hub
        self.service = service
        self.profiles = profiles
        self._engines = engines
        self._tools = tools
        self.signals = signals
        self._runs = runs
        self._upkeep = upkeep
        self._attachments = attachments
        self._is_running = False

    async def start(self) -> None:
        """Open the store, settle what a crash left behind, go on with the queues.

        Raises:
            StoreError: The store cannot be opened; the app stays stopped and may be started again.
        """
        await self.hub.start()
        self._is_running = True
        try:
            await self._attachments.start()
        except BaseException:
            await self.stop()
            raise
        count = await self._runs.recover()
        if count:
            _log.info("%d conversations had open runs; they are settled, or go on", count)
        self._upkeep.start()

    async def stop(self) -> None:
        """Settle active runs as interrupted or leave them to the next server, commit what waits, close the store. Harmless when called twice."""
        if self._is_running:
            self._is_running = False
            await self._upkeep.stop()
            await self._runs.shutdown()
            await self._attachments.stop()
        await self._engines.aclose()
        await self.hub.shutdown()

    @overload
    def engine(self, function: EngineFunction) -> EngineFunction: ...

    @overload
    def engine(self, *, name: str) -> Callable[[EngineFunction], EngineFunction]: ...

    def engine(self, function: EngineFunction | None = None, *, name: str = "") -> Any:
        """Let a function of this program answer: ``@app.engine``, or ``@app.engine(name="…")``.

        It becomes an engine of its name; a profile with that slug is made, unless there is one. Doing it again, as a
        cell does, replaces the function from the next prompt on.

        Args:
            function: A function, async function, generator or async generator; see ``engines.functions``.
            name: Instead of the function's.

        Raises:
            ConfigError: The function wants arguments that nobody has, or the name is no slug. Nothing is registered.

        Rule: EN2.
        """

        def register(function: EngineFunction) -> EngineFunction:
            engine = name or getattr(function, "__name__", "")
            factory = self._engines.factory_of(function)
            if engine not in self.profiles.slugs:
                self.profiles.register(Profile(slug=engine, engine=engine))
            self._engines.add(engine, factory)
            return function

        return register if function is None else register(function)

    @overload
    def tool(self, function: Callable[P, R], /) -> FunctionTool[P, R]: ...

    @overload
    def tool(
        self, /, *, name: str = "", description: str = "", approval: Approval = "never", timeout_s: float | None = None
    ) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...

    def tool(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Let models call a function of this program: ``@app.tool``, or ``@app.tool(approval="always")``.

        Profiles and prompts may name it from now on. Doing it again, as a cell does, replaces the function from the next
        prompt on.

        Args:
            function: A function, async function, generator or async generator, see ``chat.tools.functions.declared``.
            **options: ``name``, ``description``, ``approval``, ``timeout_s``.

        Raises:
            ConfigError: The function cannot be a tool. Nothing is registered.

        Rule: TL3, TL4.
        """

        def register(function: Callable[..., Any]) -> Any:
            return self._tools.add(FunctionTool(function, **options))

        return register if function is None else register(function)

    def chat(
        self,
        prompt: str,
        *,
        conv_id: str | None = None,
        profile: str | None = None,
        overrides: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        who: Principal | None = None,
    ) -> Answer:
        """Send a prompt and follow its answer: ``async for piece in app.chat("hello")``.

        Leaving the loop does not stop the run; ``Answer.stop`` does.

        Args:
            prompt: The prompt.
            conv_id: The conversation that it goes on with; None begins a new one.
            profile: Slug; None: the conversation's, else the default one.
            overrides: What the prompt changes of the profile (HT4).
            idempotency_key: With the same key, also after a restart, the same answer is told instead of a second one.
            who: Whose prompt it is; None: the one owner's.

        Rule: HO1.
        """
        return self.service.chat(
            who or Principal(),
            prompt,
            conv_id=conv_id,
            profile=profile,
            overrides=overrides,
            idempotency_key=idempotency_key,
        )

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
    approvals = ApprovalPlugin()
    browser_tools = BrowserTools(clock=clock, limits=config.limits, timeout_s=config.tool_limits.timeout_s)
    plugins: list[ChatPlugin] = [
        answer_plugin(),
        reasoning_plugin(),
        ToolCallPlugin(),
        FeedbackPlugin(),
        approvals,
        BrowserCallPlugin(answered=browser_tools.answered),
        *config.plugins,
    ]
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
    middlewares = MiddlewareRegistry(config.middlewares, installed=installed_middlewares(), clock=clock)
    profiles = ProfileRegistry(
        config.profiles_files,
        data=config.profiles,
        default=config.default_profile,
        clock=clock,
        check=middlewares.find_problem,
    )
    engines = EngineTable({**builtin_engines(clock, signals), **config.engines}, clock=clock)
    tools = ToolRegistry(config.tools)
    planner = ProfilePlanner(profiles, engines, tools=tools, middlewares=middlewares)
    conversations = Conversations(hub, plugins)
    attachments = Attachments(
        hub=hub,
        store=config.attachments or _attachment_store(config),
        limits=config.limits,
        new_id=config.new_id,
        grace_s=config.attachment_grace_s,
    )
    handle_conversation_commands(hub)
    for plugin in plugins:
        if isinstance(plugin, BringsCommands):
            for name, handler in plugin.handlers(hub).items():
                hub.on_command(name, handler)
    runs = Runs(
        hub=hub,
        conversations=conversations,
        planner=planner,
        attachments=attachments,
        tools=ToolBoxes(
            tools,
            sources=[*config.tool_sources, browser_tools],
            attachments=attachments,
            limits=config.tool_limits,
            clock=clock,
        ),
        new_id=config.new_id,
        max_queue=config.limits.max_queue,
        timeout_s=config.run_timeout_s,
        open_approvals=config.open_approvals,
    )
    approvals.decided = runs.decided
    browser_tools.attach(hub)
    Imports(hub)
    service = ChatService(
        hub=hub,
        runs=runs,
        planner=planner,
        attachments=attachments,
        browser_tools=browser_tools,
        limits=config.limits,
        policy=config.policy,
        resolver=config.resolver,
        kernels=config.kernels,
        new_id=config.new_id,
    )
    receipts = []
    if config.receipts_max_age_s is not None:
        receipts.append(ReceiptKeeping(hub, config.receipts_max_age_s).forget_old)
    return ChatApp(
        hub=hub,
        service=service,
        profiles=profiles,
        engines=engines,
        tools=tools,
        runs=runs,
        upkeep=Upkeep(
            hub=hub,
            conversations=conversations,
            runs=runs,
            idle_timeout_s=config.idle_timeout_s,
            retention=config.retention,
            chores=[attachments.sweep, *receipts],
        ),
        attachments=attachments,
        signals=signals,
    )


def _attachment_store(config: Config) -> AttachmentStore:
    """A place beside the database: what is erased there is erased here."""
    if config.db == MEMORY or config.store is not None:
        return MemoryAttachments()
    if "://" in config.db:
        from webchat_nb.chat.attachments.redis import RedisAttachments  # an extra: redis-py need not be there

        return RedisAttachments(config.db)
    return FolderAttachments(Path(f"{config.db}-files"))


def _open_store(config: Config, clock: Clock) -> Store:
    if config.db == MEMORY:
        return MemoryStore(new_id=config.new_id)
    if "://" in config.db:
        from webchat_nb.stream.stores.redis import RedisStore  # an extra: redis-py need not be there

        return RedisStore(config.db, clock=clock, new_id=config.new_id, lease_ttl_s=config.lease_ttl_s)
    return SQLiteStore(Path(config.db), synchronous=config.synchronous, clock=clock, new_id=config.new_id)
