"""The route table: which path has which handler, and what a caller needs for it.

The same table serves Jupyter's server and our own; a host differs in its base classes only (``host.Host``).

Rule: HT1, AC1; PROTOCOL §2.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from webchat_nb.errors import NotFoundError
from webchat_nb.stream.model import session_id
from webchat_nb.transports.host import Host, Mount, Permission, bind
from webchat_nb.transports.http_approvals import ApprovalHandler
from webchat_nb.transports.http_attachments import AttachmentHandler, AttachmentsHandler
from webchat_nb.transports.http_base import ApiHandler
from webchat_nb.transports.http_bundle import MarkdownHandler
from webchat_nb.transports.http_chat import (
    CancelHandler,
    ChatHandler,
    ProfileHandler,
    ProfilesHandler,
    SchemasHandler,
    TimelineHandler,
)
from webchat_nb.transports.http_exports import ExportHandler, ImportHandler
from webchat_nb.transports.http_feedback import FeedbackHandler
from webchat_nb.transports.http_queue import QueuedRunHandler, QueueHandler
from webchat_nb.transports.http_sessions import EventsHandler, MessagesHandler, SessionHandler, SessionsHandler
from webchat_nb.transports.http_tools import ToolManifestHandler, ToolResultHandler
from webchat_nb.transports.websocket import bind_socket

Route = tuple[str, type[web.RequestHandler], dict[str, Any]]


class UnknownRouteHandler(ApiHandler):
    """Everything else below ``v1``."""

    async def get(self, *_: str) -> None:
        """404, in JSON like every other error."""
        raise NotFoundError("there is no such route")

    head = post = put = patch = delete = get


class MisnamedSessionHandler(ApiHandler):
    """A session route whose id has a slash in it: says that the id is wrong, not that the route is."""

    async def get(self, conv_id: str) -> None:
        """400 ``invalid_conv_id``."""
        session_id(conv_id)
        raise NotFoundError("there is no such route")

    head = post = put = patch = delete = get


_READ: dict[str, Permission] = {"get": "read"}
_RUN: dict[str, Permission] = {"post": "execute"}
_ANY: dict[str, Permission] = dict.fromkeys(("get", "head", "post", "put", "patch", "delete"), "read")

_TABLE: tuple[tuple[str, type[ApiHandler], dict[str, Permission]], ...] = (
    (r"v1/profiles", ProfilesHandler, _READ),
    (r"v1/profile", ProfileHandler, {"get": "read", "post": "write"}),
    (r"v1/chat", ChatHandler, _RUN),
    (r"v1/cancel", CancelHandler, _RUN),
    (r"v1/timeline", TimelineHandler, _READ),
    (r"v1/schemas", SchemasHandler, _READ),
    (r"v1/sessions", SessionsHandler, {"get": "read", "post": "write"}),
    (r"v1/sessions/import", ImportHandler, {"post": "write"}),
    (r"v1/sessions/([^/]+)", SessionHandler, {"get": "read", "patch": "write", "delete": "write"}),
    (r"v1/sessions/([^/]+)/messages", MessagesHandler, _RUN),
    (r"v1/sessions/([^/]+)/events", EventsHandler, _READ),
    (r"v1/sessions/([^/]+)/export", ExportHandler, _READ),
    (r"v1/sessions/([^/]+)/attachments", AttachmentsHandler, _RUN),
    (r"v1/sessions/([^/]+)/attachments/([^/]+)", AttachmentHandler, _READ),
    (r"v1/sessions/([^/]+)/queue", QueueHandler, _READ),
    (r"v1/sessions/([^/]+)/queue/([^/]+)", QueuedRunHandler, {"patch": "execute", "delete": "execute"}),
    (r"v1/sessions/([^/]+)/feedback", FeedbackHandler, {"post": "write"}),
    (r"v1/sessions/([^/]+)/approvals/([^/]+)", ApprovalHandler, {"post": "write"}),
    (r"v1/sessions/([^/]+)/tools/manifest", ToolManifestHandler, _RUN),
    (r"v1/sessions/([^/]+)/tools/results", ToolResultHandler, _RUN),
    (r"v1/sessions/(.*)/(?:messages|events|queue|feedback|export|attachments)", MisnamedSessionHandler, _ANY),
    (r"v1(?:/.*)?", UnknownRouteHandler, _ANY),
    (r"static/markdown\.js", MarkdownHandler, _READ),
)
"""Paths below the mount, in the order of matching. An id's ``%2F`` is matched as it is sent, and refused as an id."""


def routes(host: Host, mount: Mount, *, prefix: str = "") -> list[Route]:
    """The handlers of one host.

    Args:
        host: Its base classes and decorators.
        mount: What the handlers share.
        prefix: A pattern before each path, such as ``webchat/``.
    """
    socket = (rf"{prefix}v1/ws", bind_socket(host), {"mount": mount})
    table: list[Route] = [
        (prefix + pattern, bind(handler, host, permissions), {"mount": mount})
        for pattern, handler, permissions in _TABLE
    ]
    return [socket, *table]
