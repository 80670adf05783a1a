"""How a chat is put together, as the host says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from webchat_nb.chat.access import AccessPolicy
from webchat_nb.chat.attachments import AttachmentStore
from webchat_nb.chat.attachments.attachments import GRACE_S
from webchat_nb.chat.engine import EngineFactory
from webchat_nb.chat.ids import IdFactory, random_id
from webchat_nb.chat.kernels import Kernels
from webchat_nb.chat.middlewares import MiddlewareFactory
from webchat_nb.chat.plugins import ChatPlugin
from webchat_nb.chat.receipts import MAX_AGE_S
from webchat_nb.chat.resolver import RequestResolver
from webchat_nb.chat.runs import OpenApprovals
from webchat_nb.chat.tools import Tool, ToolSource
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.stream import Clock, FanoutSettings, Policies, Retention, Store
from webchat_nb.stream.pipeline import Probe
from webchat_nb.wire.requests import Limits

MEMORY = "memory"
"""The database name that keeps everything in memory only."""


class Config(msgspec.Struct, kw_only=True):
    """How a chat is put together; every default is the one a newcomer wants.

    Attributes:
        db: A SQLite file's path, ``memory``, or the URL of a Redis that several servers share: ``redis://``,
            ``rediss://`` (TLS) or ``unix://``; needs ``webchat-nb[redis]``.
        lease_ttl_s: With a Redis: how long the runs of a server that died are waited for before another one settles them.
        synchronous: ``FULL`` survives a power cut; ``NORMAL`` is faster and may then lose the last moment, which
            changes the epoch (ST2).
        profiles_files: YAML or TOML files; a later one wins by slug. Read again when they change (PF1).
        profiles: Profiles as plain data, in the shape of a profiles file; on top of the files.
        default_profile: Slug of the default profile, on top of what the files say.
        engines: Factories by engine name, beside ``scripted``, ``openai``, ``openai-responses``, ``anthropic``,
            ``pydantic-ai``, those of installed packages, and ``module:object`` (EN6).
        middlewares: Factories by name, beside those that ship and those of installed packages.
        plugins: Features beside answers, reasoning, tool calls and feedback.
        tools: Functions and tools that profiles and prompts may name, beside ``@app.tool``, those of installed packages
            and ``module:object`` (TL1, TL3).
        tool_sources: Tools that come and go with a conversation: of a notebook's kernel, of a browser.
        tool_limits: How long a tool may work, how much it may say.
        kernels: Of notebooks, which conversations may be bound to (TL6); a host that has some brings them.
        idle_timeout_s: A conversation that nobody used for so long leaves the memory, never the store (EV1).
        run_timeout_s: Longest time for an answer, in seconds, when its profile does not say; None: without end (RN12).
        open_approvals: What becomes of a run that waits for a person when its server stops: ``expire`` interrupts it,
            ``wait`` lets the next server go on with it (TL9).
        retention: How much is kept of each conversation's log; its timeline stays whole (ST8).
        receipts_max_age_s: How long a repeated idempotency key gets its first answer (HT3); None: for ever.
        policies: What becomes of an event that a projection fails on (PL2).
        policy: Who may do what; default: a conversation belongs to its maker.
        resolver: Which conversation, profile and overrides a request means.
        store: A store of one's own, instead of ``db``.
        attachments: A place of one's own for attachments, instead of one beside ``db``.
        attachment_grace_s: How long an upload stays that no prompt names.
        probe: Told the points that batches pass in the pipeline; for tests that crash there.
    """

    db: str = MEMORY
    lease_ttl_s: float = 10.0
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    profiles_files: Sequence[str | Path] = ()
    profiles: Mapping[str, Any] | None = None
    default_profile: str | None = None
    engines: Mapping[str, EngineFactory] = {}
    middlewares: Mapping[str, MiddlewareFactory[Any]] = {}
    plugins: Sequence[ChatPlugin] = ()
    tools: Sequence[Tool | Callable[..., Any]] = ()
    tool_sources: Sequence[ToolSource] = ()
    tool_limits: ToolLimits = ToolLimits()
    kernels: Kernels | None = None
    limits: Limits = Limits()
    fanout: FanoutSettings = FanoutSettings()
    idle_timeout_s: float = 600.0
    run_timeout_s: float | None = None
    open_approvals: OpenApprovals = "expire"
    retention: Retention = Retention()
    receipts_max_age_s: float | None = MAX_AGE_S
    policies: Policies = Policies()
    policy: AccessPolicy | None = None
    resolver: RequestResolver | None = None
    store: Store | None = None
    attachments: AttachmentStore | None = None
    attachment_grace_s: float = GRACE_S
    probe: Probe | None = None
    clock: Clock | None = None
    new_id: IdFactory = random_id
