"""The extension: settings as traits, handlers below ``webchat/``, start and stop with the server."""

from __future__ import annotations

import hashlib
import logging
import secrets
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from traitlets import Bool, Dict, Enum, Float, List, Unicode

from webchat_nb.app import ChatApp, Config, build
from webchat_nb.chat.tools.limits import ToolLimits
from webchat_nb.errors import ConfigError, StoreError
from webchat_nb.stream import Retention
from webchat_nb.transports.host import Mount
from webchat_nb.transports.http import routes
from webchat_nb.wire.requests import Limits
from webchat_nb_server.kernel_engine import KERNEL, PROFILE, KernelEngineFactory
from webchat_nb_server.kernels import BUSY_TIMEOUT_S, JupyterKernels
from webchat_nb_server.login import PER_USER_SETTING, jupyter_host, names_its_users
from webchat_nb_server.runtime import ChatRuntime

T = TypeVar("T")

MOUNT = "webchat/"
"""Where the routes are, below the server's base URL."""


class WebChatExtension(ExtensionApp):
    """A chat that a notebook can rely on: its conversations live in this server."""

    name = "webchat_nb"
    description = "Chat for notebooks: conversations live in the Jupyter server."
    load_other_extensions = True

    db = Unicode(
        "",
        help="SQLite file of the conversations, 'memory', or the URL of a Redis that servers share. Default: a file in Jupyter's data folder, one for each "
        "folder that a server is started in.",
    ).tag(config=True)

    synchronous = Enum(
        ["FULL", "NORMAL"],
        default_value="FULL",
        help="FULL: what was acknowledged survives a power cut. NORMAL: faster, and a power cut may take the last "
        "moment away; conversations then begin a new epoch.",
    ).tag(config=True)

    profiles = Dict(
        help="Profiles, in the shape of a profiles file: {'default': slug, 'profiles': [{'slug': ..., 'engine': ...}]}.",
    ).tag(config=True)

    profiles_file = Unicode(
        "",
        help="YAML, JSON or TOML file of profiles; those of the trait 'profiles' come on top. Read again when it changes.",
    ).tag(config=True)

    profiles_files = List(
        Unicode(),
        help="More files of profiles, on top of 'profiles_file'; later ones win by slug.",
    ).tag(config=True)

    default_profile = Unicode(
        "",
        help="Slug of the profile for whoever did not choose one. Default: as the profiles say.",
    ).tag(config=True)

    per_user = Bool(
        None,
        allow_none=True,
        help="Whether a conversation belongs to the user who made it. Default: only when the server's identity "
        "provider names its users, as JupyterHub does; Jupyter's own invents a name for each browser.",
    ).tag(config=True)

    limits = Dict(
        help="Limits that differ from the default, such as {'max_prompt_chars': 20000}; told to clients in ws.hello.",
    ).tag(config=True)

    tool_limits = Dict(
        help="Limits of tools that differ from the default, such as {'timeout_s': 120, 'approval_expires_s': 600}.",
    ).tag(config=True)

    kernel_busy_timeout_s = Float(
        BUSY_TIMEOUT_S,
        min=0.1,
        help="How long a notebook's kernel may be busy with a cell, in seconds, before a call of its tools or a prompt to "
        "its function is given up.",
    ).tag(config=True)

    retention = Dict(
        help="How much is kept of each conversation's log, such as {'max_events': 100000, 'max_age_s': 2592000}; "
        "timelines stay whole. Default: everything.",
    ).tag(config=True)

    run_timeout_s = Float(
        None,
        allow_none=True,
        help="Longest time for an answer, in seconds, where the profile does not say. Default: no limit.",
    ).tag(config=True)

    open_approvals = Enum(
        ["expire", "wait"],
        default_value="expire",
        help="What becomes of an answer that waits for a person's approval when the server stops. expire: it is "
        "interrupted and the question expires. wait: the next server goes on with it, where its engine can.",
    ).tag(config=True)

    debug = Bool(False, help="Log more.").tag(config=True)

    runtime: ChatRuntime
    _kernels: JupyterKernels | None = None

    def initialize_settings(self) -> None:
        """Decide whose conversations they are, and let our log go where the server's goes."""
        log = logging.getLogger("webchat_nb")
        log.parent = self._server.log
        log.setLevel(logging.DEBUG if self.debug else logging.INFO)
        per_user = self.per_user
        if per_user is None:
            per_user = names_its_users(self._server.identity_provider)
        self.settings[PER_USER_SETTING] = per_user

    def initialize_handlers(self) -> None:
        """Add the routes. Nothing is opened yet."""
        self.runtime = ChatRuntime(self._build)
        mount = Mount(
            backend=self.runtime.backend,
            ready=self.runtime.ready,
            connections=self.runtime.connections,
            path=url_path_join("/", self._server.base_url, MOUNT),
            new_id=lambda: secrets.token_hex(8),
        )
        self.handlers.extend(routes(jupyter_host(), mount, prefix=MOUNT))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Start the chat when the server's loop runs; a store that does not open is no reason for it to end."""
        await self.runtime.ready()

    async def stop_extension(self) -> None:
        """Close the connections with 4000, settle what runs, close the store."""
        await self.runtime.stop()
        if self._kernels is not None:
            await self._kernels.close()

    def current_activity(self) -> dict[str, int] | None:
        """Open connections keep the server from ending for want of activity."""
        count = self.runtime.connections.count
        return {"connections": count} if count else None

    @property
    def _server(self) -> ServerApp:
        assert self.serverapp is not None
        return self.serverapp

    def _build(self) -> ChatApp:
        tool_limits = _converted("tool_limits", dict(self.tool_limits), ToolLimits)
        self._kernels = kernels = JupyterKernels(
            self._server.kernel_manager, tool_limits=tool_limits, busy_timeout_s=self.kernel_busy_timeout_s
        )
        app = build(
            Config(
                kernels=kernels,
                tool_sources=[kernels],
                engines={KERNEL: KernelEngineFactory(kernels)},
                db=self.db or str(self._default_db()),
                synchronous="NORMAL" if self.synchronous == "NORMAL" else "FULL",
                profiles_files=[file for file in (self.profiles_file, *self.profiles_files) if file],
                profiles=dict(self.profiles) or None,
                default_profile=self.default_profile or None,
                limits=_converted("limits", dict(self.limits), Limits),
                tool_limits=tool_limits,
                run_timeout_s=self.run_timeout_s,
                open_approvals="wait" if self.open_approvals == "wait" else "expire",
                retention=_converted("retention", dict(self.retention), Retention),
            )
        )
        if KERNEL not in app.profiles.slugs:
            app.profiles.register(PROFILE)
        return app

    def _default_db(self) -> Path:
        """A file for this server's folder; its own folder is for the user's eyes only."""
        folder = Path(jupyter_data_dir()) / "webchat_nb"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made: {error.strerror or error}") from None
        root = hashlib.sha256(str(Path(self._server.root_dir).resolve()).encode()).hexdigest()[:16]
        return folder / f"chat-{root}.db"


def _converted(trait: str, value: dict[str, Any], record: type[T]) -> T:
    """A trait as the record that it describes.

    Raises:
        ConfigError: It has another key, or a value of another type; the message names it.
    """
    try:
        return msgspec.convert(value, record)
    except msgspec.ValidationError as error:
        raise ConfigError(f"WebChatExtension.{trait}: {error}") from None
