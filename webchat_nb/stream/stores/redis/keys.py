"""Names of keys, and of members that are made of two texts."""

from __future__ import annotations

from typing import final


@final
class Keys:
    """The names of all keys under one prefix; ``scripts/write.lua`` makes them in the same way."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.sessions = f"{prefix}:sessions"
        self.changes = f"{prefix}:changes"

    def of(self, what: str, id: str) -> str:
        """The key of one session's part, such as ``log``, or of a writer or lease."""
        return f"{self.prefix}:{what}:{id}"

    def by(self, attribute: str, value: str) -> str:
        """The index of the sessions whose attribute has this value."""
        return f"{self.prefix}:by:{attribute}={value}"


def joined(first: str, second: str) -> bytes:
    """One member out of two texts; any two texts give another one."""
    return beginning(first) + second.encode()


def beginning(first: str) -> bytes:
    """What all members with this first text begin with, and no other."""
    encoded = first.encode()
    return b"%d:%b" % (len(encoded), encoded)


def parted(member: bytes) -> tuple[str, str]:
    """The two texts again."""
    length, _, rest = member.partition(b":")
    at = int(length)
    return rest[:at].decode(), rest[at:].decode()
