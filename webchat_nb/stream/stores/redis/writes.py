"""Commits and erasures, as arguments of the scripts; one write at a time, each with a number.

Rule: OR1, OR2, OR4, ST3, ST4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, final

import msgspec

from webchat_nb.errors import StoreError
from webchat_nb.stream.clock import Clock
from webchat_nb.stream.model import EntityRow, Epoch, Ordinal, Receipt
from webchat_nb.stream.store import SessionCommit, StoreUsage
from webchat_nb.stream.stores.continuity import check_follows
from webchat_nb.stream.stores.redis.keys import joined
from webchat_nb.stream.stores.redis.link import SHORT_PATIENCE_S, Link
from webchat_nb.stream.stores.redis.recognition import SCHEMA_VERSION, Recognition
from webchat_nb.stream.stores.redis.scripts import COMMIT, ERASE, Script

INDEXED: Final = ("owner", "status")
"""Attributes by whose value sessions are found without walking all of them."""

_TURN_CHECK_S = 0.002
"""Between two attempts to commit to a session in which another server has its turn."""

_MAX_DOUBTS = 3
"""So often Redis is looked at again within one write; more means that somebody else keeps deleting our keys."""

_attributes_to_json = msgspec.json.Encoder(order="deterministic").encode


@final
class Writer:
    """Writes of one process, in order.

    Redis keeps the number of the last write of each writer, in the same step as the write. A write whose answer was lost
    with the connection is sent again with its number, and recognised when it was done.

    Args:
        link: The way to Redis.
        recognition: Told what was acknowledged.
        prefix: Of the keys.
        name: The writer's own; never used by another.
        patience_s: How long a commit is tried while Redis is away.
        clock: Tells when to try again.
    """

    def __init__(
        self, *, link: Link, recognition: Recognition, prefix: str, name: str, patience_s: float, clock: Clock
    ) -> None:
        self._clock = clock
        self._link = link
        self._recognition = recognition
        self._prefix = prefix
        self._name = name
        self._patience_s = patience_s
        self._number = 0
        self._usage = StoreUsage()
        self.turn = asyncio.Lock()

    async def commit(self, batch: Sequence[SessionCommit]) -> None:
        """Keep all of the batch or nothing; the caller has the turn."""
        for commit in batch:  # Redis checks only where it begins
            check_follows(commit, head=commit.base, epoch=commit.epoch)
        arguments = commit_arguments(batch)
        kind, *details = await self._write(COMMIT, *arguments, patience_s=self._patience_s)
        while kind == b"wait":  # another server has its turn, which ends by itself
            await self._clock.sleep(_TURN_CHECK_S)
            kind, *details = await self._write(COMMIT, *arguments, patience_s=self._patience_s)
        if kind == b"conflict":
            index, head, epoch = details
            check_follows(batch[index], head=Ordinal(int(head)), epoch=Epoch(epoch.decode()))
        self._usage = StoreUsage(
            commits=self._usage.commits + 1,
            events=self._usage.events + sum([len(commit.events) for commit in batch]),
            rows=self._usage.rows + sum([len(commit.rows) for commit in batch]),
            bytes_written=self._usage.bytes_written + sum(map(len, arguments)),
        )

    async def erase(self, session_id: str) -> bool:
        """Delete all of a session; the caller has the turn. False when it had no log."""
        _, answer = await self._write(ERASE, session_id, patience_s=SHORT_PATIENCE_S)
        return bool(answer == b"1")

    def usage(self) -> StoreUsage:
        """What was written since the beginning; ``bytes_written`` is what was sent, without the protocol around it."""
        return self._usage

    async def _write(self, script: Script, *arguments: bytes | str, patience_s: float) -> list[Any]:
        self._number += 1
        for _ in range(_MAX_DOUBTS):
            known = (self._prefix, self._name, self._number, self._recognition.acknowledged, SCHEMA_VERSION)
            answer: list[Any] = await self._link.run(script, *known, *arguments, patience_s=patience_s)
            if answer[0] != b"doubt":
                break
            await self._link.recognise()
        else:
            raise StoreError("store: the keys in Redis vanish while they are written: is somebody deleting them?")
        if answer[0] == b"done":
            self._recognition.acknowledge(self._number)
        return answer


def commit_arguments(batch: Sequence[SessionCommit]) -> list[bytes | str]:
    """A batch as ``scripts/commit.lua`` reads it."""
    arguments: list[bytes | str] = [str(len(batch))]
    for commit in batch:
        arguments += _facts_of(commit)
    for commit in batch:
        for event in commit.events:
            arguments += (
                str(event.ordinal),
                event.name,
                event.payload,
                str(event.at_ms),
                "1" if event.appends else "0",
            )
        for row in commit.rows:
            removed = "1" if row.removed else "0"
            member = joined(row.kind, row.id)
            arguments += (member, str(row.created), str(row.updated), removed, row_to_bytes(row))
        for receipt in commit.receipts:
            arguments += (joined(receipt.actor, receipt.key), _receipt_to_json(receipt))
    return arguments


def _facts_of(commit: SessionCommit) -> list[bytes | str]:
    return [
        commit.session_id,
        str(commit.base),
        str(commit.head),
        commit.epoch,
        commit.next_epoch or "",
        str(commit.settled),
        _attributes_to_json(commit.attributes),
        str(commit.at_ms),
        *(f"={commit.attributes[name]}" if name in commit.attributes else "" for name in INDEXED),
        "1" if commit.replaces_rows else "0",
        str(len(commit.events)),
        str(len(commit.rows)),
        str(len(commit.receipts)),
    ]


def row_to_bytes(row: EntityRow) -> bytes:
    """A row as it is kept: its ordinals in readable form, then the payload as it is."""
    return b"%d %d %d %d " % (row.created, row.updated, row.rebased, row.removed) + row.payload


def _receipt_to_json(receipt: Receipt) -> bytes:
    return msgspec.json.encode(KeptReceipt(receipt.fingerprint, receipt.answer, receipt.ordinal, receipt.at_ms))


class KeptReceipt(msgspec.Struct, frozen=True):
    """What is kept of a receipt; session, actor and key are in the names."""

    fingerprint: str
    answer: dict[str, object]
    ordinal: int
    at_ms: int
