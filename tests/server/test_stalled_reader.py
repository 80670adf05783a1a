"""A client that reads nothing, on the real server with real sockets: it harms nobody but itself."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from socket import SO_RCVBUF, SOL_SOCKET, socket
from statistics import median, quantiles
from time import monotonic, monotonic_ns

import pytest

from tests.server.stamping_server import TOKEN

HEALTHY = 49
PIECES = 150
ROUNDS = 3
FLOOR_US = 2_000
"""Delays below this say more about the machine than about the server."""

TIMEOUT_S = 20
SMALL_BUFFER_BYTES = 4096
END = b'"run.finished"'
HANDSHAKE = (
    "GET /v1/ws?conv_id={conv_id}&token={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: d2ViY2hhdC1uYi1iZW5jaA==\r\n\r\n"
)


@contextmanager
def serving() -> Iterator[int]:
    """The server in a process of its own: its port."""
    command = [sys.executable, "-m", "tests.server.stamping_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def join(port: int, conv_id: str, *, buffer_bytes: int | None = None) -> socket:
    """A client that has its snapshot."""
    client = socket()
    client.settimeout(TIMEOUT_S)
    if buffer_bytes is not None:
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer_bytes)
    client.connect(("127.0.0.1", port))
    client.sendall(HANDSHAKE.format(conv_id=conv_id, token=TOKEN, port=port).encode())
    read_until(client, b'"type":"timeline.snapshot"')
    return client


def read_until(client: socket, end: bytes) -> bytes:
    came = b""
    while end not in came:
        chunk = client.recv(1 << 18)
        assert chunk, "the server closed the connection"
        came += chunk
    return came


def submit(port: int, conv_id: str) -> None:
    body = json.dumps({"prompt": str(PIECES), "conv_id": conv_id}).encode()
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat", body, headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        assert answer.status == 200


def delays_us(clients: list[socket]) -> list[float]:
    """From each piece's making to its arrival, for all clients, until each has the end."""
    delays: list[float] = []
    tails = dict.fromkeys(clients, b"")
    until_s = monotonic() + TIMEOUT_S
    with DefaultSelector() as selector:
        for client in clients:
            selector.register(client, EVENT_READ)
        while tails:
            ready = selector.select(1)
            assert monotonic() < until_s, f"{len(tails)} clients wait for the end"
            for key, _ in ready:
                client = key.fileobj
                assert isinstance(client, socket)
                chunk = client.recv(1 << 18)
                assert chunk, "the server closed a connection"
                now_ns = monotonic_ns()
                if (
                    b'"op":"append"' in chunk
                    and (stamp := chunk.rpartition(b'"text":"<')[2].partition(b">")[0]).isdigit()
                ):
                    delays.append((now_ns - int(stamp)) / 1000)
                if END in tails[client] + chunk:
                    selector.unregister(client)
                    del tails[client]
                else:
                    tails[client] = chunk[-len(END) :]
    return delays


def p99_us(port: int, conv_id: str, *, is_one_stalled: bool) -> float:
    """Of the healthy clients' delays; the stalled one is shown to have lost its backlog."""
    healthy = [join(port, conv_id) for _ in range(HEALTHY)]
    stalled = join(port, conv_id, buffer_bytes=SMALL_BUFFER_BYTES) if is_one_stalled else None
    try:
        submit(port, conv_id)
        delays = delays_us(healthy)
        if stalled is not None:
            came = read_until(stalled, b'"gap_too_large"')
            assert len(came) < PIECES * 2000, "it got a snapshot in place of what it missed"
    finally:
        for client in (*healthy, *([stalled] if stalled is not None else [])):
            client.close()
    assert len(delays) > HEALTHY * PIECES // 2, "too few of the pieces were seen"
    return quantiles(delays, n=100)[98]


@pytest.mark.rule("FR8")
def test_a_stalled_reader_does_not_slow_49_others() -> None:
    with serving() as port:
        p99_us(port, "warm-up", is_one_stalled=False)
        without, beside = [], []
        for number in range(ROUNDS):
            without.append(p99_us(port, f"without{number}", is_one_stalled=False))
            beside.append(p99_us(port, f"beside{number}", is_one_stalled=True))
    assert median(beside) <= 2 * max(median(without), FLOOR_US), (without, beside)
