"""The server under test, and the bare websocket server that it is compared with, on real ports of one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, final

import msgspec
import yaml
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.websocket import WebSocketHandler

from tests.bench.clients import Clients
from webchat_nb.app import ChatApp, Config, build
from webchat_nb.contracts.v1 import events_pb2 as ev
from webchat_nb.stream import Event, session_id
from webchat_nb.transports.connections import Connections
from webchat_nb.transports.standalone import make_application
from webchat_nb.wire.requests import Principal, SubmitRequest

CONVERSATION = session_id("bench")
MESSAGE_ID = "t-0123456789abcdef:text:1"
_TOKEN = "bench"

Synchronous = Literal["FULL", "NORMAL"]


class Answering(msgspec.Struct, frozen=True):
    """The application on a port."""

    app: ChatApp
    port: int


@asynccontextmanager
async def answering(*, say: str = "Good.", **config: Any) -> AsyncIterator[Answering]:
    """Run the whole application on an SQLite file of its own, behind our own server.

    Args:
        say: What the default profile answers to ``go``, word by word and without a delay; to all else it says ``Well.``
        config: See ``Config``.
    """
    with TemporaryDirectory(prefix="webchat-bench-") as folder:
        config = {"profiles": _profiles(Path(folder), say), **config}
        connections = Connections()
        async with build(Config(db=str(Path(folder) / "chat.sqlite"), **config)) as app:
            application = make_application(lambda: app.service, token=_TOKEN, ui=False, connections=connections)
            async with _listening(application) as port:
                yield Answering(app, port)
                await connections.close_all()


def _profiles(folder: Path, say: str) -> dict[str, Any]:
    turns = [{"match": "go", "steps": [{"say": say}]}, {"steps": [{"say": "Well."}]}]
    script = {"script": 1, "defaults": {"chunk": "word", "delay_ms": 0}, "turns": turns}
    (folder / "script.yaml").write_text(yaml.safe_dump(script))
    return {"default": "default", "profiles": [{"slug": "default", "script": str(folder / "script.yaml")}]}


async def ask(served: Answering, prompt: str, conv_id: str) -> None:
    """Submit a prompt and wait for the end of the answer."""
    service = served.app.service
    await service.submit(Principal(), SubmitRequest(prompt=prompt, conv_id=conv_id))
    await service.wait_idle(Principal(), conv_id)


async def join(clients: Clients, port: int, *, count: int = 1, conv_id: str = CONVERSATION) -> None:
    """Connect clients that follow the conversation; returns when each has its snapshot."""
    path = f"/v1/ws?conv_id={conv_id}&token={_TOKEN}"
    await clients.open(port, [path] * count, until=b'"type":"timeline.snapshot"')


class _BareSocket(WebSocketHandler):
    def initialize(self, sockets: list[WebSocketHandler]) -> None:
        self._sockets = sockets

    def open(self, *_: str, **__: str) -> None:
        self.set_nodelay(True)
        self._sockets.append(self)

    def on_close(self) -> None:
        self._sockets.remove(self)


@final
class Bare:
    """What anybody would write first: a tornado websocket, ``write_message`` per event and client, nothing kept."""

    def __init__(self, port: int, sockets: list[WebSocketHandler]) -> None:
        self.port = port
        self._sockets = sockets

    async def join(self, clients: Clients, *, count: int = 1) -> None:
        """Connect clients."""
        await clients.open(self.port, ["/"] * count)

    def send(self, ordinal: int, text: str, type: str = "llm.delta") -> None:
        """One event to all clients: the same envelope as ours, encoded once."""
        frame = bare_frame(ordinal, text, type).decode()
        for client in self._sockets:
            client.write_message(frame)


def bare_frame(ordinal: int, text: str, type: str = "llm.delta") -> bytes:
    """The envelope of one event, as ours writes it."""
    seq = str(ordinal)
    append = {"op": "append", "kind": "ChatMessage", "id": MESSAGE_ID, "field": "content"}
    event = {"type": type, "id": MESSAGE_ID, "conv_id": CONVERSATION, "seq": seq, "prev": str(ordinal - 1)}
    event |= {"stream_id": f"{seq}-0", "at_ms": 1_700_000_000_000, "data": {}}
    event["ops"] = [append | {"at": ordinal, "text": text, "updated": seq}]
    return msgspec.json.encode({"sem": True, "event": event})


@asynccontextmanager
async def bare() -> AsyncIterator[Bare]:
    """Run the bare server."""
    sockets: list[WebSocketHandler] = []
    async with _listening(web.Application([("/", _BareSocket, {"sockets": sockets})])) as port:
        yield Bare(port, sockets)


@asynccontextmanager
async def _listening(application: web.Application) -> AsyncIterator[int]:
    server, sockets = HTTPServer(application), bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


def delta(text: str, message_id: str = MESSAGE_ID) -> Event:
    """The event of one token."""
    payload = ev.ChatTokensDelta(message_id=message_id, text=text)
    return Event(session_id=CONVERSATION, name="ChatTokensDelta", payload=payload)


async def begin_message(app: ChatApp, message_id: str = MESSAGE_ID) -> None:
    """An answer that has no text yet, in a conversation that exists."""
    payloads: list[Any] = [ev.ChatTextSegmentStarted(message_id=message_id, run_id="r")]
    if not (await app.hub.session(CONVERSATION)).exists:
        payloads.insert(0, ev.ChatConversationCreated(profile="default"))
    for payload in payloads:
        await app.hub.publish(Event(session_id=CONVERSATION, name=payload.DESCRIPTOR.name, payload=payload))


def end_of_message(message_id: str = MESSAGE_ID) -> Event:
    """The answer's last event; its frame says ``llm.final``."""
    payload = ev.ChatTextSegmentFinished(message_id=message_id, status="finished")
    return Event(session_id=CONVERSATION, name="ChatTextSegmentFinished", payload=payload)


END = b'"llm.final"'
"""In the frame of ``end_of_message``, and of no other."""
