"""What runs inside Redis. A script is one step there: nobody sees half of it, and a crash keeps all or nothing.

Written for Redis 7.0 and one node: keys are put together inside.

Source: redis.io/docs/latest/develop/programmability/eval-intro.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final, final


@final
class Script:
    """A Lua file, ready to be run.

    Args:
        names: Files that make up the script, in order.
        flags: What Redis lets it do: ``no-writes`` runs on a full or read-only Redis, ``allow-oom`` on a full one. A
            script without one is refused as a whole, before its first command, by a Redis that is full or read-only.
    """

    def __init__(self, *names: str, flags: str = "") -> None:
        head = f"#!lua flags={flags}\n" if flags else "#!lua\n"
        folder = resources.files(__name__)
        self.text: Final = head + "".join([folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names])
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


COMMIT: Final = Script("write", "commit")
ERASE: Final = Script("write", "erase", flags="allow-oom")
PRUNE: Final = Script("prune", flags="allow-oom")
FORGET_RECEIPTS: Final = Script("forget_receipts", flags="allow-oom")
RECOGNISE: Final = Script("recognise", flags="allow-oom")
HOLD: Final = Script("hold", flags="allow-oom")
LET_GO: Final = Script("let_go", flags="allow-oom")
SESSION: Final = Script("session", flags="no-writes")
LIST: Final = Script("list", flags="no-writes")
PAGE: Final = Script("page", flags="no-writes")
KIND: Final = Script("kind", flags="no-writes")
